from typing import Any

import pytest

from farmers.models import Farmer
from marketplace.kernel.principal import Principal
from tests.factories.accounts import make_principal, make_user
from tests.factories.farmers import make_farmer, make_officer, make_station, make_villager
from tests.factories.graph import ask, data_of

pytestmark = pytest.mark.django_db

STATION = """
query ($id: ID!) { station(id: $id) { id code name grade services phone hasFridge hubId
  place { id lon lat county { code } } county { code name } } }
"""
PEOPLE = """
query ($id: ID!) { station(id: $id) {
  farmers { id name phone phoneMasked sellerKind ownProduceDeclared
    consent { id kind stationId } consents { kind farmerId stationId revokedAt } }
  villagers { id name phone consent { kind villagerId } } } }
"""
REGISTER = """
mutation ($station: ID!, $name: String = "王婶", $phone: String = "13812345678", $kind: String = "household",
          $key: String) {
  registerFarmer(stationId: $station, name: $name, phone: $phone, sellerKind: $kind,
                 ownProduceDeclared: true, idempotencyKey: $key) {
    farmer { id name sellerKind consent { id } } errors { code field message } } }
"""
CONSENT = """
mutation ($kind: String = "agent_sale", $farmer: ID, $villager: ID, $station: ID!) {
  recordAgentConsent(kind: $kind, farmerId: $farmer, villagerId: $villager, stationId: $station,
                     evidenceKind: "printed_form") {
    consent { id kind farmerId villagerId stationId revokedAt } errors { code field message } } }
"""
REVOKE = """
mutation ($id: ID!) { revokeAgentConsent(id: $id) { consent { id revokedAt } errors { code field } } }
"""


def test_a_stations_public_face() -> None:
    station = make_station()
    shown = data_of(STATION, make_principal(), id=str(station.uuid))
    assert (shown["id"], shown["grade"], shown["county"]) == (
        str(station.uuid),
        "standard",
        {"code": "360921", "name": "奉新县"},
    )
    assert shown["services"] == ["public_good", "convenience", "ecommerce", "training"]
    assert shown["hubId"] == str(station.hub.uuid)


def test_its_people_are_for_its_officer_and_the_countys_reviewer() -> None:
    station = make_station()
    farmer, villager = make_farmer(station=station), make_villager(station=station)
    for principal in (
        make_officer(station),
        make_principal("county_reviewer", "county", station.county.uuid),
        make_principal("platform"),
    ):
        people = data_of(PEOPLE, principal, id=str(station.uuid))
        assert [row["phone"] for row in people["farmers"]] == [farmer.phone]
        assert people["farmers"][0]["consent"]["kind"] == "agent_sale"
        assert people["farmers"][0]["consents"] == [
            {
                "kind": "agent_sale",
                "farmerId": str(farmer.uuid),
                "stationId": str(station.uuid),
                "revokedAt": None,
            }
        ]
        assert people["farmers"][0]["phoneMasked"] == f"1******{farmer.phone[-4:]}"
        assert people["villagers"][0]["consent"] == {
            "kind": "agent_purchase",
            "villagerId": str(villager.uuid),
        }
    for principal in (make_principal(), make_officer(make_station())):
        body = ask(PEOPLE, principal, id=str(station.uuid))
        assert body["data"]["station"] is None
        assert body["errors"][0]["extensions"]["code"] == "forbidden"
        assert farmer.phone not in str(body)


def test_nobody_sees_a_station_without_signing_in() -> None:
    body = ask(STATION, id=str(make_station().uuid))
    assert body["errors"][0]["extensions"]["code"] == "unauthenticated"


def test_my_stations_and_my_farmers() -> None:
    station, user = make_station(), make_user()
    farmer = make_farmer(station=station, user=user)
    make_farmer(station=station)
    mine = "{ myStations { id } myFarmers { id station { id } consent { id } } }"
    assert data_of(mine, make_officer(station)) == {
        "myStations": [{"id": str(station.uuid)}],
        "myFarmers": [],
    }
    himself = data_of(mine, make_principal(user=user))
    assert himself["myStations"] == []
    assert [row["id"] for row in himself["myFarmers"]] == [str(farmer.uuid)]


@pytest.mark.parametrize("people", [1, 3])
def test_people_cost_the_same_statements_however_many(people: int, django_assert_num_queries: Any) -> None:
    station = make_station()
    for _ in range(people):
        make_farmer(station=station)
        make_villager(station=station)
    principal = make_officer(station)
    # station; farmers and their consents; villagers and their consents
    with django_assert_num_queries(5):
        shown = data_of(
            """query ($id: ID!) { station(id: $id) {
               farmers { id consent { kind } consents { farmerId } }
               villagers { id consent { kind } consents { stationId villagerId } } } }""",
            principal,
            id=str(station.uuid),
        )
    assert (len(shown["farmers"]), len(shown["villagers"])) == (people, people)


def test_register_consent_and_revoke() -> None:
    station = make_station()
    officer = make_officer(station)
    registered = data_of(REGISTER, officer, station=str(station.uuid))
    assert registered["errors"] == []
    assert registered["farmer"]["consent"] is None
    farmer_id = registered["farmer"]["id"]
    recorded = data_of(CONSENT, officer, station=str(station.uuid), farmer=farmer_id)
    consent = recorded["consent"]
    assert (consent["farmerId"], consent["villagerId"], consent["revokedAt"]) == (farmer_id, None, None)
    revoked = data_of(REVOKE, officer, id=consent["id"])
    assert revoked["consent"]["revokedAt"] is not None
    assert data_of(REVOKE, make_principal(), id=consent["id"])["errors"] == [
        {"code": "forbidden", "field": "id"}
    ]


def test_the_same_key_registers_once() -> None:
    station = make_station()
    officer = make_officer(station)
    first = data_of(REGISTER, officer, station=str(station.uuid), key="k1")
    again = data_of(REGISTER, officer, station=str(station.uuid), key="k1")
    assert first == again
    assert Farmer.objects.count() == 1
    other = data_of(REGISTER, officer, station=str(station.uuid), key="k1", name="李四")
    assert other["errors"][0]["field"] == "idempotencyKey"
    assert Farmer.objects.count() == 1


@pytest.mark.parametrize(
    ("variables", "code", "field"),
    [
        ({"phone": "12"}, "bad_phone", "phone"),
        ({"kind": "emperor"}, "invalid", "sellerKind"),
        ({"kind": "company"}, "licence_missing", "licenceNumber"),
        ({"name": ""}, "invalid", "name"),
        ({"station": "nonsense"}, "invalid", "stationId"),
        ({"station": "00000000-0000-0000-0000-000000000001"}, "not_found", "stationId"),
    ],
)
def test_refusals_name_the_argument(variables: dict[str, str], code: str, field: str) -> None:
    station = make_station()
    given = {"station": str(station.uuid), **variables}
    payload = data_of(REGISTER, make_officer(station), **given)
    assert payload["farmer"] is None
    assert [(error["code"], error["field"]) for error in payload["errors"]] == [(code, field)]
    assert Farmer.objects.count() == 0


def test_strangers_are_refused() -> None:
    station = make_station()
    for principal, code in (
        (Principal(), "unauthenticated"),
        (make_principal(), "forbidden"),
        (make_officer(make_station()), "forbidden"),
    ):
        payload = data_of(REGISTER, principal, station=str(station.uuid))
        assert [error["code"] for error in payload["errors"]] == [code]
    assert Farmer.objects.count() == 0
