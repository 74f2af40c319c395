from datetime import date, datetime

import pytest

from marketplace.kernel.clock import SHANGHAI
from orders.return_rules import freeze, frozen_rule, returnable_until, returned_fen, rule_for

DAY = date(2026, 11, 12)


def test_fresh_goods_are_excluded_unless_their_seller_grants_it():
    assert rule_for(returnable=False, granted=False, on=DAY) is None
    law, grant = (rule_for(returnable=law, granted=True, on=DAY) for law in (True, False))
    assert (law.granted, grant.granted, grant.days) == (False, True, 7)


def test_a_rule_survives_being_frozen_and_old_orders_keep_theirs():
    rule = rule_for(returnable=True, granted=False, on=DAY)
    assert frozen_rule({"return_rule": freeze(rule)}) == rule
    assert frozen_rule({"returnable": True}).days == 7
    assert frozen_rule({"returnable": True, "return_rule": None}) is None
    assert frozen_rule({}) is None


def test_the_day_of_receipt_is_not_counted():
    rule = rule_for(returnable=True, granted=False, on=DAY)
    for hour in (0, 23):
        until = returnable_until(rule, received_at=datetime(2026, 11, 12, hour, 59, tzinfo=SHANGHAI))
        assert until == datetime(2026, 11, 20, tzinfo=SHANGHAI)


@pytest.mark.parametrize(("quantity", "fen"), [(1, 333), (2, 666), (3, 1000)])
def test_parts_never_exceed_the_whole(quantity, fen):
    assert returned_fen(kept_fen=1000, quantity=quantity, of=3) == fen
