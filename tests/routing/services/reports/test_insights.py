"""The day's summary: the wave solved again without one thing at a time."""

from __future__ import annotations

import pytest

from marketplace.places.models import Hub, Place
from routing import tasks
from routing.models import Leg, Plan, PlanInsight, Shipment
from routing.services.in_force import edits
from routing.services.reports.insights import summarise
from routing.services.waves import planning, queueing
from routing.services.waves.fixed_tours import fix_tour
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

LOOP = "village_loop"


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    make_vehicle(hub=hub)
    return hub


def station(hub: Hub, east: float) -> Place:
    place = make_station(hub=hub).place
    Place.objects.filter(pk=place.pk).update(lon=hub.place.lon + east, lat=hub.place.lat)
    place.refresh_from_db()
    return place


def planned(hub: Hub) -> Plan:
    return planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=1)


def told(plan: Plan) -> dict[str, PlanInsight]:
    return {row.kind: row for row in summarise(plan_uuid=plan.uuid, seconds=0.5)}


def test_options_save_the_way_to_the_far_place(hub: Hub) -> None:
    near, far = station(hub, 0.05), station(hub, 0.3)
    make_shipment(hub=hub, place=near)
    make_shipment(hub=hub, place=far, options=(near,))
    found = told(planned(hub))
    assert set(found) == {"options"}
    options = found["options"]
    assert options.cost_fen > options.base_fen
    assert (options.unserved, options.base_unserved) == (0, 0)


def test_produce_on_the_same_loop_saves_a_tour(hub: Hub) -> None:
    place = station(hub, 0.2)
    make_shipment(hub=hub, place=place)
    make_shipment(hub=hub, place=station(hub, 0.1), direction="up", collects=(place,))
    found = told(planned(hub))
    loop = found["same_loop"]
    assert (loop.base_tours, loop.tours) == (1, 2)
    assert 1.5 * loop.base_fen < loop.cost_fen < 2.5 * loop.base_fen


def test_the_cold_budget_costs_a_van(hub: Hub) -> None:
    """Each stop opens the doors for a minute: two cold parcels with one minute each need two vans."""
    for east in (0.1, -0.1):
        shipment = make_shipment(hub=hub, place=station(hub, east), zone="chilled")
        Shipment.objects.filter(pk=shipment.pk).update(cold_budget_min=1)
    cold = told(planned(hub))["cold_budget"]
    assert (cold.base_tours, cold.tours) == (2, 1)
    assert cold.cost_fen < cold.base_fen


def test_fixed_tours_are_compared_with_a_free_plan_that_can_be_chosen(hub: Hub) -> None:
    dispatcher = make_principal("dispatcher", "hub", hub.uuid)
    places = [station(hub, east) for east in (0.05, 0.1, 0.15)]
    for place in places:
        make_shipment(hub=hub, place=place)
    first = planned(hub)
    tour = fix_tour(
        principal=dispatcher, route_uuid=first.routes.get().uuid, weekdays=[DAY.weekday()], name="东线"
    )
    type(tour).objects.filter(pk=tour.pk).update(from_day=DAY)
    for seq, place in enumerate((places[1], places[2], places[0]), start=11):  # not the shortest order
        tour.stops.filter(place=place).update(seq=seq)
    fixed = planned(hub)
    assert fixed.cause == "fixed"
    insight = told(fixed)["fixed_tours"]
    assert insight.cost_fen < insight.base_fen
    draft = insight.draft
    assert (draft.status, draft.cause, draft.version) == ("draft", "without", fixed.version + 1)
    assert draft.routes.get().stops.count() == 3
    assert Plan.objects.get(status="published") == fixed
    assert told(fixed)["fixed_tours"].draft == draft  # told again it is the same
    effect = edits.choose_version(principal=dispatcher, plan_uuid=draft.uuid)
    chosen = Plan.objects.get(uuid=effect.plan_uuid)
    assert (chosen.version, chosen.cost_fen) == (draft.version + 1, draft.cost_fen)
    assert Leg.objects.filter(status="planned").count() == 3


def test_a_plan_that_was_changed_or_replaced_is_not_explained(hub: Hub) -> None:
    near = station(hub, 0.05)
    make_shipment(hub=hub, place=station(hub, 0.3), options=(near,))
    plan = planned(hub)
    planned(hub)
    assert summarise(plan_uuid=plan.uuid) == []
    assert PlanInsight.objects.count() == 0


def test_a_planned_wave_asks_for_its_summary(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, list]] = []
    monkeypatch.setattr(
        queueing.current_app, "send_task", lambda name, args, task_id: sent.append((name, args))
    )
    near = station(hub, 0.05)
    make_shipment(hub=hub, place=station(hub, 0.3), options=(near,))
    plan = tasks.plan_wave(str(hub.uuid), DAY.isoformat(), LOOP, 1)
    assert sent == [("routing.tasks.explain_plan", [plan])]
    assert tasks.explain_plan(plan) == 1
