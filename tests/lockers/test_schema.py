from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lockers.models import Command, Compartment, DeviceAlarm
from lockers.services.oversight.desk import set_camera
from marketplace.kernel.principal import Principal
from marketplace.places.models import Place
from tests.factories.accounts import make_principal
from tests.factories.graph import ask, data_of
from tests.factories.lockers import make_cabinet
from tests.factories.places import make_county, make_hub, make_site

pytestmark = pytest.mark.django_db

CABINETS = """
query ($county: String) { cabinets(countyCode: $county) {
  id device name kind siteKind online lastSeen lockedOutUntil place { id name }
  zones { zone temperatureC minC maxC } free { zone size count }
  compartments { id label door zone size status } } }
"""
OPERATED = """{ operatedCabinets { id online place { name county { code name } }
    zones { zone temperatureC } free { zone size count } } }"""
OPEN = """
mutation ($id: ID!, $reason: String!) { openWithReason(compartmentId: $id, reason: $reason) {
  command { action status } errors { code field } } }
"""
BLOCK = """
mutation ($id: ID!, $reason: String!) { blockCompartment(compartmentId: $id, reason: $reason) {
  compartment { status } errors { code field } } }
"""
UNBLOCK = """
mutation ($id: ID!) { unblockCompartment(compartmentId: $id) {
  compartment { status } errors { code } } }
"""
RELEASE = """
mutation ($id: ID!, $decision: String!) { releaseHeldParcels(breachId: $id, decision: $decision) {
  breach { id } errors { code field } } }
"""


@pytest.mark.parametrize("count", [1, 3])
def test_cabinets_cost_the_same_queries_however_many(count: int) -> None:
    site = make_site()
    made = [
        make_cabinet(site=site, cells=(("chilled", "S"), ("frozen", "S"), ("chilled", "S")))
        for _ in range(count)
    ]
    with CaptureQueriesContext(connection) as queries:
        found = data_of(CABINETS)
    assert {each["id"] for each in found} == {str(each.uuid) for each in made}
    assert len(queries) == 6
    first = found[0]
    assert (first["online"], first["siteKind"], first["place"]["id"]) == (
        True,
        "estate",
        str(site.place.uuid),
    )
    assert first["free"] == [
        {"zone": "chilled", "size": "S", "count": 2},
        {"zone": "frozen", "size": "S", "count": 1},
    ]
    assert first["zones"][0] == {"zone": "chilled", "temperatureC": None, "minC": 2.0, "maxC": 4.0}
    assert {each["status"] for each in first["compartments"]} == {"free"}


@pytest.mark.parametrize("count", [1, 3])
def test_an_operator_sees_the_cabinets_of_his_county(count: int) -> None:
    site = make_site()
    mine = [make_cabinet(site=site) for _ in range(count)]
    make_cabinet(site=make_site(hub=make_hub(county=make_county(code="360902", name="袁州区"))))
    operator = make_principal("cabinet_operator", "county", site.place.county.uuid)
    with CaptureQueriesContext(connection) as queries:
        found = data_of(OPERATED, operator)
    assert {each["id"] for each in found} == {str(each.uuid) for each in mine}
    assert {each["place"]["county"]["code"] for each in found} == {site.place.county.code}
    assert len(queries) == 6
    assert len(data_of(OPERATED, make_principal("platform", scope_kind="platform"))) == count + 1


def operated() -> tuple[Compartment, Principal]:
    cabinet = make_cabinet()
    county = cabinet.site.place.county.uuid
    operator = make_principal("cabinet_operator", "county", county)
    return cabinet.compartments.get(door=1), operator


def test_an_operator_opens_with_a_reason_and_the_log_names_him() -> None:
    compartment, operator = operated()
    variables: dict[str, Any] = {"id": str(compartment.uuid), "reason": "检修"}
    answer = data_of(OPEN, operator, **variables)
    assert answer == {"command": {"action": "open", "status": "pending"}, "errors": []}
    command = Command.objects.get()
    assert (command.actor_uuid, command.reason, command.args["door"]) == (operator.user_uuid, "检修", 1)
    refused = data_of(OPEN, operator, **{**variables, "reason": " "})
    assert refused["errors"] == [{"code": "reason_missing", "field": "reason"}]
    assert Command.objects.count() == 1


def test_only_the_operator_of_that_county_may() -> None:
    compartment, _ = operated()
    stranger = make_principal("cabinet_operator", "county", uuid4())
    for who, code in [
        (stranger, "forbidden"),
        (make_principal(), "forbidden"),
        (Principal(), "unauthenticated"),
    ]:
        for query in (OPEN, BLOCK):
            payload = data_of(query, who, id=str(compartment.uuid), reason="x")
            assert payload["errors"][0]["code"] == code
    assert Command.objects.count() == 0
    compartment.refresh_from_db()
    assert compartment.blocked_at is None


def test_block_and_unblock() -> None:
    compartment, operator = operated()
    variables = {"id": str(compartment.uuid)}
    blocked = data_of(BLOCK, operator, **{**variables, "reason": "清洁"})
    assert blocked == {"compartment": {"status": "blocked"}, "errors": []}
    free = data_of(UNBLOCK, operator, **variables)
    assert free == {"compartment": {"status": "free"}, "errors": []}
    assert Command.objects.get().action == "restore"
    unknown = data_of(BLOCK, operator, id=str(uuid4()), reason="x")
    assert unknown["errors"] == [{"code": "not_found", "field": "compartmentId"}]
    assert DeviceAlarm.objects.count() == 0


def test_an_unknown_breach_is_not_found() -> None:
    _, operator = operated()
    answer = data_of(RELEASE, operator, id=str(uuid4()), decision="release")
    assert answer == {"breach": None, "errors": [{"code": "not_found", "field": "breachId"}]}


def test_a_recorders_channel_is_for_who_operates_the_cabinet() -> None:
    cabinet = make_cabinet()
    mine = make_principal("cabinet_operator", "county", cabinet.site.place.county.uuid)
    asked = "query ($id: ID!) { cabinet(id: $id) { camera } }"
    set_camera(principal=mine, cabinet_uuid=cabinet.uuid, camera="NVR-3/07")
    for asker in (mine, make_principal("platform")):
        assert data_of(asked, asker, id=str(cabinet.uuid)) == {"camera": "NVR-3/07"}
    for asker in (make_principal("cabinet_operator", "county", uuid4()), make_principal(), Principal()):
        assert data_of(asked, asker, id=str(cabinet.uuid)) == {"camera": None}


def test_a_place_has_its_english_name_for_who_reads_english() -> None:
    site = make_site()
    Place.objects.filter(pk=site.place.pk).update(name="东门", name_en="East Gate")
    asked = '{ nearPlaces(lon: 115.4, lat: 28.71, kinds: ["cabinet_site"]) { place { name } } }'
    names = [ask(asked, Principal(), language=each)["data"] for each in ("zh-hans", "en")]
    assert [each["nearPlaces"][0]["place"]["name"] for each in names] == ["东门", "East Gate"]
