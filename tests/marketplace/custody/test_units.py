import pytest
from django.db import DatabaseError, transaction

from marketplace.custody.chain import custody_hash
from marketplace.custody.errors import NotEnough, UnitBlocked, WrongHolder
from marketplace.custody.models import CustodyEvent, HandlingUnit, UnitContent
from marketplace.custody.services import (
    Content,
    Holder,
    block_units,
    create_unit,
    hand_over,
    transform,
    units_held_by,
)
from marketplace.kernel.ids import uuid7
from marketplace.outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db

STATION, VAN, HUB = (Holder(kind, uuid7()) for kind in ("station", "vehicle", "hub"))
LOT = uuid7()


def crate(grams: int = 10_000) -> HandlingUnit:
    return create_unit(
        kind="crate",
        zone="ambient",
        gross_g=grams + 1_900,
        tare_g=1_900,
        volume_ml=40_000,
        size="L",
        holder=STATION,
        contents=[Content("lot", LOT, grams)],
    )


def test_hand_overs_form_a_chain_that_recomputes() -> None:
    unit = crate()
    hand_over(unit=unit, to=VAN, place_uuid=uuid7(), temperature_c=4.5, expected_from=STATION)
    hand_over(unit=unit, to=HUB, place_uuid=None, proof={"scan": unit.code})
    events = list(CustodyEvent.objects.filter(unit=unit).order_by("seq"))
    assert [(event.from_kind, event.to_kind) for event in events] == [
        ("", "station"),
        ("station", "vehicle"),
        ("vehicle", "hub"),
    ]
    prev = ""
    for event in events:
        assert event.prev_hash == prev
        prev = custody_hash(
            prev_hash=prev,
            unit_uuid=unit.uuid,
            seq=event.seq,
            from_kind=event.from_kind,
            from_uuid=event.from_uuid,
            to_kind=event.to_kind,
            to_uuid=event.to_uuid,
            place_uuid=event.place_uuid,
            at=event.at,
            temperature_c=event.temperature_c,
            proof=event.proof,
        )
        assert event.hash == prev
    assert list(units_held_by(HUB)) == [unit]
    assert OutboxEvent.objects.filter(type="custody.HandedOver").count() == 3


def test_a_repeated_hand_over_changes_nothing() -> None:
    unit = crate()
    first = hand_over(unit=unit, to=VAN, place_uuid=None)
    assert hand_over(unit=unit, to=VAN, place_uuid=None) == first
    assert unit.custody.count() == 2


def test_the_wrong_holder_and_a_blocked_unit_are_refused() -> None:
    unit = crate()
    with pytest.raises(WrongHolder):
        hand_over(unit=unit, to=VAN, place_uuid=None, expected_from=HUB)
    assert block_units(uuids=[unit.uuid]) == 1
    with pytest.raises(UnitBlocked):
        hand_over(unit=unit, to=VAN, place_uuid=None)
    assert unit.custody.count() == 1
    assert HandlingUnit.objects.get(pk=unit.pk).holder_kind == "station"


def test_custody_rows_are_append_only_in_the_database() -> None:
    event = crate().custody.get()
    for change in (lambda: CustodyEvent.objects.filter(pk=event.pk).update(proof={"x": 1}), event.delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert CustodyEvent.objects.get(pk=event.pk).proof == {}


def test_portions_never_take_more_than_a_crate_holds() -> None:
    unit = crate(grams=1_000)
    parcel = create_unit(kind="parcel", zone="ambient", gross_g=700, volume_ml=900, size="S", holder=HUB)
    transform(kind="portion", inputs=[(unit, Content("lot", LOT, 600))], output=parcel)
    with pytest.raises(NotEnough) as refused, transaction.atomic():
        transform(kind="portion", inputs=[(unit, Content("lot", LOT, 401))], output=parcel)
    assert refused.value.params == {"code": unit.code, "grams": 400}
    assert UnitContent.objects.get(unit=unit).grams == 400
