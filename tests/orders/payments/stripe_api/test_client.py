"""The unmodified `stripe` client against a live server, the simulator and a webhook receiver."""

import asyncio
import datetime

import pytest
import stripe

from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance
from orders.payments.services import work_due
from tests.orders.payments.stripe_api.buyers import BACK, PAY, paid, send_refunds, settle
from tests.orders.payments.stripe_api.shapes import Answers, errors

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_api")]


def test_create_confirm_pay_refund_list_expand(simulator, hook):
    endpoint = stripe.WebhookEndpoint.create(url=hook.url, enabled_events=["*"], metadata={"环境": "测试"})
    intent = stripe.PaymentIntent.create(
        amount=4735,
        currency="cny",
        description="奉新猕猴桃",
        metadata={"订单": "一号"},
        payment_method_types=["alipay"],
    )
    assert (intent.status, intent.amount, intent.metadata["订单"]) == (
        "requires_payment_method",
        4735,
        "一号",
    )
    intent = stripe.PaymentIntent.confirm(intent.id, **PAY)
    action = intent.next_action.alipay_handle_redirect
    assert (intent.status, action.return_url) == ("requires_action", BACK)
    location = simulator.pay(action.url)
    assert stripe.PaymentIntent.retrieve(intent.id).status == "requires_action"
    assert simulator.request("GET", location)[1]["Location"].startswith(f"{BACK}?payment_intent={intent.id}&")
    intent = stripe.PaymentIntent.retrieve(intent.id, expand=["latest_charge.balance_transaction"])
    charge = intent.latest_charge
    assert (intent.status, intent.amount_received, charge.paid) == ("succeeded", 4735, True)
    assert charge.payment_method_details.alipay.transaction_id.startswith("20")
    assert charge.balance_transaction.net == 4735
    refund = stripe.Refund.create(payment_intent=intent.id, amount=735, reason="requested_by_customer")
    assert (refund.status, refund.amount, refund.charge) == ("succeeded", 735, charge.id)
    rest = stripe.Refund.create(charge=charge.id)
    assert (rest.amount, rest.status) == (4000, "pending")  # three seconds apart
    send_refunds()
    assert stripe.Refund.retrieve(rest.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Refund.create(charge=charge.id)
    assert refused.value.code == "charge_already_refunded"
    charge = stripe.Charge.retrieve(charge.id)
    assert (charge.refunded, charge.amount_refunded) == (True, 4735)
    assert balance(kind=AccountKind.PROVIDER_CLEARING) == 0
    work_due()
    events = [stripe.Webhook.construct_event(body, sign, endpoint.secret) for body, sign in hook.got]
    assert [event.type for event in events] == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "charge.succeeded",
        "refund.created",
        "refund.updated",
        "charge.refunded",
        "refund.created",
        "refund.updated",
        "charge.refunded",
    ]
    for shown, kind in [
        (intent, "payment_intent"), (charge, "charge"), (refund, "refund"), (events[0], "event"),
        (endpoint, "webhook_endpoint"),
        (stripe.BalanceTransaction.retrieve(charge.balance_transaction), "balance_transaction"),
    ]:  # fmt: skip
        assert errors(shown, kind) == []


def test_the_shape_check_bites():
    wrong = {"id": "pi_1", "object": "payment_intent", "status": "paid", "amount": "12"}
    assert len(errors(wrong, "payment_intent")) >= 3
    answers = Answers()
    answers.keep({"object": "list", "data": [{"object": "event", "data": {"object": wrong}}]})
    assert len(answers.errors()) == 2  # the event itself, and what it tells of


def test_webhooks_are_verified_on_raw_bytes_and_within_300_seconds(client, hook):
    endpoint = stripe.WebhookEndpoint.create(url=hook.url, enabled_events=["payment_intent.created"])
    assert not hasattr(stripe.WebhookEndpoint.retrieve(endpoint.id), "secret")
    hook.status = 500
    stripe.PaymentIntent.create(amount=100, currency="cny")
    work_due()
    body, sign = hook.got[0]
    assert stripe.Event.list(limit=1).data[0].pending_webhooks == 1
    for changed, signature, secret in [(body + b" ", sign, endpoint.secret), (body, sign, "whsec_other")]:
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(changed, signature, secret)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, sign, endpoint.secret, tolerance=-10)
    event = stripe.Webhook.construct_event(body, sign, endpoint.secret)
    hook.status = 200
    client.raw_request("post", f"/v1/events/{event.id}/retry", webhook_endpoint=endpoint.id)
    work_due()
    assert stripe.Webhook.construct_event(*hook.got[1], endpoint.secret).id == event.id
    assert stripe.Event.retrieve(event.id).pending_webhooks == 0
    assert stripe.WebhookEndpoint.modify(endpoint.id, disabled=True).status == "disabled"
    assert stripe.WebhookEndpoint.delete(endpoint.id).deleted


