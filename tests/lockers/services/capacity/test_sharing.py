"""Several parcels of one recipient in one cell (G9), both sides running; and the races for a cell."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from lockers import services
from lockers.errors import CannotExtend, CompartmentBusy, NoRoom
from lockers.models import Allocation, Cabinet, CapacityHold, Compartment, Occupancy
from lockers.services.capacity import sharing
from lockers.services.capacity.holds import free_cells
from lockers.services.oversight.desk import recall_parcel
from lockers.services.parcels import drops, recipients
from lockers.services.parcels.drops import allocate
from lockers.services.parcels.groups import group_of
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from marketplace.kernel.principal import Principal
from tests.factories.accounts import make_principal
from tests.factories.lockers import make_cabinet
from tests.lockers.services.conftest import GOOD, Bench, events

TWO_M = (("chilled", "M"), ("chilled", "M"))


@pytest.fixture
def owner(db: None) -> Principal:
    return make_principal()


@pytest.fixture
def shared(put_up: Callable[..., Bench]) -> Bench:
    return put_up(cells=TWO_M)


def left(bench: Bench, owner: Principal, **how: Any) -> Allocation:
    return bench.deposit(recipient_uuid=owner.user_uuid, **how)


def later(bench: Bench, hours: float) -> None:
    at = bench.world.now() + timedelta(hours=hours)
    clock.install(lambda: clock.Setting(frozen_at=at))
    clock.refresh()
    bench.world.set(at, frozen=True)
    bench.turn()


def states() -> list[str]:
    return list(Allocation.objects.order_by("pk").values_list("parcel_state", flat=True))


def test_two_parcels_lie_behind_one_door_and_one_code_opens_once(shared: Bench, owner: Principal) -> None:
    first, second = left(shared, owner), left(shared, owner)
    assert (first.compartment_id, first.group_id) == (second.compartment_id, second.group_id)
    assert first.reference != second.reference
    assert [group_of(each.reference) for each in (first, second)] == [first.group] * 2
    assert Occupancy.objects.count() == 1
    answer = shared.type(shared.code(second))
    assert (answer.ok, answer.doors) == (True, (1,))
    assert states() == ["ready", "ready"]
    shared.shut(1)
    assert states() == ["collected", "collected"]
    told = [each["reference"] for each in events("lockers.ParcelCollected")]
    assert sorted(told) == sorted([str(first.reference), str(second.reference)])
    assert (Occupancy.objects.count(), shared.simulated.journal.held()) == (0, {})
    assert shared.type(shared.code(first)).reason == "wrong"


def test_what_does_not_go_in_lies_next_door_under_the_same_code(shared: Bench, owner: Principal) -> None:
    first, apart = left(shared, owner, goods="food"), left(shared, owner, goods="pesticide")
    assert first.compartment_id != apart.compartment_id
    answer = shared.type(shared.code(first))
    assert answer.doors == (1, 2)
    for door in answer.doors:
        shared.shut(door)
    assert states() == ["collected", "collected"]


def test_somebody_elses_parcel_never_joins(shared: Bench, owner: Principal) -> None:
    first, other = left(shared, owner), left(shared, make_principal())
    assert first.compartment_id != other.compartment_id
    assert first.group_id != other.group_id
    with pytest.raises(NoRoom):
        left(shared, make_principal())
    with pytest.raises(CompartmentBusy):
        sharing.claim(first.compartment, other.group)
    assert left(shared, owner).compartment_id == first.compartment_id


def test_a_friend_is_not_sent_for_what_came_later(shared: Bench, owner: Principal) -> None:
    first = left(shared, owner)
    recipients.delegate_pickup(principal=owner, reference=first.reference, name="小张", phone="13800000001")
    second = left(shared, owner)
    assert second.group_id != first.group_id
    assert shared.code(second) != shared.code(first)


def test_who_came_first_stays_as_long_as_the_last(shared: Bench, owner: Principal, frozen: datetime) -> None:
    first = left(shared, owner)
    later(shared, 6)
    second = left(shared, owner)
    first.refresh_from_db()
    assert first.collect_until == second.collect_until == frozen + timedelta(hours=30)
    assert [each["reference"] for each in events("lockers.StorageExtended")] == [str(first.reference)]
    extended = recipients.extend_storage(principal=owner, reference=first.reference)
    second.refresh_from_db()
    assert second.collect_until == extended.allocation.collect_until == frozen + timedelta(hours=42)
    with pytest.raises(CannotExtend):
        recipients.extend_storage(principal=owner, reference=second.reference)


def test_a_held_parcel_keeps_the_whole_cell_shut(shared: Bench, owner: Principal) -> None:
    first, second = left(shared, owner), left(shared, owner)
    desk = Principal.system("desk")
    recall_parcel(principal=desk, allocation_uuid=first.uuid, reason="召回批次")
    shared.turn()
    assert shared.type(shared.code(second)).reason == "held"
    waiting = {each.allocation.pk: each.collectable for each in recipients.waiting_parcels(principal=owner)}
    assert waiting == {first.pk: False, second.pk: False}
    second.refresh_from_db()
    assert not recipients.is_collectable(second)
    assert left(shared, owner).compartment_id != second.compartment_id


def test_by_phone_one_is_refused_and_the_others_are_taken(shared: Bench, owner: Principal) -> None:
    first, second = left(shared, owner), left(shared, owner)
    device = shared.cabinet.device.device
    recipients.open_for_recipient(principal=owner, reference=first.reference, device=device)
    shared.turn()
    recipients.refuse_parcel(principal=owner, reference=first.reference, reason="压坏了")
    shared.shut(1)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.inspect_reason) == ("blocked", "put_back")
    assert second.parcel_state == "collected"


def test_a_misfit_gets_a_cell_of_its_own_size(shared: Bench, owner: Principal) -> None:
    first = left(shared, owner)
    ticket = shared.drop(recipient_uuid=owner.user_uuid)
    assert ticket.door == 1
    shared.shut(1)
    moved = services.misfit(actor=services.Actor(label="x"), allocation=ticket.allocation)
    assert (moved.door, moved.allocation.group_id) == (2, first.group_id)
    assert Occupancy.objects.count() == 2


def test_two_parcels_in_one_cell_count_as_one(shared: Bench, owner: Principal, frozen: datetime) -> None:
    day, place = date(2026, 11, 23), shared.place
    references = [uuid4(), uuid4()]
    for reference in references:
        services.hold_capacity(
            reference=reference, place_uuids=[place], zone="chilled", size="S", min_c=0, max_c=4,
            slot_date=day, expires_at=frozen + timedelta(minutes=15),
        )  # fmt: skip
    assert free_cells(place_uuids=[place], slot_date=day)[place]["chilled", "S"] == 0
    for reference in references:
        left(shared, owner, reference=reference)
    assert set(CapacityHold.objects.values_list("status", flat=True)) == {"used"}
    assert free_cells(place_uuids=[place], slot_date=day)[place]["chilled", "S"] == 1


# -- races ---------------------------------------------------------------------------------------------------


def name_cell(cabinet: Cabinet, recipient: UUID) -> Allocation:
    unit = create_unit(
        kind="parcel",
        zone="chilled",
        gross_g=900,
        volume_ml=4000,
        size="S",
        holder=Holder("vehicle", uuid4()),
    )
    return allocate(
        unit_uuid=unit.uuid, reference=uuid4(), place_uuid=cabinet.site.place.uuid, zone="chilled", size="S",
        min_c=0, max_c=4, policy=GOOD, recipient_uuid=recipient,
    )  # fmt: skip


def race(*acts: Callable[[], object], monkeypatch: pytest.MonkeyPatch, must_meet: bool = False) -> list[str]:
    """All at once, up to the moment at which each has chosen its cell; the names of the refusals.

    `must_meet`: no lock is on, so each waits until all have chosen, however busy the machine is.
    """
    gate, refused = threading.Barrier(len(acts)), []
    free = sharing.free_compartment

    def choose(*args: Any, **how: Any) -> Compartment:
        chosen: Compartment = free(*args, **how)
        with suppress(threading.BrokenBarrierError):  # the lock keeps the other from choosing
            gate.wait(timeout=60 if must_meet else 0.5)
        return chosen

    monkeypatch.setattr("lockers.services.parcels.drops.free_compartment", choose)

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except DomainError as error:
            refused.append(error.error_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return refused


@contextmanager
def without_constraint() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE lockers_allocation DROP CONSTRAINT allocation_in_its_groups_cell")
    try:
        yield
    finally:
        Allocation.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE lockers_allocation ADD CONSTRAINT allocation_in_its_groups_cell"
                " FOREIGN KEY (occupies, group_id) REFERENCES lockers_occupancy (compartment_id, group_id)"
            )


@pytest.mark.django_db(transaction=True)
def test_without_lock_and_constraint_two_recipients_share_a_cell(
    monkeypatch: pytest.MonkeyPatch, frozen: datetime
) -> None:
    """The control: this is the race that the two tests below are about."""
    cabinet = make_cabinet(cells=(("chilled", "S"),))
    for module in (sharing, drops):
        monkeypatch.setattr(module, "lock_key", lambda name: nullcontext())
    monkeypatch.setattr("lockers.services.parcels.drops.claim", lambda compartment, group: None)
    with without_constraint():
        acts = [lambda: name_cell(cabinet, uuid4())] * 2
        assert race(*acts, monkeypatch=monkeypatch, must_meet=True) == []
        assert Allocation.objects.values("group").distinct().count() == 2
        assert Allocation.objects.values("compartment").distinct().count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("locked", "refusal"), [(False, "compartment_busy"), (True, "no_room")])
def test_the_last_cell_has_one_recipient(
    monkeypatch: pytest.MonkeyPatch, frozen: datetime, locked: bool, refusal: str
) -> None:
    """With the place's lock off, the database still lets only one of them in."""
    cabinet = make_cabinet(cells=(("chilled", "S"),))
    if not locked:
        for module in (sharing, drops):
            monkeypatch.setattr(module, "lock_key", lambda name: nullcontext())
    acts = [lambda: name_cell(cabinet, uuid4())] * 2
    assert race(*acts, monkeypatch=monkeypatch, must_meet=not locked) == [refusal]
    assert (Allocation.objects.count(), Occupancy.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_parcels_of_one_recipient_at_once_find_one_cell(
    monkeypatch: pytest.MonkeyPatch, frozen: datetime
) -> None:
    cabinet, owner = make_cabinet(cells=TWO_M), uuid4()
    acts = [lambda: name_cell(cabinet, owner)] * 2
    assert race(*acts, monkeypatch=monkeypatch) == []
    assert Allocation.objects.values("compartment", "group").distinct().count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_cell_that_empties_while_a_parcel_joins_stays_its_groups(
    monkeypatch: pytest.MonkeyPatch, frozen: datetime
) -> None:
    """The first is given up at the moment at which the second has chosen its cell."""
    cabinet, owner = make_cabinet(cells=TWO_M), uuid4()
    first = name_cell(cabinet, owner)
    chosen, gone = threading.Event(), threading.Event()
    real = sharing.claim

    def claim(compartment: Compartment, group: Any) -> None:
        chosen.set()
        gone.wait(timeout=60)
        real(compartment, group)

    monkeypatch.setattr("lockers.services.parcels.drops.claim", claim)

    def give_up() -> None:
        chosen.wait(timeout=60)
        drops.give_up_reservation(unit_uuid=first.unit_uuid)
        gone.set()

    assert race(lambda: name_cell(cabinet, owner), give_up, monkeypatch=monkeypatch) == []
    [living] = Allocation.objects.exclude(state="free")
    assert (living.compartment_id, living.group_id) == (first.compartment_id, first.group_id)
    assert Occupancy.objects.get().group_id == first.group_id
