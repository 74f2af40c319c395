"""The unmodified `stripe` client against a live server, the simulator and a webhook receiver."""

import asyncio
import datetime
import http.server
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.payments.models import PaymentIntent, PreAuthorisation
from orders.payments.services import work_due
from orders.payments.services.queries import query_attempt
from tests.orders.payments.stripe_api.shapes import Answers, errors

pytestmark = pytest.mark.django_db(transaction=True)
BACK = "https://shop.example/back"
PAY = {"payment_method_data": {"type": "alipay"}, "return_url": BACK}


@pytest.fixture(autouse=True)
def _live(_api):
    return _api


class Hook:
    """A developer's endpoint: keeps raw bodies and signatures."""

    def __init__(self):
        self.got, self.status, hook = [], 200, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((body, self.headers["Stripe-Signature"]))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook():
    opened = Hook()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def settle():
    """What the provider's notification and the worker do: ask about everything."""
    for attempt_id in PaymentIntent.objects.filter(status="requires_action").values_list(
        "attempts__pk", flat=True
    ):
        query_attempt(attempt_id)


def ask_about_freezes(*, until):
    """The worker's questions. A notification that arrives this very moment holds the row: then once more."""
    for _ in range(100):
        PreAuthorisation.objects.exclude(status=until).update(next_try_at="2020-01-01T00:00:00Z")
        work_due()
        freeze = PreAuthorisation.objects.get()
        if freeze.status == until:
            return freeze
        time.sleep(0.02)
    raise AssertionError(f"the freeze is {freeze.status}, not {until}")


def paid(simulator, amount=1000, **more):
    intent = stripe.PaymentIntent.create(amount=amount, currency="cny", confirm=True, **PAY, **more)
    simulator.pay(intent.next_action.alipay_handle_redirect.url)
    settle()
    return stripe.PaymentIntent.retrieve(intent.id)


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
    assert rest.amount == 4000
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


def test_eight_creates_with_one_key_make_one_intent(client):
    def create(_):
        options = {"idempotency_key": "once", "max_network_retries": 5}
        return client.v1.payment_intents.create({"amount": 100, "currency": "cny"}, options).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(8)))) == 1
    assert PaymentIntent.objects.count() == 1


def test_a_key_answers_again_with_the_same_words_and_only_to_the_same_question(simulator):
    args = {"amount": 100, "currency": "cny", "idempotency_key": "k"}
    first, second = stripe.PaymentIntent.create(**args), stripe.PaymentIntent.create(**args)
    assert first.to_dict() == second.to_dict()
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Stripe-Version"] == stripe.api_version
    with pytest.raises(stripe.IdempotencyError):
        stripe.PaymentIntent.create(**(args | {"amount": 101}))
    with pytest.raises(stripe.InvalidRequestError):
        stripe.PaymentIntent.create(amount=0, currency="cny", idempotency_key="v")
    assert stripe.PaymentIntent.create(amount=5, currency="cny", idempotency_key="v").amount == 5
    intent = paid(simulator)
    refunds = [
        stripe.Refund.create(payment_intent=intent.id, amount=10, idempotency_key="r") for _ in range(3)
    ]
    assert len({refund.id for refund in refunds}) == 1
    assert stripe.Charge.retrieve(intent.latest_charge).amount_refunded == 10


