"""Two planners finish one wave at once: with every guard off, each guard alone, then the service as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection

from marketplace.outbox.models import OutboxEvent
from marketplace.places.models import Hub
from routing.models import Leg, Plan, StopTask
from routing.services.waves import planning, publishing
from routing.services.waves.building import WaveProblem, load_wave
from routing.services.waves.publishing import Proposal
from routing.solver.solve import Limits
from routing.states import Wave
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = pytest.mark.django_db(transaction=True)

GUARDS = ("one_published_plan", "plan_version")


@pytest.fixture
def wave() -> WaveProblem:
    hub: Hub = make_hub()
    make_vehicle(hub=hub)
    make_shipment(hub=hub, place=make_station(hub=hub).place)
    return load_wave(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP)


@pytest.fixture
def without_constraints() -> Iterator[Callable[[], None]]:
    constraints = [c for c in Plan._meta.constraints if c.name in GUARDS]

    def drop() -> None:
        with connection.schema_editor() as editor:
            for constraint in constraints:
                editor.remove_constraint(Plan, constraint)

    yield drop
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_class WHERE relname = %s", [GUARDS[0]])
        present = cursor.fetchone()
    if not present:
        Plan.objects.all().delete()
        with connection.schema_editor() as editor:
            for constraint in constraints:
                editor.add_constraint(Plan, constraint)


def proposal(wave: WaveProblem) -> Proposal:
    return planning._propose(wave, limits=Limits(iterations=1), seed=1, engine="ortools")


def race(wave: WaveProblem, planners: int = 2) -> list[str]:
    """What each planner met, sorted."""
    proposals = [proposal(wave) for _ in range(planners)]

    def publish(number: int) -> str:
        try:
            plan = publishing.publish_plan(proposals[number])
        except IntegrityError:
            return "refused by the database"
        finally:
            connection.close()
        return f"version {plan.version} in force"

    with ThreadPoolExecutor(planners) as pool:
        return sorted(pool.map(publish, range(planners)))


def lock_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the plan in force without a lock, and wait until both have: the interleaving that hurts."""
    both_have_read, current = Barrier(2), publishing._current

    def unlocked(wave: WaveProblem) -> Plan | None:
        plan = current(wave)
        both_have_read.wait(timeout=60)
        return plan

    monkeypatch.setattr(publishing, "lock_key", lambda name: None)
    monkeypatch.setattr(publishing, "_current", unlocked)
    monkeypatch.setattr(publishing, "lock_shipments", _read_shipments)


def _read_shipments(legs: Iterable[Leg]) -> dict[int, object]:
    return {leg.shipment_id: leg.shipment for leg in legs}


def in_force() -> list[int]:
    return list(Plan.objects.filter(status="published").values_list("version", flat=True))


def test_without_any_guard_two_plans_are_in_force(
    wave: WaveProblem, monkeypatch: pytest.MonkeyPatch, without_constraints: Callable[[], None]
) -> None:
    lock_off(monkeypatch)
    without_constraints()
    assert race(wave) == ["version 1 in force", "version 1 in force"]
    assert in_force() == [1, 1]


def test_the_constraints_alone_leave_one(wave: WaveProblem, monkeypatch: pytest.MonkeyPatch) -> None:
    lock_off(monkeypatch)
    assert race(wave) == ["refused by the database", "version 1 in force"]
    assert in_force() == [1]
    assert StopTask.objects.count() == 1


def test_the_lock_alone_leaves_one(wave: WaveProblem, without_constraints: Callable[[], None]) -> None:
    without_constraints()
    assert race(wave) == ["version 1 in force", "version 1 in force"]
    assert in_force() == [1]
    assert Plan.objects.count() == 1


def test_four_planners_end_in_one_plan(wave: WaveProblem) -> None:
    assert race(wave, planners=4) == ["version 1 in force"] * 4
    assert Plan.objects.count() == 1
    assert StopTask.objects.count() == 1
    assert OutboxEvent.objects.filter(type="routing.PlanPublished").count() == 1
    assert OutboxEvent.objects.filter(type="routing.ShipmentPlanned").count() == 1
