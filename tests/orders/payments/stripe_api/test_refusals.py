"""What is refused, in the words and with the codes that a Stripe developer knows."""

import pytest
import stripe

from orders.payments.models import PaymentIntent
from tests.orders.payments.stripe_api.buyers import PAY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_api")]


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
