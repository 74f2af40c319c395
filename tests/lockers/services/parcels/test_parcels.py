"""A parcel's life at a cabinet, both sides running: drop, code, collection, and what goes wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from lockers import services
from lockers.errors import DepositRefused, DoorNotClosed, DropFailed, NoRoom
from lockers.models import (
    Allocation,
    Cabinet,
    Command,
    Compartment,
    Device,
    DeviceAlarm,
    DeviceMark,
    DeviceMessage,
    Occupancy,
)
from lockers.protocol.envelope import Envelope, encode, read_time
from lockers.protocol.messages import Entry
from lockers.services.messages.facts import devices_to_settle, settle_device
from lockers.services.messages.intake import Arrived, take_in
from lockers.simulator.faults import set_fault
from lockers.simulator.pickup import scan_qr, type_code
from marketplace.custody.services import block_units
from marketplace.kernel import clock
from marketplace.telemetry.models import Reading
from tests.lockers.services.conftest import COURIER, GOOD, Bench, events, unit_of


def test_the_server_learns_doors_presence_and_temperatures(bench: Bench) -> None:
    device = Device.objects.get()
    assert (device.online, device.boot, device.firmware) == (True, 1, "sim-1")
    assert set(Compartment.objects.values_list("door_state", flat=True)) == {"closed"}
    assert device.config_applied == device.config_version
    assert Reading.objects.count() == 1
    assert bench.simulated.journal.outbox_length() == 0


def test_a_drop_opens_a_door_and_the_couriers_word_makes_it_ready(bench: Bench) -> None:
    reference = uuid4()
    ticket = bench.drop(reference=reference)
    assert services.drop_state(ticket_uuid=ticket.uuid).status == "open"
    assert bench.simulated.hardware.slots[ticket.door].is_open
    with pytest.raises(DoorNotClosed):
        services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
    bench.shut(ticket.door)
    assert services.drop_state(ticket_uuid=ticket.uuid).status == "closed"
    assert events("lockers.ParcelDeposited") == []
    allocation = services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
    services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
    assert (allocation.state, allocation.parcel_state) == ("loaded", "ready")
    assert services.drop_state(ticket_uuid=ticket.uuid).status == "deposited"
    unit = unit_of(allocation)
    assert (unit.holder_kind, unit.holder_uuid) == ("cabinet", bench.cabinet.uuid)
    (told,) = events("lockers.ParcelDeposited")
    assert (told["reference"], told["compartment"], told["place"]) == (
        str(reference), ticket.compartment, str(bench.place),
    )  # fmt: skip


def test_the_code_opens_and_the_closed_door_collects(bench: Bench) -> None:
    reference = uuid4()
    allocation = bench.deposit(reference=reference)
    group = services.open_pickup_group(
        reference=reference, recipient_uuid=uuid4(), recipient_label="李*", zone="chilled"
    )
    assert (
        services.open_pickup_group(
            reference=reference, recipient_uuid=uuid4(), recipient_label="x", zone="chilled"
        )
        == group
    )
    answer = bench.type(bench.code(allocation))
    assert answer.ok
    allocation.refresh_from_db()
    assert allocation.state == "loaded"
    bench.shut(answer.doors[0])
    allocation.refresh_from_db()
    assert (allocation.state, allocation.parcel_state) == ("free", "collected")
    unit = unit_of(allocation)
    assert (unit.holder_kind, unit.holder_uuid, unit.status) == ("person", group.recipient_uuid, "closed")
    assert [each["reference"] for each in events("lockers.ParcelCollected")] == [str(reference)]
    assert bench.type(bench.code(allocation)).reason == "wrong"
    assert bench.simulated.journal.held() == {}


def test_a_wrong_code_collects_nothing_and_repeats_lock_out(bench: Bench) -> None:
    allocation = bench.deposit()
    for _ in range(6):
        assert bench.type("00000000").reason == "wrong"
    assert bench.type(bench.code(allocation)).reason == "locked"
    allocation.refresh_from_db()
    assert allocation.state == "loaded"
    (told,) = events("lockers.CodeLockedOut")
    assert told["cabinet"] == str(bench.cabinet.uuid)
    assert Cabinet.objects.get().locked_out_until is not None
    assert events("lockers.ParcelCollected") == []


def test_the_qr_works_while_the_keypad_is_locked(bench: Bench) -> None:
    allocation = bench.deposit()
    for _ in range(6):
        bench.type("00000000")
    with bench.simulated.at_screen() as board:
        answer = scan_qr(board, services.pickup_qr(allocation.group))
    bench.shut(answer.doors[0])
    allocation.refresh_from_db()
    assert allocation.parcel_state == "collected"


def test_a_jammed_door_is_never_a_drop_and_the_parcel_gets_another_cell(bench: Bench) -> None:
    set_fault(bench.simulated, "jammed", on=True, about={"door": 1})
    seconds = bench.world.seconds
    ticket = bench.drop()
    bench.world.seconds = lambda: seconds() + 11
    bench.turn()
    assert services.drop_state(ticket_uuid=ticket.uuid).status == "jammed"
    with pytest.raises(DropFailed):
        services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
    assert DeviceAlarm.objects.get().kind == "jammed"
    again = services.open_for_drop(
        actor=COURIER, unit_uuid=ticket.allocation.unit_uuid, reference=ticket.allocation.reference,
        place_uuid=bench.place, zone="chilled", size="S", min_c=0, max_c=4, policy=GOOD,
    )  # fmt: skip
    assert (again.uuid, again.door) == (ticket.uuid, 2)
    bench.turn()
    bench.shut(2)
    services.confirm_drop(actor=COURIER, allocation=again.allocation)
    assert Allocation.objects.get().parcel_state == "ready"


def test_misfit_opens_a_larger_cell(bench: Bench) -> None:
    ticket = bench.drop()
    bench.shut(ticket.door)
    larger = services.misfit(actor=COURIER, allocation=Allocation.objects.get())
    bench.turn()
    assert (ticket.door, larger.door) == (1, 2)
    assert bench.simulated.hardware.slots[2].is_open
    bench.shut(2)
    larger = services.misfit(actor=COURIER, allocation=Allocation.objects.get())
    assert larger.door == 3
    with pytest.raises(NoRoom):
        services.misfit(actor=COURIER, allocation=Allocation.objects.get())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"consent": False}, "no_consent"),
        ({"sender_agreement": False}, "no_sender_agreement"),
        ({"damaged": True}, "damaged"),
        ({"weight_g": 2000}, "weight_off"),
    ],
)
def test_the_door_stays_shut(bench: Bench, changes: dict[str, Any], code: str) -> None:
    policy = replace(GOOD, **changes)
    with pytest.raises(DepositRefused) as refused:
        bench.drop(policy=policy)
    assert refused.value.error_code == code
    assert (Allocation.objects.count(), Command.objects.count()) == (0, 0)


def test_a_full_place_says_so_and_a_warmer_cell_is_never_given(put_up: Callable[..., Bench]) -> None:
    bench = put_up(cells=(("ambient", "L"), ("chilled", "S")))
    bench.deposit()
    with pytest.raises(NoRoom):
        bench.drop()
    assert Allocation.objects.count() == 1


def test_the_database_itself_refuses_a_second_recipient_in_a_cell(bench: Bench) -> None:
    first, other = bench.deposit(), bench.deposit()
    twin = Allocation.objects.get(pk=first.pk)
    twin.pk, twin.uuid, twin.unit_uuid, twin.group = None, uuid4(), uuid4(), other.group
    with pytest.raises(IntegrityError, match="allocation_in_its_groups_cell"), transaction.atomic():
        twin.save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Occupancy.objects.create(compartment=first.compartment, group=other.group)
    with pytest.raises(IntegrityError, match="allocation_in_its_groups_cell"), transaction.atomic():
        Occupancy.objects.filter(compartment=first.compartment).delete()


def test_a_power_cut_during_the_drop_ends_unknown_and_can_be_repeated(bench: Bench) -> None:
    ticket = bench.drop()
    bench.simulated.power_off()
    bench.simulated.hardware.push_shut(ticket.door)
    bench.simulated.power_on()
    bench.turn()
    with pytest.raises(DoorNotClosed):
        services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
    again = services.open_for_drop(
        actor=COURIER, unit_uuid=ticket.allocation.unit_uuid, reference=ticket.allocation.reference,
        place_uuid=bench.place, zone="chilled", size="S", min_c=0, max_c=4, policy=GOOD,
    )  # fmt: skip
    bench.turn()
    bench.shut(again.door)
    services.confirm_drop(actor=COURIER, allocation=again.allocation)
    assert Allocation.objects.get().state == "loaded"


def test_a_reissued_code_works_and_the_old_one_does_not(bench: Bench) -> None:
    allocation = bench.deposit()
    old = bench.code(allocation)
    services.reissue_code(reference=allocation.reference)
    bench.turn()
    assert bench.type(old).reason == "wrong"
    assert bench.type(bench.code(allocation)).ok


def test_a_parcel_past_its_time_stays_shut_and_is_told(bench: Bench) -> None:
    allocation = bench.deposit()
    later = allocation.collect_until + timedelta(minutes=1)
    clock.install(lambda: clock.Setting(frozen_at=later))
    clock.refresh()
    bench.world.set(later, frozen=True)
    bench.turn()
    assert services.expire_due_parcels() == 1
    assert services.expire_due_parcels() == 0
    assert [each["reference"] for each in events("lockers.ParcelOverdue")] == [str(allocation.reference)]
    assert bench.type(bench.code(allocation)).reason == "overdue"
    allocation.refresh_from_db()
    assert (allocation.state, allocation.parcel_state) == ("loaded", "expired")


def test_what_was_collected_offline_counts_whatever_the_server_wanted(bench: Bench) -> None:
    """Blocked and expired meanwhile: the cabinet could not know, and the fact is recorded."""
    allocation = bench.deposit()
    set_fault(bench.simulated, "offline", on=True, about={})
    with bench.simulated.at_screen() as board:
        assert type_code(board, bench.code(allocation), entry=Entry.KEYPAD).ok
    bench.simulated.hardware.push_shut(1)
    bench.simulated.tick()
    block_units(uuids=[allocation.unit_uuid])
    Allocation.objects.update(parcel_state="expired")
    set_fault(bench.simulated, "offline", on=False, about={})
    bench.turn()
    allocation.refresh_from_db()
    assert (allocation.state, allocation.parcel_state) == ("free", "collected")
    assert unit_of(allocation).custody.latest("seq").proof["taken_while"] == "blocked"


def test_messages_doubled_and_shuffled_change_nothing(bench: Bench) -> None:
    allocation = bench.deposit()
    answer = bench.type(bench.code(allocation))
    bench.shut(answer.doors[0])
    before = _tables()
    for each in reversed(_replayed(bench)):
        take_in([each])
    for device_id in devices_to_settle():
        settle_device(device_id)
    assert _tables() == before


def _replayed(bench: Bench) -> list[Arrived]:
    """Everything the cabinet ever said, again, from its own history."""
    rows = bench.simulated.journal._db.execute("SELECT boot, seq, ts, type, tx, body FROM history")
    device = bench.cabinet.device.device
    mids = {(each.boot, each.seq): each.mid for each in DeviceMessage.objects.all()}
    return [
        Arrived(
            topic=f"lk/{device}/up/evt",
            payload=encode(
                Envelope(
                    dev=device,
                    boot=boot,
                    seq=seq,
                    mid=mids[boot, seq],
                    ts=read_time(ts),
                    mono=0.0,
                    type=kind,
                    body=json.loads(body),
                    tx=tx,
                )
            ),
        )
        for boot, seq, ts, kind, tx, body in rows
    ]


def _tables() -> dict[str, list[object]]:
    return {
        model.__name__: list(model.objects.order_by("pk").values_list())
        for model in (Allocation, DeviceMark, DeviceMessage, Reading, DeviceAlarm, Compartment)
    }
