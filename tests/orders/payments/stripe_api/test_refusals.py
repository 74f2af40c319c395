"""What is refused, in the words and with the codes that a Stripe developer knows."""

import base64

import pytest
import stripe
from django.test import Client

from orders.payments.models import PaymentIntent
from tests.orders.payments.stripe_api.buyers import BACK, PAY, paid

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_api")]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"amount": "12.5"}, "amount", "parameter_invalid_integer"),
        ({"amount": -1}, "amount", "parameter_invalid_integer"),
        ({"amount": 10**12}, "amount", "parameter_invalid_integer"),
        ({"amount": None}, "amount", "parameter_missing"),
        ({"amount": 10**10 + 1}, "amount", "parameter_invalid_integer"),
        ({"currency": "usd"}, "currency", "parameter_invalid"),
        ({"currency": None}, "currency", "parameter_missing"),
        ({"description": "a\0b"}, "description", "parameter_invalid"),
        ({"metadata": {"a": "b\0"}}, "metadata[a]", "parameter_invalid"),
        ({"customer": "cus_1"}, "customer", "parameter_unknown"),
        ({"on_behalf_of": "acct_x"}, "on_behalf_of", "resource_missing"),
        ({"capture_method": "later"}, "capture_method", "parameter_invalid"),
        (
            {"payment_method_data": {"type": "alipay", "card": {"number": "4"}}},
            "payment_method_data[card]",
            "parameter_unknown",
        ),
        (
            {"payment_method_options": {"card": {"request_three_d_secure": "any"}}},
            "payment_method_options[card]",
            "parameter_unknown",
        ),
        (
            {"payment_method_options": {"alipay": {"setup_future_usage": "off_session"}}},
            "payment_method_options[alipay][setup_future_usage]",
            "parameter_invalid",
        ),
        (
            {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}},
            "automatic_payment_methods[allow_redirects]",
            "parameter_invalid",
        ),
        ({"confirm": True, "return_url": "https://a.example"}, "payment_method", "parameter_missing"),
        ({"confirm": True, **PAY, "return_url": "https://[::1"}, "return_url", "url_invalid"),
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


def test_what_stripe_takes_and_alipay_has_no_use_for_is_taken():
    intent = stripe.PaymentIntent.create(
        amount=100, currency="CNY", capture_method="automatic_async", confirm=True, return_url=BACK,
        automatic_payment_methods={"enabled": True},
        payment_method_data={"type": "alipay", "billing_details": {"name": "王小明"}},
        payment_method_options={"alipay": {"setup_future_usage": "none"}},
    )  # fmt: skip
    assert (intent.status, intent.currency, intent.capture_method) == (
        "requires_action", "cny", "automatic_async",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"url": None}, "url"),
        ({"url": "ftp://a.example"}, "url"),
        ({"enabled_events": None}, "enabled_events"),
        ({"enabled_events": ["*", "checkout.session.completed"]}, "enabled_events[1]"),
        ({"api_version": "2020-08-27"}, "api_version"),
        ({"connect": True}, "connect"),
    ],
)
def test_an_endpoint_that_would_wait_in_vain_is_refused(change, param):
    args = {"url": "https://a.example", "enabled_events": ["*"]} | change
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.WebhookEndpoint.create(**{k: v for k, v in args.items() if v is not None})
    assert refused.value.param == param
    assert stripe.WebhookEndpoint.list().data == []


@pytest.mark.parametrize(
    ("created", "param"),
    [
        ("yesterday", "created"),
        ({"gte": 10**15}, "created[gte]"),
        ({"lt": -1}, "created[lt]"),
        ({"after": 1}, "created[after]"),
    ],
)
def test_a_moment_that_cannot_be_is_named(created, param):
    for resource in (stripe.PaymentIntent, stripe.Charge, stripe.Refund, stripe.BalanceTransaction):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            resource.list(created=created)
        assert refused.value.param == param


def test_what_is_not_offered_is_refused_by_name(client):
    with pytest.raises(stripe.InvalidRequestError, match="Search is not offered"):
        stripe.PaymentIntent.search(query="amount>1")
    for ask in (
        lambda: client.raw_request("get", "/v2/core/events"),
        lambda: client.raw_request("delete", "/v1/payment_intents/pi_1"),
        lambda: stripe.Charge.create(amount=1, currency="cny"),
        lambda: stripe.PaymentIntent.increment_authorization("pi_1", amount=2),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as refused:
            ask()
        assert refused.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="Stripe-Account"):
        stripe.PaymentIntent.list(stripe_account="acct_1")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.raw_request("get", "/v1/payment_intents?transfer_group=%ff")
    assert refused.value.http_status == 400


def test_what_the_state_forbids_is_said_in_words_and_shows_the_intent():
    intent = stripe.PaymentIntent.create(amount=100, currency="cny")
    stripe.PaymentIntent.cancel(intent.id)
    for act in (
        lambda: stripe.PaymentIntent.confirm(intent.id, **PAY),
        lambda: stripe.PaymentIntent.capture(intent.id),
        lambda: stripe.PaymentIntent.cancel(intent.id),
        lambda: stripe.PaymentIntent.modify(intent.id, amount=5),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="status of canceled") as refused:
            act()
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.status == "canceled"
        assert refused.value.user_message.isascii()
        assert refused.value.request_id.startswith("req_")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Refund.create(payment_intent=intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.PaymentIntent.retrieve(intent.id, client_secret="pi_1_secret_2")
    assert refused.value.param == "client_secret"


def test_a_refund_cannot_be_called_back(simulator):
    refund = stripe.Refund.create(payment_intent=paid(simulator).id, amount=10)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Refund.cancel(refund.id)
    assert refused.value.code == "refund_not_cancelable"
    with pytest.raises(stripe.InvalidRequestError, match="No such refund"):
        stripe.Refund.cancel("re_" + "0" * 32)


def test_the_key_may_come_as_the_user_of_basic():
    for word, status in [
        (base64.b64encode(f"{stripe.api_key}:".encode()).decode(), 200),
        (base64.b64encode(b"sk_test_other:").decode(), 401),
        ("no base64", 401),
    ]:
        answer = Client().get("/stripe/v1/payment_intents", headers={"Authorization": f"Basic {word}"})
        assert answer.status_code == status
