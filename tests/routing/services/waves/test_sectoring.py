"""A large wave: cut by one task, a task per sector, joined and published by the last; and what goes wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction

from lockers.errors import NoRoom
from marketplace.kernel import clock
from marketplace.kernel.principal import Grant, Principal
from marketplace.places.models import Hub, Place
from routing import tasks
from routing.models import CityPart, Leg, Plan, Sector, SectorRun, StopTask, WaveRun
from routing.services.shipments.requests import cancel_shipment
from routing.services.waves import city, planning, queueing, sectoring
from routing.solver.errors import SolverError
from tests.factories.accounts import make_user
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

LOOP = "village_loop"
#: half of a van's weight, so that each van makes one tour of two
HEAVY_G = 250_000
PARCELS = 8

once = pytest.mark.django_db
pytestmark = pytest.mark.usefixtures("eve")


@pytest.fixture(autouse=True)
def small(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four legs and one tour are a sector."""
    settings.PLAN_SECTOR_LEGS = PARCELS // 2
    monkeypatch.setattr("routing.solver.sectors.FEWEST_TOURS", 1)


@pytest.fixture
def hub() -> Hub:
    """Four tours' worth of heavy parcels, for stations around."""
    hub = make_hub()
    for number in range(PARCELS):
        if number % 2 == 0:
            make_vehicle(hub=hub)
        place = make_station(hub=hub).place
        lon, lat = place.lon + 0.05 * (number % 4 - 1.5), place.lat + 0.05 * (number // 4 - 0.5)
        Place.objects.filter(pk=place.pk).update(lon=lon, lat=lat)
        make_shipment(hub=hub, place=place, weight_g=HEAVY_G)
    return hub


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list]]:
    """Tasks handed to the queue, in order."""
    found: list[tuple[str, list]] = []
    monkeypatch.setattr(
        queueing.current_app,
        "send_task",
        lambda name, args, task_id: found.append((name.split(".")[-1], args)),
    )
    return found


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is one transaction: what follows a commit follows at once."""
    monkeypatch.setattr(transaction, "on_commit", lambda work: work())


def begin(hub: Hub) -> SectorRun:
    run = sectoring.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=0.4)
    assert isinstance(run, SectorRun)
    return run


def work(sent: list[tuple[str, list]], *, but: tuple[int, ...] = ()) -> list[object]:
    """Workers take every task until the queue is empty, but those of some sectors (numbers)."""
    told: list[object] = []
    while sent:
        name, args = sent.pop(0)
        if name == "solve_sector" and Sector.objects.get(pk=args[0]).number not in but:
            told.append(tasks.solve_sector(*args))
        elif name == "join_sectors":
            told.append(tasks.join_sectors(*args))
    return told


def silent(run: SectorRun) -> None:
    """Nobody has heard of the run for longer than it may be silent."""
    SectorRun.objects.filter(pk=run.pk).update(heard_at=clock.wall() - timedelta(minutes=10))


def served() -> int:
    return StopTask.objects.filter(stop__route__plan__status="published", leg__status="planned").count()


@once
@pytest.mark.usefixtures("at_once")
def test_sectors_are_solved_by_tasks_of_their_own_and_come_into_force_whole(hub: Hub, sent: list) -> None:
    run = begin(hub)
    assert [(sector.number, sector.legs) for sector in run.sectors.order_by("number")] == [(1, 4), (2, 4)]
    assert [name for name, _ in sent] == ["solve_sector"] * 2
    assert (tasks.solve_sector(*sent.pop(0)[1]), Plan.objects.count()) == (True, 0)
    assert work(sent) == [True, "done"]
    plan = Plan.objects.get()
    assert (plan.status, plan.version, plan.engine, plan.routes.count()) == ("published", 1, "sectors", 4)
    assert (plan.metrics["sectors"], plan.metrics["served"], plan.metrics["unserved"]) == (2, PARCELS, {})
    assert plan.picture is not None
    assert served() == PARCELS
    run.refresh_from_db()
    assert (run.status, run.plan, run.joins) == ("done", plan, 1)
    assert {(s.status, bytes(s.problem), s.answer) for s in run.sectors.all()} == {("done", b"", None)}


@once
@pytest.mark.usefixtures("at_once")
def test_a_small_wave_is_one_task(hub: Hub, sent: list, settings) -> None:
    settings.PLAN_SECTOR_LEGS = PARCELS
    assert isinstance(sectoring.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=0.2), Plan)
    assert (SectorRun.objects.count(), sent) == (0, [])


@once
@pytest.mark.usefixtures("at_once")
def test_options_are_compared_with_first_choices(hub: Hub, sent: list) -> None:
    make_vehicle(hub=hub)  # the others are full
    one, other = Place.objects.filter(station__isnull=False).order_by("pk")[:2]
    make_shipment(hub=hub, place=one, options=(other,))
    run = begin(hub)
    assert [sector.number for sector in run.sectors.order_by("-legs", "number")] == [0, 1, 2]
    work(sent)
    plan = Plan.objects.get()
    assert plan.metrics["first_choices"]["unserved"] == 0
    assert plan.options_saved_fen == plan.metrics["first_choices"]["cost_fen"] - plan.cost_fen >= 0


@once
@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("at_the_join", [True, False], ids=["solved at the join", "never solved"])
def test_a_sector_that_fails_does_not_stop_the_wave(
    hub: Hub, sent: list, monkeypatch: pytest.MonkeyPatch, at_the_join: bool
) -> None:
    run, whole = begin(hub), sectoring.solve
    calls: list[str] = []

    def refuse(problem, **how):
        calls.append(problem.name)
        if len(calls) == 1 or (len(calls) == 3 and not at_the_join):
            raise SolverError("out of memory")
        return whole(problem, **how)

    monkeypatch.setattr(sectoring, "solve", refuse)
    assert work(sent) == [False, True, "done"]
    assert len(calls) == 3
    assert sorted(run.sectors.values_list("status", "why")) == [("done", ""), ("failed", "out of memory")]
    assert served() == PARCELS


@once
@pytest.mark.usefixtures("at_once")
def test_where_a_worker_died_the_last_plan_stays_until_the_rest_is_joined(hub: Hub, sent: list) -> None:
    before = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=0.2)
    run = begin(hub)
    late = next(args for _, args in sent if Sector.objects.get(pk=args[0]).number == 1)
    assert work(sent, but=(1,)) == [True]
    assert sectoring.join_late_runs() == 0
    assert Plan.objects.get(status="published") == before
    silent(run)
    assert sectoring.join_late_runs() == 1
    assert sectoring.join_late_runs() == 0  # asked for already
    assert work(sent) == ["done"]
    plan = Plan.objects.get(status="published")
    assert (plan.version, plan.engine, served()) == (2, "sectors", PARCELS)
    assert tasks.solve_sector(*late) is False  # it comes back: nobody listens
    assert tasks.join_sectors(run.pk) is None
    assert Plan.objects.count() == 2


@once
@pytest.mark.usefixtures("at_once")
def test_a_join_that_dies_is_begun_again_and_given_up_after_a_while(
    hub: Hub, sent: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    queueing.claim_wave(hub=hub, day=DAY, wave=planning.Wave(LOOP))
    run, whole = begin(hub), sectoring.publish_plan

    def die(proposal):
        raise MemoryError

    monkeypatch.setattr(sectoring, "publish_plan", die)
    for _ in range(sectoring.MAX_JOINS):
        with pytest.raises(MemoryError):
            work(sent)
        assert tasks.join_sectors(run.pk) is None  # whoever began may still be at it
        silent(run)
        sectoring.join_late_runs()
    assert work(sent) == ["failed"]
    run.refresh_from_db()
    assert (run.plan, run.why.split(":")[0], Plan.objects.count()) == (None, "plan_refused", 0)
    assert WaveRun.objects.get().last_error == run.why
    monkeypatch.setattr(sectoring, "publish_plan", whole)
    assert begin(hub) != run
    assert work(sent) == [True, True, "done"]


@once
@pytest.mark.usefixtures("at_once")
def test_two_who_plan_end_in_one_plan(hub: Hub, sent: list) -> None:
    run = begin(hub)
    assert begin(hub) == run
    assert len(sent) == 2
    by_hand = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=0.2)
    assert work(sent) == [True, True, "done"]
    run.refresh_from_db()
    assert (run.plan, Plan.objects.get()) == (by_hand, by_hand)
    # a run that began from a version before only stands in the way
    old = begin(hub)
    Plan.objects.filter(pk=by_hand.pk).update(version=7)
    new = begin(hub)
    old.refresh_from_db()
    assert (new != old, old.status, old.why) == (True, "failed", "outdated")


@once
@pytest.mark.usefixtures("at_once")
def test_what_changed_while_sectors_were_solved_is_in_the_plan(
    hub: Hub, sent: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(hub)
    gone = Leg.objects.order_by("pk")[0].shipment
    cancel_shipment(reference=gone.reference)
    new = make_shipment(hub=hub, place=Place.objects.filter(station__isnull=False)[0])
    whole, tried = sectoring.publish_plan, []

    def no_room_at_first(proposal):
        tried.append(proposal)
        if len(tried) == 1:
            raise NoRoom
        return whole(proposal)

    monkeypatch.setattr(sectoring, "publish_plan", no_room_at_first)
    assert work(sent) == [True, True, "done"]
    planned = set(StopTask.objects.values_list("leg__shipment", flat=True))
    assert (len(planned), new.pk in planned, gone.pk in planned) == (PARCELS, True, False)


@once
@pytest.mark.usefixtures("at_once")
def test_a_due_wave_is_held_while_its_sectors_are_solved(hub: Hub, sent: list) -> None:
    assert queueing.queue_due_waves() == 1
    [(name, args)] = [sent.pop()]
    assert name == "run_due_wave"
    WaveRun.objects.update(lease_until=clock.wall())
    assert tasks.run_due_wave(*args) == str(SectorRun.objects.get().uuid)
    assert queueing.queue_due_waves() == 0
    assert work(sent) == [True, True, "done"]
    held = WaveRun.objects.get()
    assert (held.attempts, held.last_error, held.lease_until <= clock.wall()) == (0, "", True)
    assert queueing.due_waves() == []


@once
@pytest.mark.usefixtures("at_once")
def test_a_city_run_shows_how_far_a_hub_cut_into_sectors_is(
    hub: Hub, sent: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = Principal(make_user().uuid, frozenset({Grant("dispatcher", "hub", hub.uuid)}))
    city.plan_city(principal=boss, day=DAY, wave=LOOP, seconds=1)
    [(_, [part])] = [sent.pop()]
    assert tasks.plan_city_part(part) == "running"
    seen: list[tuple[str, str]] = [CityPart.objects.values_list("status", "stage").get()]
    whole = sectoring.publish_plan

    def look(proposal):
        seen.append(CityPart.objects.values_list("status", "stage").get())
        return whole(proposal)

    monkeypatch.setattr(sectoring, "publish_plan", look)
    work(sent)
    assert seen == [("running", "sectors"), ("running", "joining")]
    row = CityPart.objects.get()
    assert (row.status, row.stage, row.plan) == ("done", "", Plan.objects.get())
    assert row.ended_at >= row.started_at


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [False, True], ids=["lock off", "as it is"])
def test_the_last_two_sectors_end_at_once(
    hub: Hub, sent: list, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    run = begin(hub)
    both = Barrier(2)
    if not locked:

        def unlocked(pk: int) -> SectorRun:
            both.wait(timeout=60)
            return SectorRun.objects.get(pk=pk)

        real = SectorRun.objects.filter

        def pause(*args, **fields):
            """Both have counted and neither saw the other's end: the interleaving that hurts."""
            if "status" not in fields and fields.get("pk") == run.pk:
                both.wait(timeout=60)
            return real(*args, **fields)

        monkeypatch.setattr(sectoring, "_locked", unlocked)
        monkeypatch.setattr(SectorRun.objects, "filter", pause)
    jobs = [args for name, args in sent if name == "solve_sector"]
    sent.clear()

    def end(args: list) -> None:
        try:
            sectoring.solve_sector(*args)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(end, jobs))
    assert [name for name, _ in sent] == (["join_sectors"] if locked else [])