def test_an_intent_that_is_not_alone_waits_for_the_others_and_every_merchant_is_registered(simulator):
    """A group that an order opened has no transfer_group; its parts are found under the lock."""
    from django.db import transaction

    from marketplace.kernel import clock
    from marketplace.kernel.ids import uuid7
    from orders.payments.models import Attempt
    from orders.payments.services import IntentSpec, open_group

    specs = [
        IntentSpec(merchant=uuid7(), amount_fen=100 + n, description=f"农户{n}", reference=uuid7())
        for n in range(2)
    ]
    with transaction.atomic():
        group = open_group(
            reference=uuid7(), intents=specs, expires_at=clock.now() + datetime.timedelta(hours=1)
        )
    ids = [f"pi_{intent.uuid.hex}" for intent in group.intents.order_by("pk")]
    first = stripe.PaymentIntent.confirm(ids[0], **PAY)
    assert (first.status, Attempt.objects.count()) == ("requires_confirmation", 0)
    last = stripe.PaymentIntent.confirm(ids[1], **PAY)
    assert last.status == "requires_action"
    assert simulator.pay(last.next_action.alipay_handle_redirect.url)
    assert len(set(Attempt.objects.exclude(sub_merchant_id="").values_list("sub_merchant_id"))) == 2


def test_the_async_client_reads_what_the_other_wrote():
    made = stripe.PaymentIntent.create(amount=100, currency="cny")

    async def read():
        http = stripe.HTTPXClient()
        asker = stripe.StripeClient(stripe.api_key, base_addresses={"api": stripe.api_base}, http_client=http)
        try:
            one = await asker.v1.payment_intents.retrieve_async(made.id)
            page = await asker.v1.payment_intents.list_async({"limit": 1})
            listed = [intent.id async for intent in page.auto_paging_iter()]
            return one.id, listed
        finally:
            await http.close_async()

    assert asyncio.run(read()) == (made.id, [made.id])


def test_lists_go_newest_first_and_page_by_themselves():
    made = [stripe.PaymentIntent.create(amount=100 + n, currency="cny").id for n in range(7)]
    listed = [intent.id for intent in stripe.PaymentIntent.list(limit=3).auto_paging_iter()]
    assert listed == made[::-1]
    page = stripe.PaymentIntent.list(limit=2, starting_after=made[3])
    assert ([i.id for i in page.data], page.has_more) == ([made[2], made[1]], True)
    before = stripe.PaymentIntent.list(limit=2, ending_before=made[3])
    assert [i.id for i in before.data] == [made[5], made[4]]
    assert stripe.PaymentIntent.list(created={"gte": 4_000_000_000}).data == []


def test_expand_reaches_into_lists(simulator):
    intent = paid(simulator)
    listed = stripe.PaymentIntent.list(expand=["data.latest_charge"])
    assert listed.data[0].latest_charge.payment_intent == intent.id
    assert stripe.Refund.list(payment_intent=intent.id).data == []


def test_update_changes_words_always_and_the_amount_only_before_confirming():
    intent = stripe.PaymentIntent.create(amount=100, currency="cny", metadata={"a": "1", "b": "2"})
    intent = stripe.PaymentIntent.modify(intent.id, amount=200, metadata={"a": "", "c": "3"})
    assert (intent.amount, dict(intent.metadata.to_dict())) == (200, {"b": "2", "c": "3"})
    stripe.PaymentIntent.confirm(intent.id, **PAY)
    assert stripe.PaymentIntent.modify(intent.id, description="新").description == "新"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.PaymentIntent.modify(intent.id, amount=300)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.json_body["error"]["payment_intent"]["amount"] == 200


@pytest.mark.parametrize("opened", [True, False])
def test_cancel_closes_at_the_provider_and_is_final(simulator, opened):
    intent = stripe.PaymentIntent.create(amount=100, currency="cny", confirm=True, **PAY)
    link = intent.next_action.alipay_handle_redirect.url
    if opened:
        simulator.open(link)
    intent = stripe.PaymentIntent.cancel(intent.id, cancellation_reason="requested_by_customer")
    assert (intent.status, intent.cancellation_reason) == ("canceled", "requested_by_customer")
    with pytest.raises(stripe.InvalidRequestError):
        stripe.PaymentIntent.confirm(intent.id, return_url=BACK)


def test_a_gateway_that_is_away_is_no_card_error_and_a_retry_goes_on(simulator):
    simulator.fault("http_502", method="alipay.trade.refund")
    intent = paid(simulator)
    refund = stripe.Refund.create(payment_intent=intent.id, amount=100)
    assert refund.status == "pending"
    from orders.payments.models import Refund
    from orders.payments.services import send_refund

    send_refund(Refund.objects.get().pk)
    assert stripe.Refund.retrieve(refund.id).status == "succeeded"


def test_a_transfer_group_is_paid_in_one_act_when_its_last_intent_is_confirmed(simulator):
    made = [
        stripe.PaymentIntent.create(
            amount=1000 + n, currency="cny", transfer_group="cart-1", payment_method_types=["alipay"]
        )
        for n in range(3)
    ]
    early = [stripe.PaymentIntent.confirm(intent.id, **PAY) for intent in made[:2]]
    assert [intent.next_action for intent in early] == [None, None]
    last = stripe.PaymentIntent.confirm(made[2].id, **PAY)
    links = {
        stripe.PaymentIntent.retrieve(intent.id).next_action.alipay_handle_redirect.url for intent in made
    }
    assert links == {last.next_action.alipay_handle_redirect.url}
    simulator.pay(links.pop())
    settle()
    assert {i.status for i in stripe.PaymentIntent.list(transfer_group="cart-1").data} == {"succeeded"}
