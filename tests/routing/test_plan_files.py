"""A plan as files, for the staff of its hub only."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as xml

import pytest
from django.test import Client
from openpyxl import load_workbook

from marketplace.accounts.models import Membership
from marketplace.accounts.services.sign_in import sign_in_with_pin
from marketplace.places.models import Place
from routing.models import Plan
from tests.factories.accounts import make_user
from tests.factories.farmers import make_station
from tests.factories.places import make_hub
from tests.factories.routing import make_route, make_shipment

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan() -> Plan:
    hub = make_hub()
    places = [make_station(hub=hub).place for _ in range(2)]
    Place.objects.filter(pk=places[0].pk).update(name="=靖安镇")
    stops = [(place, [("drop", make_shipment(hub=hub, place=place).legs.get())]) for place in places]
    return make_route(hub=hub, stops=stops).plan


def client(plan: Plan, role: str = "dispatcher", scope=None) -> Client:
    user = make_user(pin="2580")
    Membership.objects.create(user=user, role=role, scope_kind="hub", scope_uuid=scope or plan.hub.uuid)
    token, _ = sign_in_with_pin(phone=user.phone, pin="2580")
    return Client(headers={"Authorization": f"Bearer {token}"})


def test_stops_go_out_as_tables(plan: Plan) -> None:
    staff = client(plan)
    rows = list(csv.DictReader(io.StringIO(staff.get(f"/plans/{plan.uuid}.csv").content.decode("utf-8-sig"))))
    assert [(row["序"], row["交出"], row["收走"]) for row in rows] == [("1", "1", "0"), ("2", "1", "0")]
    assert rows[0]["停靠点"] == "'=靖安镇"  # no formula out of a name
    book = load_workbook(io.BytesIO(staff.get(f"/plans/{plan.uuid}.xlsx").content))
    assert [row[3].value for row in book.active.iter_rows(min_row=2)] == ["=靖安镇", rows[1]["停靠点"]]


def test_tracks_go_out_as_gpx_from_the_hub_and_back(plan: Plan) -> None:
    answer = client(plan, "hub_operator").get(f"/plans/{plan.uuid}.gpx")
    assert answer["Content-Type"] == "application/gpx+xml"
    space = {"g": "http://www.topografix.com/GPX/1/1"}
    points = xml.fromstring(answer.content).findall("g:rte/g:rtept", space)
    assert len(points) == 4
    hub = plan.hub.place
    ends = [(float(point.attrib["lon"]), float(point.attrib["lat"])) for point in (points[0], points[-1])]
    for end in ends:
        assert end == pytest.approx((hub.lon, hub.lat))


def test_tour_sheets_print_with_chinese_inside(plan: Plan) -> None:
    content = client(plan).get(f"/plans/{plan.uuid}.pdf").content
    assert content.startswith(b"%PDF-")
    assert b"/FontFile3" in content  # letters travel with the paper


def test_other_peoples_plans_are_not_there(plan: Plan) -> None:
    stranger = client(plan, scope=make_hub().uuid)
    assert stranger.get(f"/plans/{plan.uuid}.csv").status_code == 404
    assert Client().get(f"/plans/{plan.uuid}.pdf").status_code == 401
