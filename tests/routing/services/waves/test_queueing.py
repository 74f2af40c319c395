"""Which waves are due, who holds them, and what the dispatcher may ask for."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from kombu.exceptions import OperationalError

from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.kernel.ids import uuid7
from marketplace.outbox.models import OutboxEvent
from marketplace.places.models import Hub
from routing import tasks
from routing.errors import NotThatDay, PlanRefused, UnknownWave
from routing.models import Plan, Route, Shipment, WaveRun
from routing.services.waves import planning, queueing
from routing.services.waves.queueing import ask_for_plan, claim_wave, due_waves, queue_due_waves
from routing.solver.solve import DEFAULT_ENGINE
from routing.states import Wave
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_site, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = pytest.mark.django_db

EVE = DAY - timedelta(days=1)


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    return hub


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list]]:
    """Tasks handed to the queue, in order."""
    found: list[tuple[str, list]] = []
    monkeypatch.setattr(
        queueing.current_app, "send_task", lambda name, args, task_id: found.append((name, list(args)))
    )
    return found


def both_waves(hub: Hub) -> None:
    station = make_station(hub=hub)
    make_shipment(hub=hub, place=make_site(hub=hub).place, direction="up", collects=(station.place,))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return clock.at(day, hour, minute)


def test_waves_are_due_from_seven_in_the_evening_before(hub: Hub) -> None:
    both_waves(hub)
    with clock.as_of(at(EVE, 18, 59)):
        assert due_waves() == []
    with clock.as_of(at(EVE, 19)):
        assert due_waves() == [(hub, DAY, Wave.VILLAGE_LOOP), (hub, DAY, Wave.TOWN_DELIVERY)]


def test_each_due_wave_is_sent_once_while_its_lease_lasts(hub: Hub, sent: list) -> None:
    both_waves(hub)
    with clock.as_of(at(EVE, 19)):
        assert queue_due_waves() == 2
        assert queue_due_waves() == 0
        assert sent == [
            ("routing.tasks.run_due_wave", [str(hub.uuid), DAY.isoformat(), "village_loop"]),
            ("routing.tasks.run_due_wave", [str(hub.uuid), DAY.isoformat(), "town_delivery"]),
        ]
        WaveRun.objects.update(lease_until=clock.wall() - timedelta(seconds=1))  # both planners died
        assert queue_due_waves() == 2


def test_a_wave_that_fails_again_and_again_is_left_to_people(hub: Hub) -> None:
    for _ in range(queueing.MAX_ATTEMPTS):
        assert claim_wave(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP)
        WaveRun.objects.update(lease_until=clock.wall() - timedelta(seconds=1))
    assert not claim_wave(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP)


def test_without_a_queue_nothing_breaks(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    both_waves(hub)

    def refuse(*_, **__):
        raise OperationalError("connection refused")

    monkeypatch.setattr(queueing.current_app, "send_task", refuse)
    with clock.as_of(at(EVE, 19)):
        assert queue_due_waves() == 0


def test_the_task_plans_then_inserts_then_refuses_what_came_too_late(hub: Hub) -> None:
    station = make_station(hub=hub)
    first = make_shipment(hub=hub, place=station.place)
    with clock.as_of(at(EVE, 19)):
        tasks.run_due_wave(str(hub.uuid), DAY.isoformat(), "village_loop")
        assert Plan.objects.get().engine == DEFAULT_ENGINE
        second = make_shipment(hub=hub, place=station.place)
        tasks.run_due_wave(str(hub.uuid), DAY.isoformat(), "village_loop")
        assert Plan.objects.get(status="published").engine == "insertion"
        assert due_waves() == []
        Route.objects.update(status="started")
        third = make_shipment(hub=hub, place=station.place)
        assert tasks.run_due_wave(str(hub.uuid), DAY.isoformat(), "village_loop") is None
        assert due_waves() == []
    statuses = {s.pk: s.status for s in Shipment.objects.all()}
    assert statuses == {first.pk: "planned", second.pk: "planned", third.pk: "unserved"}
    refused = OutboxEvent.objects.get(type="routing.ShipmentUnserved").payload
    assert (refused["reference"], refused["reason"]) == (str(third.reference), "too_late")


def test_a_refusal_is_written_down_and_tried_again_later(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    both_waves(hub)
    claim_wave(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP)

    def refuse(**_):
        raise PlanRefused(params={"why": "no"})

    monkeypatch.setattr(planning, "plan_wave", refuse)
    with clock.as_of(at(EVE, 19)), pytest.raises(PlanRefused):
        tasks.run_due_wave(str(hub.uuid), DAY.isoformat(), "village_loop")
    run = WaveRun.objects.get()
    assert run.last_error.startswith("plan_refused")
    assert run.lease_until > clock.wall()


def test_a_dispatcher_asks_for_his_own_hub(hub: Hub, sent: list, django_capture_on_commit_callbacks) -> None:
    dispatcher = make_principal("dispatcher", "hub", hub.uuid)
    tomorrow = clock.today() + timedelta(days=1)
    ask = {"hub_uuid": hub.uuid, "day": tomorrow, "wave": "village_loop"}
    with django_capture_on_commit_callbacks(execute=True):
        assert ask_for_plan(principal=dispatcher, **ask, seconds=5)
        assert sent == []
    assert sent == [("routing.tasks.plan_wave", [str(hub.uuid), tomorrow.isoformat(), "village_loop", 5])]
    refusals = [
        ({"hub_uuid": make_hub().uuid}, Forbidden),
        ({"hub_uuid": uuid7()}, NotFound),
        ({"wave": "trunk"}, UnknownWave),
        ({"day": tomorrow - timedelta(days=2)}, NotThatDay),
        ({"day": tomorrow + timedelta(days=9)}, NotThatDay),
        ({"seconds": 0}, InvalidInput),
        ({"seconds": 10_000}, InvalidInput),
    ]
    for change, error in refusals:
        with pytest.raises(error):
            ask_for_plan(principal=dispatcher, **{**ask, **change})
    with pytest.raises(Forbidden):
        ask_for_plan(principal=make_principal("courier", "carrier", uuid7()), **ask)
    assert len(sent) == 1


def test_the_task_for_the_dispatcher_plans_the_wave(hub: Hub) -> None:
    make_shipment(hub=hub, place=make_station(hub=hub).place)
    uuid = tasks.plan_wave(str(hub.uuid), DAY.isoformat(), "village_loop", 1)
    assert str(Plan.objects.get().uuid) == uuid
