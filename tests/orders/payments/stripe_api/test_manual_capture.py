"""Manual capture: frozen, captured below what was frozen, the rest released."""

import pytest
import stripe

from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.payments.models import PreAuthorisation
from orders.payments.services import work_due
from tests.orders.payments.stripe_api.buyers import PAY, ask_about_freezes
from tests.orders.payments.stripe_api.shapes import errors

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_api")]


def test_manual_capture_takes_less_than_was_frozen_and_releases_the_rest(simulator):
    intent = stripe.PaymentIntent.create(
        amount=6000, currency="cny", capture_method="manual", confirm=True, description="称重", **PAY
    )
    simulator.decide(simulator.open(intent.next_action.alipay_handle_redirect.url), "pay")
    ask_about_freezes(until="frozen")
    intent = stripe.PaymentIntent.retrieve(intent.id)
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 6000)
    assert (balance(kind=AccountKind.FROZEN), balance(kind=AccountKind.PROVIDER_CLEARING)) == (-6000, 0)
    with pytest.raises(stripe.InvalidRequestError):
        stripe.PaymentIntent.capture(intent.id, amount_to_capture=6001)
    intent = stripe.PaymentIntent.capture(intent.id, amount_to_capture=4735)
    assert (intent.status, intent.amount_received, intent.amount_capturable) == ("succeeded", 4735, 0)
    assert errors(intent, "payment_intent") == []
    assert (balance(kind=AccountKind.FROZEN), balance(kind=AccountKind.PROVIDER_CLEARING)) == (0, 4735)
    freeze = PreAuthorisation.objects.get()
    assert (freeze.status, freeze.released_fen) == ("captured", 1265)
    assert [a["released"] for a in simulator.shown("auths") if a["out_order_no"] == freeze.freeze_no] == [
        1265
    ]
    with pytest.raises(stripe.InvalidRequestError):
        stripe.Refund.create(payment_intent=intent.id, amount=4736)


def test_a_capture_that_is_refused_leaves_the_freeze_to_be_captured_or_released(simulator):
    intent = stripe.PaymentIntent.create(
        amount=6000, currency="cny", capture_method="manual", confirm=True, **PAY
    )
    simulator.decide(simulator.open(intent.next_action.alipay_handle_redirect.url), "pay")
    ask_about_freezes(until="frozen")
    simulator.fault("refuse", method="alipay.trade.pay", value="ACQ.AUTH_AMOUNT_NOT_ENOUGH")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.PaymentIntent.capture(intent.id, amount_to_capture=4735)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert stripe.PaymentIntent.retrieve(intent.id).status == "requires_capture"
    assert stripe.PaymentIntent.capture(intent.id, amount_to_capture=4000).amount_received == 4000


@pytest.mark.parametrize("agreed", ["before", "after", "never"])
def test_a_cancelled_freeze_is_released_whenever_the_buyer_agrees(simulator, agreed):
    intent = stripe.PaymentIntent.create(
        amount=6000, currency="cny", capture_method="manual", confirm=True, **PAY
    )
    link = intent.next_action.alipay_handle_redirect.url
    if agreed == "before":
        simulator.decide(simulator.open(link), "pay")
    assert stripe.PaymentIntent.cancel(intent.id).status == "canceled"
    work_due()
    if agreed == "after":
        from orders.payments.services import receive_notification

        simulator.decide(simulator.open(link), "pay")
        freeze_no = PreAuthorisation.objects.get().freeze_no
        receive_notification(
            next(n["body"] for n in simulator.shown("notifications") if n["about"] == freeze_no).encode()
        )
    freeze = ask_about_freezes(until="released")
    assert freeze.status == "released"
    held = [
        a["amount"] - a["released"] for a in simulator.shown("auths") if a["out_order_no"] == freeze.freeze_no
    ]
    assert held == ([] if agreed == "never" else [0])
    assert {b.amount_fen for b in trial_balance()} <= {0}
