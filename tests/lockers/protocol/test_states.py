"""Allocation and parcel moves, the choice of a cell, and the judgement of an opening."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers.protocol import allocation, parcel
from lockers.protocol.allocation import AllocationState, Cell, Need, choose_cell
from lockers.protocol.envelope import Envelope
from lockers.protocol.errors import Refused
from lockers.protocol.messages import Kind
from lockers.protocol.ordering import door_states, in_order
from lockers.protocol.parcel import IN_CABINET, Outcome, ParcelState, judge_opening
from lockers.protocol.policy import DepositPolicy
from marketplace.kernel.errors import IllegalTransition
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

AT = datetime(2026, 11, 23, 5, tzinfo=UTC)
CHILL = Band(0, 4)
CELLS = [
    Cell(1, Size.S, "chilled", CHILL),
    Cell(2, Size.M, "chilled", CHILL),
    Cell(3, Size.M, "chilled", Band(2, 8)),
    Cell(4, Size.L, "ambient", Band(5, 30)),
]


def say(seq: int, kind: str, boot: int = 1, tx: str | None = "t", **body: object) -> Envelope:
    return Envelope("L1", boot, seq, f"m{seq}", AT, 0.0, kind, {"door": 3, **body}, tx)


def test_a_free_compartment_is_loaded_only_after_it_was_reserved() -> None:
    allocation.MOVES.check(AllocationState.FREE, AllocationState.RESERVED)
    with pytest.raises(IllegalTransition):
        allocation.MOVES.check(AllocationState.FREE, AllocationState.LOADED)


def test_a_collected_or_returned_parcel_stays_so() -> None:
    assert parcel.MOVES.is_final(ParcelState.COLLECTED)
    assert parcel.MOVES.is_final(ParcelState.RETURNED)
    assert parcel.MOVES.sources(ParcelState.COLLECTED) == IN_CABINET


def test_the_smallest_fitting_cell_then_a_larger_one_never_a_warmer_one() -> None:
    need = Need(Size.S, "chilled", CHILL)
    assert choose_cell(need, CELLS) == CELLS[0]
    assert choose_cell(need, CELLS[1:]) == CELLS[1]
    assert choose_cell(need, CELLS[2:]) is None
    assert choose_cell(Need(Size.L, "chilled", CHILL), CELLS) is None
    assert choose_cell(Need(Size.M, "chilled", Band(0, 8)), CELLS[2:]) == CELLS[2]
    assert choose_cell(Need(Size.NONE, "ambient", Band(-50, 50)), CELLS) is None


@pytest.mark.parametrize(
    ("policy", "damaged", "weight_g", "code"),
    [
        (DepositPolicy(consent=False), False, 500, "no_consent"),
        (DepositPolicy(consent=True, sender_agreement=False), False, 500, "no_sender_agreement"),
        (DepositPolicy(consent=True), True, 500, "damaged"),
        (DepositPolicy(consent=True), False, 25_001, "too_heavy"),
        (DepositPolicy(consent=True, label_weight_g=2_000), False, 2_201, "weight_off"),
        (DepositPolicy(consent=True, label_weight_g=500), False, 399, "weight_off"),
    ],
)
def test_the_door_stays_shut(policy: DepositPolicy, damaged: bool, weight_g: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        policy.check(damaged=damaged, weight_g=weight_g)
    assert refused.value.code == code


def test_the_door_opens_within_the_tolerance() -> None:
    policy = DepositPolicy(consent=True, label_weight_g=2_000)
    for weight_g in (1_800, 2_200, None):
        policy.check(damaged=False, weight_g=weight_g)
    assert DepositPolicy.from_wire(policy.as_wire()) == policy


STORIES = [
    ([], Outcome.PENDING),
    ([say(1, Kind.DOOR_PULSED)], Outcome.PENDING),
    ([say(1, Kind.DOOR_PULSED), say(2, Kind.DOOR_OPENED)], Outcome.OPEN),
    ([say(1, Kind.DOOR_PULSED), say(2, Kind.DOOR_OPENED), say(3, Kind.DOOR_CLOSED)], Outcome.DONE),
    ([say(2, Kind.DOOR_OPENED), say(3, Kind.DOOR_AJAR), say(4, Kind.DOOR_CLOSED)], Outcome.DONE),
    ([say(2, Kind.DOOR_OPENED), say(3, Kind.PUT_BACK), say(4, Kind.DOOR_CLOSED)], Outcome.PUT_BACK),
    ([say(1, Kind.DOOR_PULSED), say(2, Kind.DOOR_JAMMED), say(3, Kind.DOOR_CLOSED)], Outcome.JAMMED),
    ([say(2, Kind.DOOR_OPENED), say(1, Kind.DOOR_CLOSED, boot=2, tx=None)], Outcome.OPEN),
    ([say(2, Kind.DOOR_OPENED), say(3, Kind.DOOR_UNKNOWN), say(4, Kind.DOOR_CLOSED)], Outcome.UNKNOWN),
    ([say(2, Kind.DOOR_OPENED), say(1, Kind.COMMAND_RESULT, boot=2, result="unknown")], Outcome.UNKNOWN),
    ([say(1, Kind.DOOR_CLOSED)], Outcome.PENDING),
    ([say(2, Kind.DOOR_OPENED, door=4), say(3, Kind.DOOR_CLOSED, door=4)], Outcome.PENDING),
]


@pytest.mark.parametrize(("messages", "outcome"), STORIES)
def test_what_became_of_an_opening(messages: list[Envelope], outcome: Outcome) -> None:
    assert judge_opening(messages, tx="t", door=3) is outcome


KINDS = [
    Kind.DOOR_PULSED,
    Kind.DOOR_OPENED,
    Kind.DOOR_CLOSED,
    Kind.DOOR_JAMMED,
    Kind.PUT_BACK,
    Kind.DOOR_UNKNOWN,
]
DRAWN = st.tuples(
    st.sampled_from(KINDS), st.integers(1, 3), st.sampled_from(["t", "u", None]), st.integers(1, 3)
)
MESSAGES = st.lists(DRAWN, max_size=20).map(
    lambda drawn: [say(seq, kind, boot, tx, door=door) for seq, (kind, boot, tx, door) in enumerate(drawn)]
)


@given(messages=MESSAGES, data=st.data())
def test_shuffled_and_doubled_messages_give_the_same_state(
    messages: list[Envelope], data: st.DataObject
) -> None:
    doubled = messages + (data.draw(st.lists(st.sampled_from(messages), max_size=10)) if messages else [])
    shuffled = data.draw(st.permutations(doubled))
    assert in_order(shuffled) == in_order(messages)
    assert door_states(shuffled) == door_states(messages)
    for tx, door in [("t", 3), ("u", 1)]:
        assert judge_opening(shuffled, tx=tx, door=door) is judge_opening(messages, tx=tx, door=door)
