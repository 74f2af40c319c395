"""Breaches follow from stored readings alone: recomputed, never counted up."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish
from marketplace.telemetry.cold import RUN_S, Run, Sample, evaluate
from marketplace.telemetry.errors import AlreadyDecided, UnknownDecision
from marketplace.telemetry.events import BreachClosed, BreachMerged, BreachOpened
from marketplace.telemetry.models import Breach, Probe, Reading
from marketplace.telemetry.services.alarms import follow_excursion

LOOK_BACK = timedelta(days=7)
DECISIONS = ("release", "discard")


def review_probe(*, probe_id: int, since: datetime) -> list[Breach]:
    """Bring the breaches of one probe in line with its readings from `since` on; those that changed.

    Looks back to the last reading inside the band before `since`, at most 7 days. The probe's row lock makes
    two reviews wait for each other.
    """
    with transaction.atomic():
        probe = Probe.objects.select_for_update().get(pk=probe_id)
        Probe.objects.filter(pk=probe_id).update(review_since=None)
        start = _start_of_excursion(probe, since)
        rows = list(
            Reading.objects.filter(probe=probe, at__gte=start)
            .order_by("at", "boot", "seq")
            .values_list("at", "c")
        )
        if not rows:
            return []
        samples = [Sample(at_s=at.timestamp(), c=c) for at, c in rows]
        last_at, last_c = rows[-1]
        outside = evaluate(samples, max_c=probe.max_c, min_c=probe.min_c, run_s=0).breaches
        ongoing = [run for run in outside if _ended_at(probe, run, last_at, last_c) is None]
        follow_excursion(probe, ongoing[-1] if ongoing else None)
        runs = [run for run in outside if run.duration_s >= RUN_S]
        changed = [_record(probe, run, _ended_at(probe, run, last_at, last_c)) for run in runs]
        changed += _withdraw(probe, start, last_at, runs)
        return [each for each in changed if each is not None]


def review_due_probes() -> int:
    """Judge the readings that came since the last call; how many probes had some."""
    due = list(Probe.objects.filter(review_since__isnull=False).values_list("pk", "review_since"))
    for probe_id, since in due:
        review_probe(probe_id=probe_id, since=since)
    return len(due)


def note_held_references(*, breach_uuid: UUID, references: Iterable[UUID]) -> None:
    """Goods that somebody holds because of it; adds to what is there."""
    with transaction.atomic():
        breach = Breach.objects.select_for_update().get(uuid=breach_uuid)
        breach.held_references = sorted({*breach.held_references, *(str(each) for each in references)})
        breach.save(update_fields=["held_references"])


def decide_breach(*, principal: Principal, breach_uuid: UUID, decision: str) -> Breach:
    """A person decides about the goods it held: `release` or `discard`, once. Rights are the caller's."""
    if decision not in DECISIONS:
        raise UnknownDecision(field="decision", params={"decision": decision})
    with transaction.atomic():
        breach: Breach = Breach.objects.select_for_update().by_uuid(breach_uuid, field="breach_id")
        if breach.decision == decision:
            return breach
        if breach.decision:
            raise AlreadyDecided(field="breach_id")
        breach.decision, breach.decided_at, breach.decided_by = decision, clock.now(), principal.user_uuid
        breach.save(update_fields=["decision", "decided_at", "decided_by"])
        return breach


def _start_of_excursion(probe: Probe, since: datetime) -> datetime:
    inside = Reading.objects.filter(
        probe=probe, at__lt=since, at__gte=since - LOOK_BACK, c__gte=probe.min_c, c__lte=probe.max_c
    )
    last = inside.order_by("-at").values_list("at", flat=True).first()
    return last if last is not None else since - LOOK_BACK


def _ended_at(probe: Probe, run: Run, last_at: datetime, last_c: float) -> datetime | None:
    """None while the last reading is still outside the band and belongs to the run."""
    end = datetime.fromtimestamp(run.end_s, UTC)
    outside = last_c > probe.max_c or last_c < probe.min_c
    return None if outside and end >= last_at else end


