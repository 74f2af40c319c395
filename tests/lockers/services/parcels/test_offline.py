"""Three days without network: the cabinet takes and gives by itself, and afterwards both sides agree."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from lockers import services
from lockers.models import Allocation, Device, DeviceAlarm, DeviceMessage, Occupancy, StorageRule
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol.errors import Refused
from lockers.services.parcels.drops import allocate, deposit, give_up_reservation
from lockers.services.parcels.tokens import seal_courier_tokens
from lockers.simulator import drops
from lockers.simulator.faults import set_fault
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from tests.lockers.services.conftest import COURIER, GOOD, Bench, events, unit_of


def allocated(bench: Bench, count: int) -> list[Allocation]:
    """Parcels with a named compartment each, as at loading."""
    made = []
    for _ in range(count):
        unit = create_unit(
            kind="parcel",
            zone="chilled",
            gross_g=900,
            volume_ml=4000,
            size="S",
            holder=Holder("vehicle", uuid4()),
        )
        made.append(
            allocate(
                unit_uuid=unit.uuid,
                reference=uuid4(),
                place_uuid=bench.place,
                zone="chilled",
                size="S",
                min_c=0,
                max_c=4,
                policy=GOOD,
            )
        )
    return made


def again(bench: Bench, allocation: Allocation) -> Allocation:
    """The same parcel asks for a cell once more."""
    return allocate(
        unit_uuid=allocation.unit_uuid, reference=allocation.reference, place_uuid=bench.place,
        zone="chilled", size="S", min_c=0, max_c=4, policy=GOOD,
    )  # fmt: skip


def present(bench: Bench, allocations: list[Allocation]) -> str:
    tokens = seal_courier_tokens(
        courier_uuid=uuid4(),
        allocations=allocations,
        cabinets=[bench.cabinet],
        expires_at=clock.now() + timedelta(hours=12),
    )
    with bench.simulated.at_screen() as board:
        return drops.present_token(board, tokens[bench.cabinet.device.device]).tx


def leave(bench: Bench, tx: str, allocation: Allocation) -> int:
    with bench.simulated.at_screen() as board:
        door = drops.open_for_drop(
            board, token_tx=tx, allocation=str(allocation.uuid), damaged=False, weight_g=900
        )
    bench.shut(door)
    with bench.simulated.at_screen() as board:
        drops.confirm_drop(board, token_tx=tx, allocation=str(allocation.uuid))
    return door


def three_days_later(bench: Bench) -> None:
    later = clock.now() + timedelta(hours=72)
    clock.install(lambda: clock.Setting(frozen_at=later))
    clock.refresh()
    bench.world.set(later, frozen=True)
    bench.turn()


def test_dropped_and_collected_without_network_then_told(bench: Bench) -> None:
    one, two = allocated(bench, 2)
    bench.turn()
    set_fault(bench.simulated, "offline", on=True, about={})
    tx = present(bench, [one, two])
    door = leave(bench, tx, one)
    assert door == one.compartment.door
    leave(bench, tx, two)
    assert bench.type(bench.code(one)).ok
    bench.shut(door)
    assert events("lockers.ParcelDeposited") == []
    three_days_later(bench)
    assert bench.type(bench.code(two)).reason == "overdue"
    set_fault(bench.simulated, "offline", on=False, about={})
    bench.turn()
    assert services.expire_due_parcels() == 1
    for each in (one, two):
        each.refresh_from_db()
    assert (one.state, one.parcel_state) == ("free", "collected")
    assert (two.state, two.parcel_state) == ("loaded", "expired")
    assert [told["reference"] for told in events("lockers.ParcelDeposited")] == [
        str(one.reference),
        str(two.reference),
    ]
    assert [told["reference"] for told in events("lockers.ParcelCollected")] == [str(one.reference)]
    assert [unit_of(each).holder_kind for each in (one, two)] == ["person", "cabinet"]
    assert _doors(bench) == {2: str(two.uuid)}


def test_a_door_promised_meanwhile_goes_to_whoever_lies_there(bench: Bench) -> None:
    """Offline, the parcel takes another door than the named one; the server had given that to somebody."""
    (mine,) = allocated(bench, 1)
    bench.turn()
    set_fault(bench.simulated, "offline", on=True, about={})
    tx = present(bench, [mine])
    bench.simulated.hardware.pry_open(1)  # the named door cannot be used
    bench.simulated.tick()
    (others,) = allocated(bench, 1)
    assert others.compartment.door == 2
    door = leave(bench, tx, mine)
    assert door == 2
    set_fault(bench.simulated, "offline", on=False, about={})
    bench.turn(5)
    mine.refresh_from_db()
    others.refresh_from_db()
    assert (mine.compartment.door, mine.parcel_state) == (2, "ready")
    assert (others.compartment.door, others.state) == (3, "reserved")
    assert DeviceAlarm.objects.filter(kind="conflict").exists()
    assert _doors(bench) == {2: str(mine.uuid), 3: str(others.uuid)}


def test_a_code_reissued_meanwhile_counts_from_the_next_contact(bench: Bench) -> None:
    allocation = bench.deposit()
    old = bench.code(allocation)
    set_fault(bench.simulated, "offline", on=True, about={})
    services.reissue_code(reference=allocation.reference)
    new = bench.code(allocation)
    assert bench.type(new).reason == "wrong"
    set_fault(bench.simulated, "offline", on=False, about={})
    bench.turn()
    assert bench.type(old).reason == "wrong"
    assert bench.type(new).ok


def test_the_next_cabinet_takes_the_parcel_under_the_same_code(put_up: Callable[..., Bench]) -> None:
    dead = put_up()
    alive = put_up(site=dead.cabinet.site)
    (mine,) = allocated(dead, 1)
    assert mine.compartment.cabinet == dead.cabinet
    code = dead.code(mine)
    tokens = seal_courier_tokens(
        courier_uuid=uuid4(),
        allocations=[mine],
        cabinets=[dead.cabinet, alive.cabinet],
        expires_at=clock.now() + timedelta(hours=12),
    )
    set_fault(dead.simulated, "power_cut", on=True, about={})
    with alive.simulated.at_screen() as board:
        tx = drops.present_token(board, tokens[alive.cabinet.device.device]).tx
    door = leave(alive, tx, mine)
    alive.turn()
    mine.refresh_from_db()
    assert (mine.compartment.cabinet, mine.compartment.door) == (alive.cabinet, door)
    assert unit_of(mine).holder_uuid == alive.cabinet.uuid
    answer = alive.type(code)
    assert (answer.ok, answer.doors) == (True, (door,))


def test_a_parcel_sent_elsewhere_and_left_here_all_the_same_lies_here(put_up: Callable[..., Bench]) -> None:
    """It has no network; its parcel is promised to the next cabinet, and its courier leaves it here."""
    here = put_up()
    there = put_up(site=here.cabinet.site)
    (mine,) = allocated(here, 1)
    here.turn()
    code = here.code(mine)
    tx = present(here, [mine])
    set_fault(here.simulated, "offline", on=True, about={})
    here.turn()
    _is_silent(here)
    give_up_reservation(unit_uuid=mine.unit_uuid)
    moved = again(here, mine)
    assert moved.compartment.cabinet == there.cabinet
    there.turn()
    door = leave(here, tx, mine)
    set_fault(here.simulated, "offline", on=False, about={})
    here.turn()
    there.turn()
    mine.refresh_from_db()
    moved.refresh_from_db()
    assert (mine.state, mine.parcel_state, mine.compartment.door) == ("loaded", "ready", door)
    assert (moved.state, moved.parcel_state) == ("free", "expected")
    assert Occupancy.objects.count() == 1
    assert unit_of(mine).holder_uuid == here.cabinet.uuid
    assert [told["allocation"] for told in events("lockers.ParcelDeposited")] == [str(mine.uuid)]
    assert there.simulated.journal.live() == []
    assert here.type(code).ok
    here.shut(door)
    mine.refresh_from_db()
    assert mine.parcel_state == "collected"


def test_a_parcel_that_lies_elsewhere_is_not_believed_to_lie_here_too(put_up: Callable[..., Bench]) -> None:
    here = put_up()
    there = put_up(site=here.cabinet.site)
    (mine,) = allocated(here, 1)
    here.turn()
    tx = present(here, [mine])
    set_fault(here.simulated, "offline", on=True, about={})
    here.turn()
    _is_silent(here)
    give_up_reservation(unit_uuid=mine.unit_uuid)
    moved = again(here, mine)
    deposit(moved, at=clock.now(), actor=COURIER)
    door = leave(here, tx, mine)
    set_fault(here.simulated, "offline", on=False, about={})
    here.turn()
    mine.refresh_from_db()
    moved.refresh_from_db()
    assert (mine.state, moved.state) == ("free", "loaded")
    assert list(DeviceAlarm.objects.values_list("kind", "compartment__door", "device__cabinet")) == [
        ("conflict", door, here.cabinet.pk)
    ]
    assert unit_of(mine).holder_uuid == there.cabinet.uuid


def test_who_loses_his_door_and_finds_no_other_is_without_one(bench: Bench) -> None:
    """The parcel that lies there is a fact, whatever had been promised to somebody else."""
    (mine,) = allocated(bench, 1)
    bench.turn()
    set_fault(bench.simulated, "offline", on=True, about={})
    tx = present(bench, [mine])
    bench.simulated.hardware.pry_open(1)
    bench.simulated.tick()
    others, third = allocated(bench, 2)
    assert (others.compartment.door, third.compartment.door) == (2, 3)
    assert leave(bench, tx, mine) == 2
    set_fault(bench.simulated, "offline", on=False, about={})
    bench.turn(5)
    for each in (mine, others, third):
        each.refresh_from_db()
    assert (mine.compartment.door, mine.parcel_state) == (2, "ready")
    assert (others.state, third.state) == ("free", "reserved")
    assert not DeviceMessage.objects.exclude(failed="").exists()
    assert _doors(bench) == {2: str(mine.uuid), 3: str(third.uuid)}


def test_the_fee_rule_is_that_of_the_day_on_which_it_was_left(bench: Bench, frozen: datetime) -> None:
    (mine,) = allocated(bench, 1)
    bench.turn()
    set_fault(bench.simulated, "offline", on=True, about={})
    tx = present(bench, [mine])
    leave(bench, tx, mine)
    left_on = frozen.astimezone(clock.SHANGHAI).date()
    rules = [
        StorageRule.objects.create(
            zone="chilled", valid_from=left_on + timedelta(days=number), free_h=hours, step_h=6, step_fen=50,
            cap_fen=100, stay_h=12, announced_at=frozen,
        )
        for number, hours in ((0, 30), (1, 5))
    ]  # fmt: skip
    three_days_later(bench)
    set_fault(bench.simulated, "offline", on=False, about={})
    bench.turn()
    mine.refresh_from_db()
    assert mine.fee_rule == rules[0]
    assert mine.free_until == frozen + timedelta(hours=30)


def test_the_policy_is_kept_offline_too(bench: Bench) -> None:
    (mine,) = allocated(bench, 1)
    Allocation.objects.filter(pk=mine.pk).update(policy={**mine.policy, "consent": False})
    mine.refresh_from_db()
    tx = present(bench, [mine])
    with pytest.raises(Refused) as refused:
        leave(bench, tx, mine)
    assert refused.value.code == "no_consent"


def _is_silent(bench: Bench) -> None:
    """The server has noticed that it is away."""
    Device.objects.filter(pk=bench.cabinet.device.pk).update(
        online=False, last_seen=clock.wall() - timedelta(hours=1)
    )


def _doors(bench: Bench) -> dict[int, str]:
    """Both sides say the same: by door, the live allocation."""
    server = {
        each.compartment.door: str(each.uuid)
        for each in Allocation.objects.filter(LIVE_ALLOCATION).select_related("compartment")
    }
    cabinet = {each.door: each.allocation for each in bench.simulated.journal.live()}
    assert server == cabinet
    return server