def _statements(path, body, key):
    """(first words of what the server sent to the database, its answer)."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    head = {"Authorization": f"Bearer {stripe.api_key}", "Idempotency-Key": key}
    with CaptureQueriesContext(connection) as asked:
        answer = Client().post(
            f"/stripe/v1/{path}", body, content_type="application/x-www-form-urlencoded", headers=head
        )
    # Whether business time is read depends on which tests ran before: that statement is not counted.
    counted = [query["sql"] for query in asked.captured_queries if "clocksetting" not in query["sql"]]
    return [sql.split()[0] for sql in counted], answer.json()


def test_creating_and_confirming_takes_few_statements(client):
    """Counted on the server's side of a plain request: what `make bench-payments` measures."""
    confirm = "payment_method_data[type]=alipay&return_url=https://a.example"
    words, intent = _statements("payment_intents", f"amount=100&currency=cny&confirm=true&{confirm}", "one")
    assert intent["next_action"]["alipay_handle_redirect"]["url"]
    # key, [group, intent, attempt, both events with their deliveries], the answer under the key
    assert words == ["INSERT", "BEGIN", *["INSERT"] * 3, "WITH", "COMMIT", "UPDATE"]
    words, intent = _statements("payment_intents", "amount=100&currency=cny", "two")
    assert words == ["INSERT", "BEGIN", *["INSERT"] * 2, "WITH", "COMMIT", "UPDATE"]
    words, done = _statements(f"payment_intents/{intent['id']}/confirm", confirm, "three")
    assert done["next_action"]["alipay_handle_redirect"]["url"]
    # key, the intent, [lock, parts, page on the group, attempt, the move, event], the answer
    assert words == [
        "INSERT", "SELECT", "BEGIN", "SELECT", "SELECT", "UPDATE", "INSERT", "UPDATE", "WITH", "COMMIT",
        "UPDATE",
    ]  # fmt: skip


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


def test_expand_reaches_into_lists_and_refuses_what_cannot_be(simulator):
    intent = paid(simulator)
    listed = stripe.PaymentIntent.list(expand=["data.latest_charge"])
    assert listed.data[0].latest_charge.payment_intent == intent.id
    assert stripe.Refund.list(payment_intent=intent.id).data == []
    assert [t.source for t in stripe.BalanceTransaction.list().data] == [intent.latest_charge]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        stripe.PaymentIntent.retrieve(intent.id, expand=["amount"])


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


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"amount": "12.5"}, "amount", "parameter_invalid_integer"),
        ({"amount": -1}, "amount", "parameter_invalid_integer"),
        ({"amount": 10**12}, "amount", "parameter_invalid_integer"),
        ({"amount": None}, "amount", "parameter_missing"),
        ({"currency": "usd"}, "currency", "parameter_invalid"),
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"payment_method_types": ["card"]}, "payment_method_types[0]", "parameter_invalid"),
        ({"metadata": {"k" * 41: "v"}}, "metadata[" + "k" * 41 + "]", "parameter_invalid"),
        ({"confirm": True}, "return_url", "parameter_missing"),
        ({"confirm": True, **PAY, "return_url": "javascript:alert(1)"}, "return_url", "url_invalid"),
    ],
)
def test_bad_input_is_named_and_makes_nothing(change, param, code):
    args = {k: v for k, v in ({"amount": 100, "currency": "cny"} | change).items() if v is not None}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.PaymentIntent.create(**args)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert PaymentIntent.objects.count() == 0


def test_while_keys_are_rotated_the_old_and_the_new_one_come_in(settings):
    settings.STRIPE_API_KEY = f"sk_test_new, {stripe.api_key}"
    for key in ("sk_test_new", stripe.api_key):
        assert stripe.PaymentIntent.list(api_key=key).data == []
    with pytest.raises(stripe.AuthenticationError):
        stripe.PaymentIntent.list(api_key=settings.STRIPE_API_KEY)


def test_strangers_and_strange_addresses_are_refused(client):
    with pytest.raises(stripe.AuthenticationError):
        stripe.PaymentIntent.list(api_key="sk_test_other")
    for outside_id in ("pi_nonsense", "pi_" + "0" * 32, "ch_" + "0" * 32):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            stripe.PaymentIntent.retrieve(outside_id)
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError):
        stripe.Customer.list()
    assert client.v1.payment_intents.list().data == []


@pytest.mark.parametrize("key", ["", "x"])
def test_without_a_key_in_the_settings_nobody_comes_in(settings, key):
    settings.STRIPE_API_KEY = ""
    with pytest.raises(stripe.AuthenticationError):
        stripe.PaymentIntent.list(api_key=key or "sk")
