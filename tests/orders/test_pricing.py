from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.pricing import OPENING_RULES, Agency, FeeRules, Party, split_delivery, split_goods, taken_back

TODAY = OPENING_RULES
amounts = st.integers(min_value=0, max_value=10**9)


@pytest.mark.parametrize(
    ("amount_fen", "agency", "seller", "station", "platform"),
    [
        (10_000, Agency.NONE, 9_300, None, 700),
        (10_000, Agency.SELLING, 8_700, 600, 700),
        (10_000, Agency.BUYING, 8_900, 400, 700),
        (1, Agency.SELLING, 1, 0, 0),
        (8, Agency.SELLING, 7, 0, 1),
        (0, Agency.SELLING, 0, 0, 0),
    ],
)
def test_the_goods_are_split_by_the_published_rates(amount_fen, agency, seller, station, platform):
    parts = split_goods(amount_fen=amount_fen, rules=TODAY, agency=agency)
    expected = {Party.SELLER: seller, Party.PLATFORM: platform}
    assert parts == expected | ({Party.STATION: station} if station is not None else {})


def test_the_delivery_fee_pays_the_courier_and_leaves_the_rest_to_the_platform():
    assert split_delivery(fee_fen=300, rules=TODAY) == {Party.COURIER: 240, Party.PLATFORM: 60}


@given(amounts, st.sampled_from(Agency))
def test_parts_add_up_and_stay_within_the_providers_cap(amount_fen, agency):
    parts = split_goods(amount_fen=amount_fen, rules=TODAY, agency=agency)
    assert sum(parts.values()) == amount_fen
    assert min(parts.values()) >= 0
    assert (amount_fen - parts[Party.SELLER]) * 100 <= 30 * amount_fen + 100


@given(amounts, st.lists(st.integers(min_value=1, max_value=10**6), max_size=8), st.sampled_from(Agency))
def test_partial_refunds_take_back_in_total_what_one_refund_would(amount_fen, refunds, agency):
    kept, given_back = amount_fen, dict.fromkeys(Party, 0)
    for refund in refunds:
        refund = min(refund, kept)
        before = split_goods(amount_fen=kept, rules=TODAY, agency=agency)
        kept -= refund
        after = split_goods(amount_fen=kept, rules=TODAY, agency=agency)
        step = taken_back(before=before, after=after)
        assert sum(step.values()) == refund
        for party, part in step.items():
            given_back[party] += part
    start = split_goods(amount_fen=amount_fen, rules=TODAY, agency=agency)
    end = split_goods(amount_fen=kept, rules=TODAY, agency=agency)
    assert {p: v for p, v in given_back.items() if p in start} == taken_back(before=start, after=end)


@pytest.mark.parametrize("wrong", [{"commission_bp": -1}, {"commission_bp": 2500}, {"courier_bp": 10_001}])
def test_rates_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError):
        FeeRules(valid_from=date(2026, 1, 1), **wrong)


def test_a_negative_amount_is_refused():
    with pytest.raises(ValueError):
        split_goods(amount_fen=-1, rules=TODAY)
