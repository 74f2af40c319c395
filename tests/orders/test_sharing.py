import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.sharing import fair_share

orders = st.dictionaries(st.integers(), st.integers(min_value=1, max_value=10**6), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("available", "wanted", "shares"),
    [
        (10, [4, 4, 4], [4, 3, 3]),
        (12, [4, 4, 4], [4, 4, 4]),
        (0, [4, 1], [0, 0]),
        (1, [1, 1, 1], [1, 0, 0]),
        (5_000, [6_000, 3_000, 1_000], [3_000, 1_500, 500]),
    ],
)
def test_each_gets_the_same_share_and_the_rest_goes_to_the_earliest(available, wanted, shares):
    assert list(fair_share(available=available, wanted=dict(enumerate(wanted))).values()) == shares


@given(orders, st.integers(min_value=0, max_value=10**7))
def test_shares_add_up_and_nobody_gets_more_than_he_ordered_or_a_unit_off_his_part(wanted, available):
    shares = fair_share(available=available, wanted=wanted)
    total = sum(wanted.values())
    assert sum(shares.values()) == min(available, total)
    for key, amount in wanted.items():
        assert 0 <= shares[key] <= amount
        assert abs(shares[key] * total - amount * min(available, total)) < total


def test_amounts_that_cannot_be():
    for available, wanted in ((-1, {1: 1}), (1, {1: 0})):
        with pytest.raises(ValueError):
            fair_share(available=available, wanted=wanted)
