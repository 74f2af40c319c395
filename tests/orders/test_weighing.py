import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.errors import InvalidInput
from orders.weighing import CRATE_MAX_G, Ordered, check_portion, excess_shrinkage_g, net_of_crate

BY_WEIGHT = Ordered(unit="g", quantity=1500, price_fen=880)
BY_BOX = Ordered(unit="piece", quantity=3, price_fen=3200, unit_net_g=2500)
LINES = st.one_of(
    st.builds(Ordered, unit=st.just("g"), quantity=st.integers(1, 50_000), price_fen=st.integers(1, 100_000)),
    st.builds(
        Ordered,
        unit=st.just("piece"),
        quantity=st.integers(1, 200),
        price_fen=st.integers(1, 100_000),
        unit_net_g=st.one_of(st.none(), st.integers(1, 25_000)),
    ),
)


@pytest.mark.parametrize(
    ("ordered", "net_g", "amount_fen"),
    [
        (BY_WEIGHT, 1500, 1320),
        (BY_WEIGHT, 1650, 1320),  # 10 % more costs nothing more
        (BY_WEIGHT, 1350, 1188),
        (BY_WEIGHT, 0, 0),
        (BY_BOX, 7500, 9600),
        (BY_BOX, 7350, 9600),  # 2 % lighter is still three boxes
        (BY_BOX, 7300, 6400),
        (BY_BOX, 2500, 3200),
        (BY_BOX, 0, 0),
        (Ordered(unit="piece", quantity=2, price_fen=500), 480, 1000),  # pieces without a weight of their own
    ],
)
def test_what_a_portion_costs(ordered, net_g, amount_fen):
    assert ordered.final_amount_fen(net_g) == amount_fen


@given(LINES, st.integers(0, 100_000))
def test_a_portion_never_costs_more_than_was_agreed_nor_less_than_nothing(ordered, net_g):
    assert 0 <= ordered.final_amount_fen(net_g) <= ordered.max_amount_fen


@given(LINES, st.integers(0, 100_000), st.integers(0, 5_000))
def test_more_weight_never_costs_less(ordered, net_g, more_g):
    assert ordered.final_amount_fen(net_g) <= ordered.final_amount_fen(net_g + more_g)


@given(LINES)
def test_the_full_weight_costs_the_full_price(ordered):
    assert ordered.final_amount_fen(max(1, ordered.net_g)) == ordered.max_amount_fen


@pytest.mark.parametrize("net_g", [-1, 1651])
def test_a_portion_that_must_be_a_mistake_is_refused(net_g):
    with pytest.raises(InvalidInput) as refused:
        check_portion(BY_WEIGHT, net_g, field="portions[0].net_weight_g")
    assert (refused.value.field, refused.value.params) == ("portions[0].net_weight_g", {"limit_g": 1650})


def test_net_is_gross_less_tare():
    assert net_of_crate(gross_g=21_300, tare_g=1_300) == 20_000


@pytest.mark.parametrize(
    ("gross_g", "tare_g", "field"),
    [
        (1_000, 1_000, "gross_g"),
        (CRATE_MAX_G + 1, 500, "gross_g"),
        (-5, 0, "gross_g"),
        (1_000, -1, "tare_g"),
    ],
)
def test_a_crate_that_cannot_be_is_refused(gross_g, tare_g, field):
    with pytest.raises(InvalidInput) as refused:
        net_of_crate(gross_g=gross_g, tare_g=tare_g)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("portioned_g", "excess_g"), [(20_000, 0), (19_600, 0), (19_599, 1), (18_000, 1_600)]
)
def test_two_percent_may_shrink(portioned_g, excess_g):
    assert excess_shrinkage_g(weighed_in_g=20_000, portioned_g=portioned_g) == excess_g
