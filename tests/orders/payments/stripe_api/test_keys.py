"""Idempotency-Key: one answer to one question, and what a call costs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from orders.payments.models import PaymentIntent
from tests.orders.payments.stripe_api.buyers import paid

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_api")]


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
    # key, [group, intent, attempt, both events with their deliveries, the answer under the key]
    assert words == ["INSERT", "WITH"]
    words, intent = _statements("payment_intents", "amount=100&currency=cny", "two")
    assert words == ["INSERT", "WITH"]
    words, done = _statements(f"payment_intents/{intent['id']}/confirm", confirm, "three")
    assert done["next_action"]["alipay_handle_redirect"]["url"]
    # key, the intent, [lock, page on the group, the move, attempt, event, the answer]
    assert words == ["INSERT", "SELECT", "WITH"]
