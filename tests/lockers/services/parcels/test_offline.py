"""Three days without network: the cabinet takes and gives by itself, and afterwards both sides agree."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from lockers import services
from lockers.models import Allocation, DeviceAlarm
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol.errors import Refused
from lockers.services.parcels.drops import allocate
from lockers.services.parcels.tokens import seal_courier_tokens
from lockers.simulator import drops
from lockers.simulator.faults import set_fault
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from tests.lockers.services.conftest import GOOD, Bench, events, unit_of


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


def test_the_policy_is_kept_offline_too(bench: Bench) -> None:
    (mine,) = allocated(bench, 1)
    Allocation.objects.filter(pk=mine.pk).update(policy={**mine.policy, "consent": False})
    mine.refresh_from_db()
    tx = present(bench, [mine])
    with pytest.raises(Refused) as refused:
        leave(bench, tx, mine)
    assert refused.value.code == "no_consent"


def _doors(bench: Bench) -> dict[int, str]:
    """Both sides say the same: by door, the live allocation."""
    server = {
        each.compartment.door: str(each.uuid)
        for each in Allocation.objects.filter(LIVE_ALLOCATION).select_related("compartment")
    }
    cabinet = {each.door: each.allocation for each in bench.simulated.journal.live()}
    assert server == cabinet
    return server
