"""Codes at the counter: waiting is never paid, polling ends with a cancel, late money goes back in full."""

from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.payments.models import Refund
from orders.payments.services import offer_code, pay_with_code, query_group, receive_notification, work_due
from tests.factories.payments import attempts_of, make_group

pytestmark = pytest.mark.django_db
CODE = "281234567890123456"


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


@pytest.fixture
def later(monkeypatch):
    """Moves wire time forward by so many seconds from now on."""
    real, moved = clock.wall, [0.0]
    monkeypatch.setattr(clock, "wall", lambda: real() + timedelta(seconds=moved[0]))

    def move(seconds):
        moved[0] += seconds

    return move


def states(group):
    group.refresh_from_db()
    [attempt] = attempts_of(group)
    return group.status, group.intents.get().status, attempt.status


def note_of(simulator, group):
    [attempt] = attempts_of(group)
    return [
        n["body"].encode() for n in simulator.shown("notifications") if n["about"] == attempt.out_trade_no
    ]


def test_a_code_pays_at_once():
    group = make_group(1000)
    assert pay_with_code(group=group, auth_code=CODE).status == "paid"
    assert states(group) == ("succeeded", "succeeded", "succeeded")
    assert balance(kind=AccountKind.PROVIDER_CLEARING) == 1000


def test_waiting_for_the_password_is_asked_every_four_seconds_and_cancelled_after_a_minute(simulator, later):
    group = make_group(1000)
    simulator.fault("buyer_must_confirm")
    assert pay_with_code(group=group, auth_code=CODE).status == "waiting"
    asked = 0
    for _ in range(14):
        assert states(group) == ("open", "requires_action", "open")
        later(4.01)
        work_due()
        [attempt] = attempts_of(group)
        assert attempt.queries == (asked := asked + 1)
    later(4.01)
    work_due()
    assert states(group) == ("open", "requires_payment_method", "closed")
    assert simulator.trade(attempt.out_trade_no)["status"] == "TRADE_CLOSED"
    assert trial_balance() == []


def test_success_after_the_cancel_goes_back_in_full_once(simulator, later):
    group = make_group(1000)
    simulator.fault("buyer_must_confirm")
    simulator.fault("success_after_cancel")
    pay_with_code(group=group, auth_code=CODE)
    later(61)
    work_due()
    for body in note_of(simulator, group) * 2:
        receive_notification(body)
    work_due()
    assert states(group) == ("open", "requires_payment_method", "late")
    assert [(r.amount_fen, r.status) for r in Refund.objects.all()] == [(1000, "succeeded")]
    assert {b.amount_fen for b in trial_balance()} == {0}
    assert simulator.trade(attempts_of(group)[0].out_trade_no)["refunded"] == 1000


def test_a_cancel_that_finds_the_payment_done_records_both_ways(simulator, later):
    """All queries unclear for a minute while the money had moved: the cancel itself gives it back."""
    group = make_group(1000)
    simulator.fault("http_502", method="alipay.trade.pay")
    simulator.fault("notify_lost", times=2)
    assert pay_with_code(group=group, auth_code=CODE).status == "unknown"
    simulator.fault("unknown_error", method="alipay.trade.query", times=1)
    later(61)
    work_due()
    assert states(group) == ("open", "requires_payment_method", "late")
    assert {b.amount_fen for b in trial_balance()} == {0}
    assert simulator.trade(attempts_of(group)[0].out_trade_no)["refunded"] == 1000


def test_an_unclear_answer_is_found_by_the_next_query(simulator, later):
    group = make_group(1000)
    simulator.fault("tampered_body", method="alipay.trade.pay")
    assert pay_with_code(group=group, auth_code=CODE).status == "unknown"
    later(4.01)
    work_due()
    assert states(group) == ("succeeded", "succeeded", "succeeded")


def test_a_bad_code_is_refused_and_another_may_be_tried():
    group = make_group(1000)
    refused = pay_with_code(group=group, auth_code="1234")
    assert (refused.status, refused.reason) == ("absent", "ACQ.PAYMENT_AUTH_CODE_INVALID")
    assert group.intents.get().status == "requires_payment_method"
    assert pay_with_code(group=group, auth_code=CODE).status == "paid"
    assert [a.status for a in attempts_of(group)] == ["closed", "succeeded"]


def test_a_shown_code_is_scanned_and_paid(simulator):
    group = make_group(1000)
    code = offer_code(group=group)
    assert code == offer_code(group=group)
    query_group(group=group)
    assert states(group) == ("open", "requires_action", "open")
    simulator.decide(simulator.open(code), "pay")
    query_group(group=group)
    assert states(group) == ("succeeded", "succeeded", "succeeded")


@pytest.mark.parametrize("act", [offer_code, lambda group: pay_with_code(group=group, auth_code=CODE)])
def test_a_code_pays_one_merchant_only(act):
    group = make_group(1000, 2000)
    with pytest.raises(InvalidInput):
        act(group=group)
    assert attempts_of(group) == []


@pytest.mark.parametrize("code", ["", "abc", "1" * 65])
def test_what_is_no_code_is_refused_before_anybody_is_asked(code):
    group = make_group(1000)
    with pytest.raises(InvalidInput) as refusal:
        pay_with_code(group=group, auth_code=code)
    assert (refusal.value.field, attempts_of(group)) == ("authCode", [])
