"""A station lists while its network is away; what it did arrives later, once."""

from datetime import timedelta

import pytest

import catalog.schema  # the command registers itself
from catalog.models import Lot
from marketplace.api.offline import Operation, submit
from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.schema import schema
from tests.factories.catalog import make_product, make_van
from tests.factories.farmers import make_farmer, make_officer, make_station

pytestmark = pytest.mark.django_db
assert catalog.schema.ListLot.offline


def test_a_listing_made_offline_is_applied_once_at_its_own_time() -> None:
    station = make_station()
    make_van(station.hub)
    farmer = make_farmer(station=station)
    officer = make_officer(station)
    listed_at = clock.now() - timedelta(hours=3)
    operation = Operation(
        op_uuid=uuid7(),
        seq=1,
        type="listLot",
        event_time=listed_at,
        payload={
            "productId": str(make_product().uuid),
            "farmerId": str(farmer.uuid),
            "stationId": str(station.uuid),
            "quantity": 12,
            "priceFen": 3600,
            "harvestedOn": (clock.today() - timedelta(days=1)).isoformat(),
            "senderAgreement": True,
            "certificate": {
                "basis": "self_test",
                "issuedOn": (clock.today() - timedelta(days=1)).isoformat(),
                "contact": farmer.phone,
                "origin": station.name,
            },
        },
    )
    first = submit(principal=officer, device="tablet-1", operations=[operation], schema=schema.graphql_schema)
    assert [(outcome.outcome, outcome.errors) for outcome in first] == [("applied", [])]
    again = submit(principal=officer, device="tablet-1", operations=[operation], schema=schema.graphql_schema)
    assert [outcome.outcome for outcome in again] == ["duplicate"]
    lot = Lot.objects.get()
    assert (lot.listed_quantity, lot.listed_at, lot.certificates.count()) == (12, listed_at, 1)


def test_a_refused_listing_says_which_field() -> None:
    station = make_station()
    farmer = make_farmer(station=station, consent=False)
    operation = Operation(
        op_uuid=uuid7(),
        seq=1,
        type="listLot",
        event_time=clock.now(),
        payload={
            "productId": str(make_product().uuid),
            "farmerId": str(farmer.uuid),
            "stationId": str(station.uuid),
            "quantity": 12,
            "priceFen": 3600,
            "harvestedOn": "yesterday",
            "senderAgreement": True,
        },
    )
    outcome = submit(
        principal=make_officer(station),
        device="tablet-1",
        operations=[operation],
        schema=schema.graphql_schema,
    )[0]
    assert (outcome.outcome, outcome.errors[0]["field"]) == ("refused", "payload.harvestedOn")
    assert Lot.objects.count() == 0
