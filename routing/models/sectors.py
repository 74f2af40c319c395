"""A large wave of one hub that is planned by sectors: what was cut, and what came back."""

from django.db import models
from django.db.models import Q

from marketplace.database.models import Identified
from marketplace.places.models import Hub
from routing import states
from routing.models.plans import Plan

UNDER_WAY = (states.RunStatus.SOLVING.value, states.RunStatus.JOINING.value)


class SectorRun(Identified):
    """One wave on its way to a plan: its sectors are solved by tasks of their own, then joined."""

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="+")
    date = models.DateField()
    wave = models.CharField(max_length=14, choices=[(wave.value, wave.value) for wave in states.Wave])
    based_on = models.PositiveIntegerField(help_text="version of the plan in force when it was cut, 0: none")
    seconds = models.FloatField(help_text="what all searches of one sector's way may take")
    seed = models.IntegerField(default=1)
    status = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in states.RunStatus],
        default=states.RunStatus.SOLVING,
    )
    asked_at = models.DateTimeField(help_text="wire time")
    heard_at = models.DateTimeField(help_text="wire time of its last sign of life")
    joins = models.PositiveSmallIntegerField(default=0, help_text="how often joining was begun")
    ended_at = models.DateTimeField(null=True)
    plan = models.ForeignKey(Plan, on_delete=models.SET_NULL, null=True, related_name="+")
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hub", "date", "wave"],
                condition=Q(status__in=UNDER_WAY),
                name="one_sector_run_under_way",
            )
        ]


class Sector(models.Model):
    """One task of a run. Number 0 is the whole wave with everybody's first choice, to compare with.

    The bytes are a problem and plans as the solver writes them, compressed; gone when the run has ended.
    """

    run = models.ForeignKey(SectorRun, on_delete=models.CASCADE, related_name="sectors")
    number = models.PositiveSmallIntegerField()
    legs = models.PositiveIntegerField()
    status = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in states.PartStatus],
        default=states.PartStatus.WAITING,
    )
    problem = models.BinaryField()
    #: its part of the plan that was cut, which holds where no better one comes
    first = models.BinaryField()
    answer = models.BinaryField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_sector_per_number")]
