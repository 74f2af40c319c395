"""Refunds: never more than was paid, once per key, and what the provider's answers make of them."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.ids import uuid7
from marketplace.outbox.models import OutboxEvent
from orders.ledger.accounts import AccountKind
from orders.ledger.errors import Overdrawn
from orders.ledger.services import balance, settle, take_back, trial_balance
from orders.payments.errors import KeyReused, NoSuchPayment, RefundTooLarge
from orders.payments.gateways import registry
from orders.payments.gateways.base import RefundState, RefundStatus
from orders.payments.models import Refund
from orders.payments.services import (
    confirm_group,
    in_flight,
    query_group,
    receive_notification,
    record_cash,
    refund,
    refunded_fen,
    send_refund,
    work_due,
)
from tests.factories.payments import attempts_of, make_group

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


@pytest.fixture
def intent(simulator):
    """A paid intent of 1,000 fen beside another one of 2,000."""
    group = make_group(1000, 2000)
    simulator.pay(confirm_group(group=group).url)
    query_group(group=group)
    return group.intents.order_by("pk").first()


def order(intent, amount_fen=300, key="k1", reason="坏果"):
    return refund(intent_reference=intent.reference, amount_fen=amount_fen, reason=reason, key=key)


def at_gateway(simulator, intent):
    return simulator.trade(intent.attempts.get().out_trade_no)["refunded"]


def money(intent):
    """(held, due to the buyer, at the provider) in fen; the neighbour's 2,000 are left out."""
    held = -balance(kind=AccountKind.HELD, owner=intent.merchant_uuid)
    due = -balance(kind=AccountKind.BUYER_REFUNDS_DUE, owner=intent.merchant_uuid)
    return held, due, balance(kind=AccountKind.PROVIDER_CLEARING) - 2000


def test_a_refund_is_ordered_then_moved_and_each_step_is_posted(simulator, intent):
    row = order(intent)
    assert (row.status, money(intent), at_gateway(simulator, intent)) == ("pending", (700, 300, 1000), 0)
    assert send_refund(row.pk) == "succeeded"
    assert (money(intent), at_gateway(simulator, intent)) == ((700, 0, 700), 300)
    event = OutboxEvent.objects.get(type="payments.RefundSucceeded")
    assert event.payload == {
        "refund": str(row.uuid),
        "intent_reference": str(intent.reference),
        "amount_fen": 300,
    }


def test_the_same_key_is_the_same_refund_and_another_amount_is_refused(intent):
    assert order(intent).pk == order(intent).pk
    with pytest.raises(KeyReused):
        order(intent, amount_fen=301)
    assert (refunded_fen(intent=intent), money(intent)) == (300, (700, 300, 1000))


def test_no_more_than_was_paid_goes_back_and_the_refusal_says_how_much_is_left(intent):
    order(intent, 900)
    with pytest.raises(RefundTooLarge) as refused:
        order(intent, 101, key="k2")
    assert refused.value.params == {"left_yuan": "1.00"}
    assert Refund.objects.count() == 1
    order(intent, 100, key="k3")
    assert money(intent) == (0, 1000, 1000)


@pytest.mark.parametrize("amount", [0, -5])
def test_absurd_amounts_and_unknown_payments_are_refused(intent, amount):
    with pytest.raises(InvalidInput):
        order(intent, amount)
    with pytest.raises(NoSuchPayment):
        refund(intent_reference=uuid7(), amount_fen=1, reason="x", key="x")
    assert Refund.objects.count() == 0


@pytest.mark.parametrize(
    "kind", ["tampered_body", "missing_sign", "sha1_sign", "cert_field", "unknown_error", "http_502"]
)
@pytest.mark.parametrize("effect", ["done", "none"])
def test_an_unclear_answer_leaves_it_pending_and_the_next_try_ends_it_once(simulator, intent, kind, effect):
    row = order(intent)
    simulator.fault(kind, method="alipay.trade.refund", effect=effect)
    assert send_refund(row.pk) == "pending"
    assert money(intent) == (700, 300, 1000)
    assert send_refund(row.pk) == "succeeded"
    assert send_refund(row.pk) == "succeeded"
    assert (money(intent), at_gateway(simulator, intent)) == ((700, 0, 700), 300)


def test_a_refund_in_work_is_not_done_until_the_query_says_so(simulator, intent):
    row = order(intent)
    simulator.fault("refund_slow")
    assert send_refund(row.pk) == "pending"
    row.refresh_from_db()
    assert (row.tries, money(intent)) == (1, (700, 300, 1000))
    assert send_refund(row.pk) == "succeeded"


def test_a_refusal_for_good_gives_the_money_back_to_the_sellers_account(simulator, intent):
    row = order(intent)
    simulator.fault("refuse", method="alipay.trade.refund", value="ACQ.TRADE_STATUS_ERROR")
    assert send_refund(row.pk) == "failed"
    assert (money(intent), refunded_fen(intent=intent)) == ((1000, 0, 1000), 0)
    event = OutboxEvent.objects.get(type="payments.RefundFailed")
    assert event.payload["why"] == "ACQ.TRADE_STATUS_ERROR"
    order(intent, 1000, key="again")


