"""States: a random walk over the moves keeps the promises that services rely on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.errors import IllegalTransition
from orders.states import (
    FULFILMENT_MOVES,
    LINE_MOVES,
    ORDER_MOVES,
    FulfilmentStatus,
    LineStatus,
    OrderStatus,
    status_from_parts,
)

F = FulfilmentStatus


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([F.FIRM], OrderStatus.PAID),
        ([F.READY, F.COLLECTED], OrderStatus.PAID),
        ([F.COLLECTED], OrderStatus.COMPLETED),
        ([F.COLLECTED, F.CANCELLED], OrderStatus.COMPLETED),
        ([F.CANCELLED, F.CANCELLED], OrderStatus.CANCELLED),
        ([F.PACKED, F.CANCELLED], OrderStatus.PAID),
    ],
)
def test_the_order_follows_from_its_parts(parts, expected):
    assert status_from_parts(parts) == expected


def test_an_order_without_parts_is_a_mistake_of_ours():
    with pytest.raises(ValueError):
        status_from_parts([])


@given(st.lists(st.sampled_from(sorted(F)), min_size=1))
def test_a_part_still_open_keeps_the_order_open(parts):
    still_open = any(not FULFILMENT_MOVES.is_final(part) for part in parts)
    assert (status_from_parts(parts) is OrderStatus.PAID) is still_open


@pytest.mark.parametrize(
    ("moves", "old", "new"),
    [
        (ORDER_MOVES, OrderStatus.CLOSED, OrderStatus.PAID),
        (ORDER_MOVES, OrderStatus.PAID, OrderStatus.AWAITING_PAYMENT),
        (ORDER_MOVES, OrderStatus.COMPLETED, OrderStatus.CANCELLED),
        (LINE_MOVES, LineStatus.COLLECTED, LineStatus.REFUNDED),
        (LINE_MOVES, LineStatus.RESERVED, LineStatus.PACKED),
        (FULFILMENT_MOVES, F.RESERVED, F.READY),
        (FULFILMENT_MOVES, F.COLLECTED, F.READY),
        (FULFILMENT_MOVES, F.FIRM, F.COLLECTED),
    ],
)
def test_a_move_that_is_not_listed_is_refused(moves, old, new):
    with pytest.raises(IllegalTransition) as refused:
        moves.check(old, new)
    assert refused.value.params == {"old": old, "new": new}


@given(st.data())
def test_goods_are_weighed_and_packed_before_anybody_collects_them(data):
    state, seen = F.RESERVED, [F.RESERVED]
    for _ in range(20):
        following = sorted(new for new in F if FULFILMENT_MOVES.allowed(state, new))
        if not following:
            break
        state = data.draw(st.sampled_from(following))
        seen.append(state)
    if F.COLLECTED in seen:
        assert [F.FIRM in seen, F.PACKED in seen, F.READY in seen] == [True, True, True]
        assert seen[-3:] == [F.PACKED, F.READY, F.COLLECTED]