def _record(probe: Probe, run: Run, ended_at: datetime | None) -> Breach | None:
    """Create, lengthen or close the breach of this run; None when nothing changed."""
    started_at = datetime.fromtimestamp(run.start_s, UTC)
    measured: dict[str, Any] = {
        "started_at": started_at,
        "ended_at": ended_at,
        "peak_c": run.peak_c,
        "minutes": round(run.duration_s / 60, 2),
    }
    overlapping: list[Breach] = list(
        Breach.objects.filter(probe=probe, side=run.side.value, withdrawn_at=None)
        .filter(started_at__lte=datetime.fromtimestamp(run.end_s, UTC))
        .filter(Q(ended_at=None) | Q(ended_at__gte=started_at))
        .order_by("started_at")
    )
    if not overlapping:
        return _open(probe, run, measured)
    known, *absorbed = overlapping
    was_open = any(each.ended_at is None for each in overlapping)
    for each in absorbed:
        _merge(each, known)
    if all(getattr(known, name) == value for name, value in measured.items()):
        return None
    for name, value in measured.items():
        setattr(known, name, value)
    known.save(update_fields=list(measured))
    if was_open and ended_at is not None:
        _publish_closed(known, ended_at, withdrawn=False)
    return known


def _merge(breach: Breach, into: Breach) -> None:
    """Late readings join two breaches into one. What the later one held is held by the earlier from now on:
    nothing is released.
    """
    into.held_references = sorted({*into.held_references, *breach.held_references})
    into.save(update_fields=["held_references"])
    breach.withdrawn_at = clock.now()
    breach.ended_at = breach.ended_at or breach.withdrawn_at
    breach.save(update_fields=["withdrawn_at", "ended_at"])
    merged = BreachMerged(
        breach=breach.uuid,
        into=into.uuid,
        asset_kind=breach.asset_kind,
        asset=breach.asset_uuid,
        zone=breach.zone,
    )
    publish(merged, aggregate_kind="breach", aggregate_uuid=breach.uuid)


def _open(probe: Probe, run: Run, measured: dict[str, Any]) -> Breach:
    breach: Breach = Breach.objects.create(
        probe=probe,
        asset_kind=probe.asset_kind,
        asset_uuid=probe.asset_uuid,
        zone=probe.zone,
        side=run.side.value,
        limit_c=probe.max_c if run.side == "above" else probe.min_c,
        noticed_at=clock.now(),
        **measured,
    )
    opened = BreachOpened(
        breach=breach.uuid,
        asset_kind=breach.asset_kind,
        asset=breach.asset_uuid,
        zone=breach.zone,
        started_at=breach.started_at,
        peak_c=breach.peak_c,
    )
    publish(opened, aggregate_kind="breach", aggregate_uuid=breach.uuid)
    if breach.ended_at is not None:
        _publish_closed(breach, breach.ended_at, withdrawn=False)
    return breach


def _withdraw(probe: Probe, start: datetime, last_at: datetime, runs: Iterable[Run]) -> list[Breach]:
    """Breaches in the reviewed stretch that no run supports any more: late readings showed otherwise."""
    supported = [
        (run.side.value, datetime.fromtimestamp(run.start_s, UTC), datetime.fromtimestamp(run.end_s, UTC))
        for run in runs
    ]
    withdrawn = []
    for breach in Breach.objects.filter(
        probe=probe, withdrawn_at=None, started_at__gte=start, started_at__lte=last_at
    ):
        end = breach.ended_at or last_at
        if any(
            side == breach.side and low <= end and breach.started_at <= high for side, low, high in supported
        ):
            continue
        was_open = breach.ended_at is None
        breach.withdrawn_at = clock.now()
        breach.ended_at = end
        breach.save(update_fields=["withdrawn_at", "ended_at"])
        if was_open:
            _publish_closed(breach, end, withdrawn=True)
        withdrawn.append(breach)
    return withdrawn


def _publish_closed(breach: Breach, ended_at: datetime, *, withdrawn: bool) -> None:
    closed = BreachClosed(
        breach=breach.uuid,
        asset_kind=breach.asset_kind,
        asset=breach.asset_uuid,
        zone=breach.zone,
        started_at=breach.started_at,
        ended_at=ended_at,
        peak_c=breach.peak_c,
        withdrawn=withdrawn,
    )
    publish(closed, aggregate_kind="breach", aggregate_uuid=breach.uuid)
