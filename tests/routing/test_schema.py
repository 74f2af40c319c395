"""Plans through the product's schema: who reads them, and how one is asked for."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.places.models import Hub
from routing.models import Plan
from routing.services.waves import planning
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.graph import ask, data_of
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = pytest.mark.django_db

PLANS = """query($hub: ID!, $date: Date) { plans(hubId: $hub, date: $date) {
  id wave version status km costFen co2G optionsSavedFen metrics engine hub { id }
  routes { id km stops { seq tasks { kind } } } unserved { shipmentId reference reason } } }"""
PLAN_WAVE = """mutation($hub: ID!, $date: Date!, $wave: String!) {
  planWave(hubId: $hub, date: $date, wave: $wave) { taskId errors { code field } } }"""


@pytest.fixture
def plan() -> Plan:
    hub = make_hub()
    make_vehicle(hub=hub)
    make_shipment(hub=hub, place=make_station(hub=hub).place)
    make_shipment(hub=hub, place=make_station(hub=hub).place, zone="frozen")
    return planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave="village_loop", seconds=1)


def test_a_dispatcher_reads_the_plans_of_his_hub(plan: Plan) -> None:
    dispatcher = make_principal("dispatcher", "hub", plan.hub.uuid)
    [row] = data_of(PLANS, dispatcher, hub=str(plan.hub.uuid), date=DAY.isoformat())
    assert (row["id"], row["wave"], row["version"]) == (str(plan.uuid), "village_loop", 1)
    assert (row["km"], row["costFen"]) == (plan.distance_m / 1000, plan.cost_fen)
    assert json.loads(row["metrics"])["served"] == 1
    assert [stop["tasks"] for stop in row["routes"][0]["stops"]] == [[{"kind": "drop"}]]
    assert [entry["reason"] for entry in row["unserved"]] == ["capacity"]
    query = "query($id: ID!) { plan(id: $id) { id status } }"
    assert data_of(query, dispatcher, id=str(plan.uuid)) == {"id": str(plan.uuid), "status": "published"}


def test_other_hubs_plans_stay_closed(plan: Plan) -> None:
    other: Hub = make_hub()
    stranger = make_principal("dispatcher", "hub", other.uuid)
    assert ask(PLANS, stranger, hub=str(plan.hub.uuid))["errors"]
    query = "query($id: ID!) { plan(id: $id) { id } }"
    assert ask(query, stranger, id=str(plan.uuid))["errors"]
    assert ask(PLANS, make_principal(), hub=str(plan.hub.uuid))["errors"]


def test_planning_is_asked_for_and_refused_by_name(plan: Plan) -> None:
    dispatcher = make_principal("dispatcher", "hub", plan.hub.uuid)
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    ask_for = {"hub": str(plan.hub.uuid), "date": tomorrow, "wave": "village_loop"}
    answer = data_of(PLAN_WAVE, dispatcher, **ask_for)
    assert answer["errors"] == []
    assert answer["taskId"]
    answer = data_of(PLAN_WAVE, dispatcher, **{**ask_for, "wave": "lunch"})
    assert answer == {"taskId": None, "errors": [{"code": "unknown_wave", "field": "wave"}]}
    answer = data_of(PLAN_WAVE, make_principal(), **ask_for)
    assert answer["errors"] == [{"code": "forbidden", "field": None}]
