"""Fees by date: a later version touches no placed order, whatever happens to that order afterwards."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from catalog.models import Lot
from marketplace.accounts.services.memberships import grant
from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, Forbidden, InvalidInput
from marketplace.messages.models import Notice
from orders.ledger.accounts import AccountKind
from orders.models import FeeRule
from orders.pricing import OPENING_RULES
from orders.services.redress.refunding import refund_line
from orders.services.settlement.fee_rules import announce_fee_rules, checked_rules, published_rules, rules_on
from orders.services.settlement.settling import rules_of
from tests.factories.accounts import make_principal, make_user
from tests.factories.farmers import make_officer
from tests.factories.graph import data_of
from tests.factories.orders import THURSDAY, deliver, make_buyer, make_order, make_paid_order
from tests.orders.services.steps import books_balance, collected, owed

LATER = date(2026, 11, 18)
DEARER = replace(OPENING_RULES, valid_from=LATER, commission_bp=1_000, second_leg_fen=500, courier_bp=5_000)


def announce(rules=DEARER, principal=None):
    return announce_fee_rules(principal=principal or make_principal("platform"), rules=rules, why="油价上涨")


def test_the_opening_rules_hold_until_the_first_version_does(market):
    announce()
    assert rules_on(LATER - timedelta(days=1)) == OPENING_RULES
    assert rules_on(LATER) == rules_on(LATER + timedelta(days=300)) == DEARER
    assert [row.valid_from for row in published_rules()] == [LATER, OPENING_RULES.valid_from]


def test_of_several_versions_the_latest_begun_holds(market, at):
    announce()
    announce(replace(DEARER, valid_from=LATER + timedelta(days=30), commission_bp=600))
    assert rules_on(LATER + timedelta(days=29)).commission_bp == 1_000
    assert rules_on(LATER + timedelta(days=30)).commission_bp == 600
    at(clock.at(LATER, 0))
    shown = data_of("{ feeRules { commissionBp inForce announcedAt } }")
    assert [(row["commissionBp"], row["inForce"]) for row in shown] == [
        (600, False),
        (1000, True),
        (700, False),
    ]
    assert shown[-1]["announcedAt"] == "2015-01-01T00:00:00+08:00"


def test_six_days_are_no_notice(market):
    with pytest.raises(InvalidInput) as refused:
        announce(replace(DEARER, valid_from=LATER - timedelta(days=1)))
    assert (refused.value.field, refused.value.params) == ("valid_from", {"day": "2026-11-18"})
    assert not FeeRule.objects.exists()


def test_a_day_has_one_version_and_no_officer_announces(market):
    announce()
    with pytest.raises(Conflict) as refused:
        announce(replace(DEARER, commission_bp=1))
    assert refused.value.field == "valid_from"
    with pytest.raises(Forbidden):
        announce(replace(DEARER, valid_from=LATER + timedelta(days=1)), make_officer(market.station))
    assert [row.commission_bp for row in FeeRule.objects.all()] == [1_000]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"commission_bp": -1}, "commission_bp"),
        ({"commission_bp": 2_001}, "commission_bp"),
        ({"station_buying_bp": 3_001}, "station_buying_bp"),
        ({"courier_bp": 10_001}, "courier_bp"),
        ({"second_leg_fen": -1}, "second_leg_fen"),
    ],
)
def test_a_rate_that_cannot_be_is_named(wrong, field):
    rates = {
        "commission_bp": 700,
        "station_selling_bp": 600,
        "station_buying_bp": 400,
        "courier_bp": 8_000,
        "second_leg_fen": 300,
    }
    with pytest.raises(InvalidInput) as refused:
        checked_rules(valid_from=LATER, **{**rates, **wrong})
    assert refused.value.field == field


def test_farmers_and_stations_hear_of_it_once(market):
    officer = make_user()
    grant(user=officer, role="information_officer", scope_kind="station", scope_uuid=market.station.uuid)
    grant(user=officer, role="information_officer", scope_kind="station", scope_uuid=market.second.uuid)
    announce()
    deliver()
    deliver()
    notice = Notice.objects.get(template="fee_rules", to_user_uuid=officer.uuid)
    assert notice.params == {"day": "2026-11-18", "why": "油价上涨"}


def test_orders_from_that_day_on_pay_the_new_delivery_fee(market, at):
    announce()
    at(clock.at(LATER, 10))
    Lot.objects.update(expires_on=LATER + timedelta(days=30))
    order = make_order(market)
    assert (order.delivery_fen, rules_of(order)) == (500, DEARER)


def test_a_later_change_alters_no_placed_order(market, thursday, at):
    """Announced, in force, collected and refunded after that: all by the rules of the day of ordering."""
    order = make_paid_order(market, (market.kiwi, 2))
    announce()
    thursday()
    assert clock.today() == THURSDAY
    at(clock.at(LATER, 12))
    van = collected(market, order, 5_000)
    order.refresh_from_db()
    assert (order.delivery_fen, rules_of(order)) == (300, OPENING_RULES)
    assert owed(AccountKind.COMMISSION) == 448
    assert owed(AccountKind.STATION_PAYABLE, market.station.uuid) == 384
    assert owed(AccountKind.COURIER_PAYABLE, van.carrier.uuid) == 240
    line = order.lines.get()
    refund_line(principal=make_principal("platform"), line_uuid=line.uuid, amount_fen=3_200, reason="坏果")
    assert owed(AccountKind.COMMISSION) == 224
    assert owed(AccountKind.SELLER_PAYABLE, market.farmer.uuid) == 3_200 - 224 - 192
    assert books_balance()


def test_the_second_order_of_the_same_buyer_has_the_rules_of_its_own_day(market, at):
    buyer = make_buyer(market.place)
    first = make_order(market, (market.kiwi, 1), buyer=buyer)
    announce()
    at(clock.at(LATER, 10))
    Lot.objects.update(expires_on=LATER + timedelta(days=30))
    second = make_order(market, (market.kiwi, 1), buyer=buyer)
    first.refresh_from_db()
    assert (rules_of(first), rules_of(second)) == (OPENING_RULES, DEARER)
