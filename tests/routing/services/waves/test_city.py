"""All hubs of a wave by one act: one task per hub, each plan in force by itself, two who ask join."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput
from marketplace.kernel.principal import Grant, Principal
from marketplace.places.models import Hub
from routing import tasks
from routing.errors import NothingToPlan, NotThatDay, PlanRefused, UnknownWave
from routing.models import CityPart, CityRun, Plan
from routing.services.waves import city, planning, queueing
from routing.services.waves.city import parts_of, plan_city, plan_part, run_of
from tests.factories.accounts import make_principal, make_user
from tests.factories.farmers import make_station
from tests.factories.places import make_county, make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

LOOP = "village_loop"
COUNTIES = (("360921", "奉新县"), ("360922", "万载县"), ("360923", "上高县"))


@pytest.fixture
def hubs() -> list[Hub]:
    """Two hubs with 1 and 2 shipments, one without any."""
    found = [make_hub(county=make_county(code=code, name=name)) for code, name in COUNTIES]
    for number, hub in enumerate(found[:2], start=1):
        make_vehicle(hub=hub)
        for _ in range(number):
            make_shipment(hub=hub, place=make_station(hub=hub).place)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Parts handed to the queue, in order."""
    found: list[int] = []

    def take(name: str, args: list, task_id: str) -> None:
        if name == city.TASK:
            found.append(args[0])

    monkeypatch.setattr(queueing.current_app, "send_task", take)
    # Every test is one transaction: what follows a commit follows at once.
    monkeypatch.setattr(city.transaction, "on_commit", lambda work: work())
    return found


@pytest.fixture
def boss(hubs: list[Hub]) -> Principal:
    """Dispatches all three."""
    return Principal(make_user().uuid, frozenset(Grant("dispatcher", "hub", hub.uuid) for hub in hubs))


def asked(boss: Principal, **how) -> CityRun:
    return plan_city(principal=boss, **({"day": DAY, "wave": LOOP} | how))


def states(run: CityRun) -> list[tuple[str, str]]:
    return list(run.parts.order_by("pk").values_list("hub__place__county__name", "status"))


def test_every_hub_with_something_to_carry_is_one_task(
    hubs: list[Hub], boss: Principal, sent: list[int]
) -> None:
    run = asked(boss)
    parts = parts_of(principal=boss, run=run)
    assert [(part.hub, part.legs) for part in parts] == [(hubs[1], 2), (hubs[0], 1)]
    assert sorted(sent) == sorted(part.pk for part in parts)
    assert Plan.objects.count() == 0
    for part in sent:
        assert tasks.plan_city_part(part) == "done"
    assert {plan.hub for plan in Plan.objects.filter(status="published")} == set(hubs[:2])
    [one, other] = parts_of(principal=boss, run=run)
    assert (one.plan.hub, other.plan.hub) == (hubs[1], hubs[0])
    assert one.ended_at >= one.started_at


def test_who_asks_while_it_runs_joins(hubs: list[Hub], boss: Principal, sent: list[int]) -> None:
    first = asked(boss)
    second = asked(make_principal("platform", "platform", None))
    assert second == first
    assert len(sent) == 2
    for part in sent:
        plan_part(part)
        plan_part(part)  # delivered twice
    assert Plan.objects.count() == 2
    third = asked(boss)
    assert third != first
    assert len(sent) == 4


def test_a_hub_that_fails_does_not_stop_the_others(
    hubs: list[Hub], boss: Principal, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = planning.plan_wave

    def refuse(**how):
        if how["hub_uuid"] == hubs[0].uuid:
            raise PlanRefused(params={"why": "test"})
        return whole(**how)

    run = asked(boss)
    monkeypatch.setattr(planning, "plan_wave", refuse)
    for part in list(sent):
        plan_part(part)
    failed = run.parts.get(status="failed")
    assert (failed.hub, failed.why.split(":")[0]) == (hubs[0], "plan_refused")
    assert Plan.objects.get().hub == hubs[1]
    assert len(sent) == 2


def test_a_dead_worker_is_replaced_when_somebody_asks_again(
    hubs: list[Hub], boss: Principal, sent: list[int]
) -> None:
    run = asked(boss)
    CityPart.objects.filter(pk=sent[0]).update(
        status="running", started_at=clock.wall() - timedelta(minutes=10)
    )
    assert asked(boss) == run
    assert sent == [sent[0], sent[1], sent[0]]


def test_a_dispatcher_sees_and_plans_his_own_hubs(hubs: list[Hub], sent: list[int]) -> None:
    mine = make_principal("dispatcher", "hub", hubs[0].uuid)
    run = asked(mine)
    assert states(run) == [("奉新县", "waiting")]
    other = make_principal("dispatcher", "hub", hubs[1].uuid)
    assert run_of(principal=other, day=DAY, wave=LOOP) is None
    assert asked(other) == run  # both are parts of one evening
    assert run_of(principal=other, day=DAY, wave=LOOP) == run
    assert [part.hub for part in parts_of(principal=other, run=run)] == [hubs[1]]


def test_stages_are_seen_while_a_part_runs(
    hubs: list[Hub], boss: Principal, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(boss)
    seen: list[tuple[str, str]] = []
    whole = planning.publish_plan

    def look(proposal):
        seen.append(CityPart.objects.values_list("status", "stage").get(pk=sent[0]))
        return whole(proposal)

    monkeypatch.setattr(planning, "publish_plan", look)
    plan_part(sent[0])
    assert seen == [("running", "searching")]


def test_what_makes_no_sense_is_refused(hubs: list[Hub], boss: Principal, sent: list[int]) -> None:
    for error, how in (
        (UnknownWave, {"wave": "lunch"}),
        (NotThatDay, {"day": DAY + timedelta(days=30)}),
        (InvalidInput, {"seconds": 0}),
        (NothingToPlan, {"wave": "town_delivery"}),
    ):
        with pytest.raises(error):
            asked(boss, **how)
    with pytest.raises(Forbidden):
        asked(make_principal("courier", "carrier", hubs[0].uuid))
    assert (CityRun.objects.count(), sent) == (0, [])