def test_a_seller_without_balance_is_tried_again(simulator, intent):
    row = order(intent)
    simulator.fault("refuse", method="alipay.trade.refund", value="ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert send_refund(row.pk) == "pending"
    assert send_refund(row.pk) == "succeeded"


def test_a_refunds_notification_is_no_payment_and_only_hastens_the_query(simulator, intent):
    row = order(intent)
    registry.gateway().refund(
        out_trade_no=intent.attempts.get().out_trade_no, refund_no=row.request_no, amount_fen=300, reason="x"
    )
    Refund.objects.update(next_try_at=clock.wall() + timedelta(hours=1), tries=3)
    number = intent.attempts.get().out_trade_no
    body = [n["body"] for n in simulator.shown("notifications") if n["about"] == number][-1]
    assert "refund_fee=3.00" in body
    before = OutboxEvent.objects.count()
    receive_notification(body.encode())
    row.refresh_from_db()
    assert (row.status, OutboxEvent.objects.count()) == ("pending", before)
    assert (in_flight(), work_due(), in_flight()) == (1, 1, 0)


def test_refunds_of_one_trade_keep_their_distance(intent):
    first, second = order(intent, 100, key="a"), order(intent, 100, key="b")
    assert second.next_try_at - first.next_try_at == timedelta(seconds=3)


def test_also_behind_a_refund_that_has_moved(intent):
    first = order(intent, 100, key="a")
    send_refund(first.pk)
    first.refresh_from_db()
    second = order(intent, 50, key="b")
    assert first.next_try_at is None
    assert second.next_try_at == first.moved_at + timedelta(seconds=3)


def test_another_amount_under_our_number_is_not_believed(intent, monkeypatch):
    row = order(intent, 100)
    moved = RefundState(status=RefundStatus.MOVED, amount_fen=99)
    monkeypatch.setattr(registry.gateway(), "refund", lambda **_: moved)
    assert send_refund(row.pk) == "pending"
    row.refresh_from_db()
    assert (row.failure, row.next_try_at > clock.wall(), money(intent)) == (
        "other amount",
        True,
        (900, 100, 1000),
    )


@pytest.mark.parametrize("without", ["", "out_biz_no"])
def test_a_refunds_notification_makes_no_payment_of_an_open_attempt(simulator, alipay, monkeypatch, without):
    """The payment's own notification was lost; the refund was made at the provider's counter."""
    group = make_group(1000)
    simulator.pay(confirm_group(group=group).url)
    [attempt] = attempts_of(group)
    fields = {
        "notify_id": uuid7().hex, "app_id": alipay.app_id, "seller_id": attempt.seller_id,
        "out_trade_no": attempt.out_trade_no, "trade_no": "1", "total_amount": "10.00",
        "trade_status": "TRADE_SUCCESS", "gmt_payment": "2026-11-01 10:00:00", "refund_fee": "3.00",
        "out_biz_no": "X1",
    }  # fmt: skip
    fields.pop(without, None)
    monkeypatch.setattr(alipay.wire, "verify", lambda _: True)  # the signature is another test's matter
    receive_notification(urlencode(fields).encode())
    attempt.refresh_from_db()
    assert (attempt.status, attempt.next_query_at <= clock.wall()) == ("open", True)
    assert balance(kind=AccountKind.PROVIDER_CLEARING) == 0


def test_a_full_refund_by_parts_closes_the_trade_and_empties_the_books(simulator, intent):
    for number, part in enumerate((300, 300, 400)):
        send_refund(order(intent, part, key=str(number)).pk)
    trade = simulator.trade(intent.attempts.get().out_trade_no)
    assert (trade["status"], trade["refunded"], money(intent)) == ("TRADE_CLOSED", 1000, (0, 0, 0))


def test_settled_money_is_taken_back_before_it_is_refunded(intent):
    seller, parts = intent.merchant_uuid, {}
    parts = {(AccountKind.SELLER_PAYABLE, seller): 930, (AccountKind.COMMISSION, None): 70}
    settle(key="L", merchant=seller, parts=parts, occurred_at=clock.now())
    with pytest.raises(Overdrawn):
        order(intent, 500)
    assert Refund.objects.count() == 0
    half = {(AccountKind.SELLER_PAYABLE, seller): 465, (AccountKind.COMMISSION, None): 35}
    take_back(key="L1", merchant=seller, parts=half, occurred_at=clock.now())
    assert send_refund(order(intent, 500).pk) == "succeeded"
    assert balance(kind=AccountKind.SELLER_PAYABLE, owner=seller) == -465
    assert sum(b.amount_fen for b in trial_balance()) == 0


def test_cash_goes_back_over_the_counter_at_once():
    group, station = make_group(1000), uuid7()
    record_cash(group=group, station_uuid=station, taken_by_uuid=uuid7())
    row = order(group.intents.get(), 400)
    assert (row.status, attempts_of(group)) == ("succeeded", [])
    assert balance(kind=AccountKind.STATION_CASH, owner=station) == 600
    assert OutboxEvent.objects.filter(type="payments.RefundSucceeded").count() == 1
