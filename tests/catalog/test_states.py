from hypothesis import given
from hypothesis import strategies as st

from catalog.states import LOT, RESERVATION


def test_the_moves_of_a_reservation() -> None:
    allowed = {(a, b) for a in RESERVATION.states for b in RESERVATION.states if RESERVATION.allowed(a, b)}
    assert allowed == {("held", "firm"), ("held", "released"), ("firm", "consumed"), ("firm", "released")}


def test_the_moves_of_a_lot() -> None:
    allowed = {(a, b) for a in LOT.states for b in LOT.states if LOT.allowed(a, b)}
    assert allowed == {("listed", "withdrawn"), ("listed", "expired")}


@given(st.lists(st.sampled_from(sorted(RESERVATION.states)), max_size=20))
def test_goods_leave_the_stock_at_most_once(wishes: list[str]) -> None:
    state, ends = "held", 0
    for wish in wishes:
        if RESERVATION.allowed(state, wish):
            state = wish
            ends += RESERVATION.is_final(state)
    assert ends <= 1
