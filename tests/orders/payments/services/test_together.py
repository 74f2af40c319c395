"""One statement for an intent alone in its group: all of it or nothing, whoever comes between."""

import pytest
from django.db import IntegrityError, transaction

from orders.payments.models import Attempt, Event, IdempotencyKey, PaymentGroup, PaymentIntent
from orders.payments.services import together
from orders.payments.services.confirming import offered_attempt
from orders.payments.services.developer_events import ApiRequest, current_request, shown_intent
from orders.payments.services.intents import (
    NewIntent,
    cancel_intent,
    confirm_seen,
    create_confirmed,
    create_intent,
    update_intent,
)

pytestmark = pytest.mark.django_db(transaction=True)
BACK = "https://shop.example/back"


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


def read(intent):
    seen = together.read_intent(intent.uuid)
    assert seen is not None
    return seen


def offer(seen):
    attempt = offered_attempt(seen.intent, return_url=BACK)
    return together.offer(seen, attempt=attempt, facts=[shown_intent("requires_action", seen.intent)])


def test_what_is_read_and_written_is_what_the_orm_reads():
    new = NewIntent(amount_fen=100, description="猕猴桃", metadata={"订单": "一"}, payment_method="alipay")
    made = create_intent(new)
    stored = PaymentIntent.objects.select_related("group").get()
    for one in (made, read(made).intent):
        for row, mirror in ((one, stored), (one.group, stored.group)):
            for field in row._meta.concrete_fields:
                assert getattr(row, field.attname) == getattr(mirror, field.attname), field
    assert read(made).alone


@pytest.mark.parametrize(
    "between",
    [
        lambda intent: update_intent(intent, amount_fen=200),
        lambda intent: update_intent(intent, metadata={"a": "b"}),
        lambda intent: PaymentGroup.objects.update(label="late"),
        cancel_intent,
    ],
)
def test_whoever_changes_the_intent_between_reading_and_lock_makes_the_offer_find_nothing(between):
    seen = read(create_intent(NewIntent(amount_fen=100, payment_method="alipay")))
    between(PaymentIntent.objects.get())
    rows = Event.objects.count(), PaymentGroup.objects.values().get()
    assert not offer(seen)
    assert Attempt.objects.count() == 0
    assert (Event.objects.count(), PaymentGroup.objects.values().get()) == rows


def test_a_confirmation_that_was_overtaken_offers_the_changed_amount():
    seen = read(create_intent(NewIntent(amount_fen=100, payment_method="alipay")))
    update_intent(PaymentIntent.objects.get(), amount_fen=200)
    intent = confirm_seen(seen, return_url=BACK)
    assert (intent.status, Attempt.objects.get().amount_fen) == ("requires_action", 200)
    assert Event.objects.get(type="payment_intent.requires_action").data["amount"] == 200


def test_two_offers_of_one_reading_make_one_attempt():
    intent = create_intent(NewIntent(amount_fen=100, payment_method="alipay"))
    first, second = read(intent), read(intent)
    assert (offer(first), offer(second), Attempt.objects.count()) == (True, False, 1)


def test_a_uuid_that_is_taken_writes_nothing_and_breaks_no_transaction():
    new = NewIntent(amount_fen=100, payment_method="alipay")
    first = create_intent(new)
    with transaction.atomic():
        assert create_intent(new).pk == first.pk
        assert PaymentGroup.objects.count() == Event.objects.count() == 1
    again = create_confirmed(new, return_url=BACK)
    assert (again.pk, again.status, PaymentGroup.objects.count()) == (first.pk, "requires_action", 1)


def test_the_answer_is_kept_with_the_work_or_not_at_all():
    key = IdempotencyKey.objects.create(key="k", path="p", body_hash="h", started_at="2026-01-01T00:00:00Z")
    new = NewIntent(amount_fen=100)
    token = current_request.set(ApiRequest(request_id="r", idempotency_key="k", plain=True))
    try:
        create_intent(new)
        key.refresh_from_db()
        answer = key.answer
        assert (key.status_code, f"pi_{new.uuid.hex}" in answer) == (200, True)
        IdempotencyKey.objects.update(status_code=None, answer="")
        intent = PaymentIntent.objects.get()
        intent.pk, intent.group = None, PaymentGroup(reference=new.uuid, created_at=intent.created_at)
        intent.group.expires_at = intent.created_at
        with pytest.raises(IntegrityError):
            together.create(intent, attempt=None, facts=[shown_intent("created", intent)])
    finally:
        current_request.reset(token)
    key.refresh_from_db()
    assert (key.status_code, key.answer) == (None, "")
