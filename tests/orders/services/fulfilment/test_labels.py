"""Who may print what, and that a label says no more than it must."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from marketplace.custody.services import Content, Holder, create_unit
from marketplace.kernel.errors import Forbidden, InvalidInput
from marketplace.kernel.principal import Principal
from orders.models import Fulfilment
from orders.services.fulfilment.labels import lot_labels, shelf_labels, unit_labels
from tests.factories.accounts import make_principal
from tests.factories.orders import Market, make_market, make_paid_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return make_market()


def parcel_of(market: Market, **changes: Any) -> tuple[Fulfilment, Any]:
    part = make_paid_order(market, (market.kiwi, 1)).fulfilments.get()
    holder = Holder("hub", market.hub.uuid)
    unit = create_unit(
        kind="parcel", zone="chilled", gross_g=2_600, volume_ml=9_000, size="M", holder=holder,
        reference=part.uuid,
    )  # fmt: skip
    Fulfilment.objects.filter(pk=part.pk).update(unit_uuid=unit.uuid, **changes)
    return part, unit


def test_a_waybill_names_the_place_and_masks_the_person(market: Market) -> None:
    part, unit = parcel_of(market)
    [label] = unit_labels(principal=market.packer, unit_uuid=unit.uuid)
    assert (label.code, label.qr, label.title, label.badge) == (
        unit.code, unit.code, part.destination.name, "冷藏",
    )  # fmt: skip
    words = "".join(label.lines)
    assert market.buyer.phone not in words
    assert market.buyer.phone[-4:] in words
    assert market.buyer.name not in words
    assert "2.6 kg" in words


def test_only_who_holds_it_prints_it(market: Market) -> None:
    _, unit = parcel_of(market)
    for who in (
        market.officer,
        market.principal,
        make_principal("hub_operator", "hub", uuid4()),
        Principal(),
    ):
        with pytest.raises(Forbidden):
            unit_labels(principal=who, unit_uuid=unit.uuid)


def test_a_crate_says_what_is_in_it_and_a_lot_where_it_can_be_traced(market: Market) -> None:
    crate = create_unit(
        kind="crate", zone="chilled", gross_g=9_000, volume_ml=1, size="none",
        holder=Holder("station", market.station.uuid), contents=[Content("lot", market.kiwi.uuid, 8_000)],
    )  # fmt: skip
    [label] = unit_labels(principal=market.officer, unit_uuid=crate.uuid)
    assert (label.title, label.code) == (market.kiwi.product.name, crate.code)
    [lot] = lot_labels(principal=market.officer, lot_uuid=market.kiwi.uuid)
    assert (lot.code, lot.qr.endswith(f"/trace/{market.kiwi.trace_code}")) == (market.kiwi.trace_code, True)
    with pytest.raises(Forbidden):
        lot_labels(principal=market.principal, lot_uuid=market.kiwi.uuid)


def test_shelf_places_are_printed_by_their_station(market: Market) -> None:
    found = shelf_labels(principal=market.officer, station_uuid=market.station.uuid, names="A-01, b2")
    assert [(label.title, label.code) for label in found] == [("A-01", "S-A-01"), ("b2", "S-B2")]
    for names in ("A-01,,", "冰箱2", "A^XZ", ""):
        with pytest.raises(InvalidInput):
            shelf_labels(principal=market.officer, station_uuid=market.station.uuid, names=names)
    with pytest.raises(Forbidden):
        shelf_labels(principal=market.packer, station_uuid=market.station.uuid, names="A-01")


def test_without_a_token_there_is_no_file(client: Client, market: Market) -> None:
    _, unit = parcel_of(market)
    assert client.get(f"/labels/unit/{unit.uuid}.pdf").status_code == 401
    assert client.get(f"/labels/unit/{unit.uuid}.exe").status_code == 404
