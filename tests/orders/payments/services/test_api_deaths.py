"""Calls of the payment API whose process is killed: asked again, they answer, and nothing is done twice."""

from functools import partial

import pytest
from django.test import Client

from orders.payments.models import Attempt, Event, IdempotencyKey, PaymentIntent
from tests.orders.payments.deaths import die_after

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sk_test_of_the_tests"


def post(path, body, key):
    head = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": key}
    form = "application/x-www-form-urlencoded"
    return Client().post(f"/stripe/v1/{path}", body, content_type=form, headers=head)


@pytest.mark.parametrize("step", [1, 2])
def test_a_call_that_dies_behind_its_claim_or_its_work_is_answered(simulator, alipay, settings, step):
    """Create, then confirm, each killed at one of its two durable steps."""
    settings.STRIPE_API_KEY = KEY
    confirm = "payment_method_data[type]=alipay&return_url=https://a.example"
    intent_id = ""
    for name, body in (("create", "amount=100&currency=cny"), ("confirm", confirm)):
        path = f"payment_intents/{intent_id}/confirm" if intent_id else "payment_intents"
        die_after(step, partial(post, path, body, name), simulator=simulator)
        done = IdempotencyKey.objects.get(key=name).status_code
        assert done == (None if step == 1 else 200)
        if done is None:
            assert post(path, body, name).status_code == 409
            IdempotencyKey.objects.filter(key=name).update(started_at="2020-01-01T00:00:00Z")
        answer = post(path, body, name)
        assert (answer.status_code, "Idempotent-Replayed" in answer) == (200, step == 2)
        intent_id = answer.json()["id"]
    assert answer.json()["status"] == "requires_action"
    assert (PaymentIntent.objects.count(), Attempt.objects.count(), Event.objects.count()) == (1, 1, 2)
