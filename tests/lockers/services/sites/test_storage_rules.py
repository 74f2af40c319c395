"""Rules by date and place, and an overdue parcel: paid for and opened again, or taken out with its fee."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from lockers.errors import NotCollectable
from lockers.fees import OPENING_TERMS, StorageTerms
from lockers.models import Allocation, StorageRule
from lockers.services.devices.commands import Actor
from lockers.services.parcels import recipients
from lockers.services.parcels.collection import expire_due_parcels
from lockers.services.parcels.removal import open_for_removal
from lockers.services.sites import storage_rules
from marketplace.custody.services import Holder
from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Grant, Principal
from tests.factories.accounts import make_principal
from tests.factories.lockers import make_cabinet
from tests.lockers.services.capacity.test_sharing import later
from tests.lockers.services.conftest import Bench, events

TERMS = StorageTerms(free_h=48, step_h=24, step_fen=100, cap_fen=200, stay_h=48)
PLATFORM = Principal(user_uuid=uuid4(), grants=frozenset({Grant("platform", "", None)}))
AHEAD = date(2026, 11, 30)  # seven days after the frozen day


def announce(**changes: Any) -> StorageRule:
    asked = {
        "principal": PLATFORM,
        "place_uuid": None,
        "zone": "ambient",
        "valid_from": AHEAD,
        "terms": TERMS,
    }
    return storage_rules.announce_storage_rule(**{**asked, **changes})


def test_the_places_own_rule_holds_from_its_day_on(db: None, frozen: datetime) -> None:
    cabinet = make_cabinet(cells=(("ambient", "S"),))
    cell, place = cabinet.compartments.get(), cabinet.site.place
    operator = Principal(uuid4(), frozenset({Grant("cabinet_operator", "county", place.county.uuid)}))
    announce()
    own = announce(principal=operator, place_uuid=place.uuid, valid_from=AHEAD + timedelta(days=1))
    in_force = [storage_rules.rule_for(cell, AHEAD + timedelta(days=n)) for n in (-1, 0, 1)]
    assert [each and each.place_uuid for each in in_force] == [None, None, place.uuid]
    assert in_force[0] is None
    assert storage_rules.terms_of(None, "ambient") == OPENING_TERMS["ambient"]
    assert storage_rules.terms_of(own, "ambient") == TERMS
    assert len(storage_rules.published_rules(place_uuid=place.uuid)) == 2 + len(OPENING_TERMS)


def test_what_cannot_be_announced_is_refused_by_name(db: None, frozen: datetime) -> None:
    announce()
    stranger = Principal(uuid4(), frozenset({Grant("cabinet_operator", "county", uuid4())}))
    place = make_cabinet().site.place.uuid
    refused: list[tuple[type[Exception], dict[str, Any]]] = [
        (Conflict, {}),
        (Forbidden, {"principal": stranger}),
        (Forbidden, {"principal": stranger, "place_uuid": place}),
        (NotFound, {"place_uuid": uuid4()}),
        (InvalidInput, {"valid_from": AHEAD - timedelta(days=1)}),
        (InvalidInput, {"zone": "hot"}),
        (InvalidInput, {"terms": StorageTerms(48, 0, 100, 200, 48)}),
        (InvalidInput, {"terms": StorageTerms(48, 24, 300, 200, 48)}),
    ]
    for error, changes in refused:
        with pytest.raises(error):
            announce(**changes)
    assert StorageRule.objects.count() == 1


@pytest.fixture
def overdue(put_up: Callable[..., Bench]) -> tuple[Bench, Allocation, Principal]:
    """An hour past its free day."""
    bench, owner = put_up(cells=(("chilled", "M"),)), make_principal()
    allocation = bench.deposit(recipient_uuid=owner.user_uuid)
    later(bench, 25)
    assert expire_due_parcels() == 1
    bench.turn()
    allocation.refresh_from_db()
    return bench, allocation, owner


def test_paying_opens_the_door_again_for_the_step(overdue: tuple[Bench, Allocation, Principal]) -> None:
    bench, allocation, owner = overdue
    assert bench.type(bench.code(allocation)).reason == "overdue"
    [seen] = recipients.waiting_parcels(principal=owner)
    terms = storage_rules.terms_as_seen(seen.allocation)
    assert (terms.due_fen, terms.cap_fen) == (50, 100)
    assert terms.payable_until == allocation.free_until + timedelta(hours=12)
    fee, until = storage_rules.fee_to_pay(reference=allocation.reference)
    assert (fee, until) == (50, allocation.free_until + timedelta(hours=6))
    storage_rules.reopen_paid(reference=allocation.reference, paid_fen=fee, until=until)
    bench.turn()
    allocation.refresh_from_db()
    assert (allocation.parcel_state, storage_rules.due_fen(allocation, at=clock.now())) == ("ready", 0)
    answer = bench.type(bench.code(allocation))
    assert answer.ok
    bench.shut(answer.doors[0])
    allocation.refresh_from_db()
    assert allocation.parcel_state == "collected"


def test_too_late_or_already_open_nothing_is_to_be_paid(overdue: tuple[Bench, Allocation, Principal]) -> None:
    bench, allocation, _ = overdue
    later(bench, 12)
    with pytest.raises(NotCollectable):
        storage_rules.fee_to_pay(reference=allocation.reference)
    with pytest.raises(NotCollectable):
        storage_rules.reopen_paid(reference=allocation.reference, paid_fen=50, until=clock.now())
    with pytest.raises(NotCollectable):
        storage_rules.fee_to_pay(reference=uuid4())


def test_parcels_in_one_cell_cost_as_one_and_open_together(put_up: Callable[..., Bench]) -> None:
    bench, owner = put_up(cells=(("chilled", "M"),)), make_principal()
    first, second = (bench.deposit(recipient_uuid=owner.user_uuid) for _ in range(2))
    later(bench, 25)
    assert expire_due_parcels() == 2
    for each in (first, second):
        each.refresh_from_db()
    assert [storage_rules.due_fen(each, at=clock.now()) for each in (first, second)] == [50, 0]
    fee, until = storage_rules.fee_to_pay(reference=first.reference)
    storage_rules.reopen_paid(reference=first.reference, paid_fen=fee, until=until)
    assert set(Allocation.objects.values_list("parcel_state", "collect_until")) == {("ready", until)}


def test_taken_out_it_says_what_is_owed(overdue: tuple[Bench, Allocation, Principal]) -> None:
    bench, allocation, _ = overdue
    open_for_removal(
        actor=Actor(label="x"),
        allocation_uuid=allocation.uuid,
        place_uuid=bench.place,
        taker=Holder("vehicle", uuid4()),
    )
    with pytest.raises(NotCollectable):
        storage_rules.reopen_paid(
            reference=allocation.reference, paid_fen=50, until=clock.now() + timedelta(hours=1)
        )
    bench.turn()
    bench.shut(1)
    [told] = events("lockers.ParcelRemoved")
    assert (told["overdue"], told["fee_fen"]) == (True, 50)
