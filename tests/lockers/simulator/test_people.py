"""People at the cabinet: recipients with codes and QR, couriers with sealed tokens, guessers."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState, Need
from lockers.protocol.codes import pickup_tag
from lockers.protocol.commands import Action
from lockers.protocol.config import Placed
from lockers.protocol.courier import CourierToken, Drop, seal_token
from lockers.protocol.errors import Refused
from lockers.protocol.parcel import Outcome, judge_opening
from lockers.protocol.policy import DepositPolicy
from lockers.protocol.qr import PickupToken, sign_pickup
from lockers.simulator import drops
from lockers.simulator.cabinet import Cabinet, NoPower
from lockers.simulator.faults import set_fault
from lockers.simulator.pickup import Answer, put_back, scan_qr, type_code
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size
from tests.lockers.simulator.conftest import AT, KEY, SIGNER, Server, Time, code, placed


def typed(cabinet: Cabinet, digits: str) -> Answer:
    with cabinet.at_screen() as board:
        return type_code(board, digits)


def scanned(cabinet: Cabinet, text: str) -> Answer:
    with cabinet.at_screen() as board:
        return scan_qr(board, text)


def shut(cabinet: Cabinet, *doors: int) -> None:
    for door in doors:
        cabinet.hardware.push_shut(door)
    cabinet.tick()


@pytest.fixture
def two_groups(server: Server, cabinet: Cabinet) -> Cabinet:
    server.configure(
        placed("a1", group=7, door=1),
        placed("a2", group=7, door=3),
        placed("b1", group=8, door=2),
        known=(1, 9),
    )
    return cabinet


def test_a_code_opens_all_doors_of_its_group_and_works_once(server: Server, two_groups: Cabinet) -> None:
    answer = typed(two_groups, code(7))
    assert (answer.ok, answer.doors) == (True, (1, 3))
    assert [door for door, slot in two_groups.hardware.slots.items() if slot.is_open] == [1, 3]
    shut(two_groups, 1, 3)
    assert judge_opening(server.heard, tx=str(answer.tx), door=3) is Outcome.DONE
    assert typed(two_groups, code(7)).reason == "wrong"
    assert [each.allocation for each in two_groups.journal.live()] == ["b1"]


def test_a_wrong_code_moves_nothing(server: Server, two_groups: Cabinet) -> None:
    assert typed(two_groups, "00000000").reason == "wrong"
    assert not any(slot.is_open for slot in two_groups.hardware.slots.values())
    assert server.last("code.attempt").body == {"entry": "keypad", "ok": False, "reason": "wrong"}
    assert len(two_groups.journal.live()) == 3


def test_what_is_put_back_stays_collectable(server: Server, two_groups: Cabinet) -> None:
    answer = typed(two_groups, code(8))
    with two_groups.at_screen() as board:
        assert put_back(board, door=2)
    shut(two_groups, 2)
    assert judge_opening(server.heard, tx=str(answer.tx), door=2) is Outcome.PUT_BACK
    with two_groups.at_screen() as board:
        assert not put_back(board, door=2)
    assert typed(two_groups, code(8)).ok


def test_an_overdue_or_blocked_parcel_stays_shut(server: Server, two_groups: Cabinet, time: Time) -> None:
    server.configure(placed("b1", group=8, door=2), blocked=frozenset({2}))
    assert typed(two_groups, code(8)).reason == "held"
    server.configure(placed("b1", group=8, door=2))
    time.passes(25 * 3600)
    two_groups.tick()
    assert typed(two_groups, code(8)).reason == "overdue"
    assert two_groups.journal.lockout().errors == 0


def test_two_groups_with_one_code_open_neither_and_the_qr_still_does(
    server: Server, cabinet: Cabinet
) -> None:
    twins = [placed("a1", group=7, door=1), placed("b1", group=8, door=2)]
    tag = pickup_tag(keys.tag_key(KEY), code=code(7), group=8, counter=0)
    twins[1] = replace(twins[1], group=replace(twins[1].group, tag=tag))
    server.configure(*twins)
    assert typed(cabinet, code(7)).reason == "ambiguous"
    assert scanned(cabinet, qr(7)).doors == (1,)


def qr(group: int, *, counter: int = 0, device: str = "L1", expires: timedelta = timedelta(hours=24)) -> str:
    return sign_pickup(SIGNER, device=device, token=PickupToken(group, counter, AT + expires))


def test_a_qr_opens_once_and_only_here(server: Server, two_groups: Cabinet) -> None:
    assert scanned(two_groups, qr(7, device="L2")).reason == "wrong_locker"
    assert scanned(two_groups, qr(7, counter=1)).reason == "revoked"
    assert scanned(two_groups, qr(9)).reason == "not_here"
    assert scanned(two_groups, qr(7)[:-1] + "A").reason == "bad_token"
    assert scanned(two_groups, qr(8)).doors == (2,)
    with two_groups.at_screen() as board:
        put_back(board, door=2)
    shut(two_groups, 2)
    assert scanned(two_groups, qr(8)).reason == "used"


def test_guessing_locks_the_keypad_over_restarts_but_neither_qr_nor_station(
    server: Server, two_groups: Cabinet, put_up: Callable[[], Cabinet], time: Time
) -> None:
    """14,400 guesses, one every 5 s for twenty hours; 16 of them are looked at."""
    answers: Counter[str] = Counter()
    with two_groups.at_screen() as board:
        for guess in range(14_400):
            answers[type_code(board, f"{guess:08d}").reason] += 1
            time.passes(5)
    assert answers == {"wrong": 16, "locked": 14_384}
    assert server.last("lockout").body["errors"] == 16
    assert not any(slot.is_open for slot in two_groups.hardware.slots.values())
    cabinet = put_up()
    server.configure(
        *(placed(name, group=group, door=door) for name, group, door in (("a1", 7, 1), ("b1", 8, 2))),
        known=(1, 9),
    )
    assert typed(cabinet, code(7)).reason == "locked"
    server.command(Action.TRY_CODE, tx="phone", args={"code": code(7)})
    cabinet.tick()
    assert server.last("cmd.result").body["reason"] == "locked"
    assert scanned(cabinet, qr(8)).ok
    server.command(Action.OPEN, tx="assist", args={"door": 1, "purpose": "assist", "allocation": "a1"})
    assert cabinet.hardware.slots[1].is_open


def test_phone_and_keypad_share_the_lock_out(server: Server, two_groups: Cabinet) -> None:
    for number in range(3):
        typed(two_groups, "00000000")
        server.command(Action.TRY_CODE, tx=f"p{number}", args={"code": "00000001"})
    assert typed(two_groups, code(7)).reason == "locked"


# -- couriers ----------------------------------------------------------------------------------------------


def token(*parcels: Placed, size: Size = Size.S, max_c: float = 8, recalls: tuple[str, ...] = ()) -> str:
    need = Need(size, "chilled", Band(0, max_c))
    reserved = [replace(each, state=AllocationState.RESERVED, door=None) for each in parcels]
    return seal_token(
        CourierToken(
            device="L1", generation=1, tx="run1", courier="c9", expires_at=AT + timedelta(hours=6),
            drops=tuple(Drop(each, need) for each in reserved), recalls=recalls,
        ),
        key=keys.seal_key(KEY),
    )  # fmt: skip


def presented(cabinet: Cabinet, text: str) -> None:
    with cabinet.at_screen() as board:
        drops.present_token(board, text)


def dropped(cabinet: Cabinet, allocation: str, **how: object) -> int:
    with cabinet.at_screen() as board:
        return drops.open_for_drop(
            board,
            token_tx="run1",
            allocation=allocation,
            **{"damaged": False, "weight_g": 500, **how},  # type: ignore[arg-type]
        )


def confirmed(cabinet: Cabinet, allocation: str) -> None:
    with cabinet.at_screen() as board:
        drops.confirm_drop(board, token_tx="run1", allocation=allocation)


def test_a_drop_and_a_pick_up_without_any_network(server: Server, cabinet: Cabinet) -> None:
    set_fault(cabinet, "offline", on=True, about={})
    presented(cabinet, token(placed("a1", group=7, door=None)))
    door = dropped(cabinet, "a1")
    with pytest.raises(Refused) as refused:
        confirmed(cabinet, "a1")
    assert refused.value.code == "not_closed"
    assert typed(cabinet, code(7)).reason == "wrong"
    shut(cabinet, door)
    confirmed(cabinet, "a1")
    confirmed(cabinet, "a1")
    answer = typed(cabinet, code(7))
    assert answer.doors == (door,)
    shut(cabinet, door)
    set_fault(cabinet, "offline", on=False, about={})
    cabinet.tick()
    deposits = [each.body for each in server.told if each.type == "parcel.deposited"]
    assert deposits == [{"door": door, "allocation": "a1", "group": 7, "courier": "c9", "weight_g": None}]
    assert judge_opening(server.heard, tx=str(answer.tx), door=door) is Outcome.DONE


def test_the_policy_keeps_the_door_shut(cabinet: Cabinet) -> None:
    presented(
        cabinet,
        token(
            placed("no", group=1, door=None, policy=DepositPolicy(consent=False)),
            placed("off", group=2, door=None, policy=DepositPolicy(consent=True, label_weight_g=2000)),
        ),
    )
    tries: list[tuple[str, dict[str, Any], str]] = [
        ("no", {}, "no_consent"),
        ("off", {"weight_g": 900}, "weight_off"),
        ("off", {"damaged": True}, "damaged"),
        ("other", {}, "unknown"),
    ]
    for allocation, how, wanted in tries:
        with pytest.raises(Refused) as refused:
            dropped(cabinet, allocation, **how)
        assert refused.value.code == wanted
    assert not any(slot.is_open for slot in cabinet.hardware.slots.values())


def test_misfit_takes_a_larger_cell_and_a_full_cabinet_says_so(cabinet: Cabinet) -> None:
    parcels = [placed(f"a{n}", group=n, door=None) for n in range(1, 6)]
    presented(cabinet, token(*parcels))
    taken = [dropped(cabinet, "a1")]
    shut(cabinet, taken[0])
    taken[0] = dropped(cabinet, "a1", larger=True)
    assert taken == [3]
    for number in (2, 3, 4):
        shut(cabinet, taken[-1])
        taken.append(dropped(cabinet, f"a{number}"))
    assert sorted(taken) == [1, 2, 3, 4]
    with pytest.raises(Refused) as refused:
        dropped(cabinet, "a5")
    assert refused.value.code == "full"
    shut(cabinet, 4)


def test_a_warmer_cell_is_never_given_offline_either(cabinet: Cabinet) -> None:
    presented(cabinet, token(placed("a1", group=1, door=None), max_c=4))
    with pytest.raises(Refused) as refused:
        dropped(cabinet, "a1")
    assert refused.value.code == "full"


def test_a_courier_takes_out_only_what_his_token_names(server: Server, two_groups: Cabinet) -> None:
    presented(two_groups, token(recalls=("b1",)))
    with two_groups.at_screen() as board:
        assert drops.open_for_recall(board, token_tx="run1", allocation="b1") == 2
        with pytest.raises(Refused):
            drops.open_for_recall(board, token_tx="run1", allocation="a1")
    shut(two_groups, 2)
    assert server.last("parcel.removed").body == {"door": 2, "allocation": "b1", "actor": "token:c9"}
    assert typed(two_groups, code(8)).reason == "wrong"


def test_an_offline_drop_and_a_reservation_of_the_same_door_are_a_conflict(
    server: Server, cabinet: Cabinet
) -> None:
    set_fault(cabinet, "offline", on=True, about={})
    presented(cabinet, token(placed("a1", group=7, door=None)))
    door = dropped(cabinet, "a1")
    shut(cabinet, door)
    confirmed(cabinet, "a1")
    server.configure(placed("z9", group=9, door=door, state=AllocationState.RESERVED), known=(1, 1))
    set_fault(cabinet, "offline", on=False, about={})
    cabinet.tick()
    conflict = {"door": door, "allocation": "z9", "holds": "a1"}
    assert server.last("cfg.applied").body == {"version": 1, "conflicts": [conflict]}
    assert [each.allocation for each in cabinet.journal.live()] == ["a1"]


def test_a_token_shown_twice_changes_nothing(cabinet: Cabinet) -> None:
    text = token(placed("a1", group=7, door=None))
    presented(cabinet, text)
    door = dropped(cabinet, "a1")
    shut(cabinet, door)
    confirmed(cabinet, "a1")
    presented(cabinet, text)
    assert [(each.state, each.door) for each in cabinet.journal.live()] == [(AllocationState.LOADED, door)]


def test_a_dark_screen_answers_nothing(cabinet: Cabinet) -> None:
    set_fault(cabinet, "power_cut", on=True, about={})
    with pytest.raises(NoPower):
        typed(cabinet, code(7))
    with pytest.raises(Refused):
        set_fault(cabinet, "gremlins", on=True, about={})
