"""Lists, filters, expand: what a developer reads back."""

import pytest
import stripe

from orders.payments.models import PaymentIntent
from orders.payments.services import work_due
from tests.orders.payments.stripe_api.buyers import PAY, paid, send_refunds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_api")]


@pytest.fixture
def sold(simulator):
    """Two paid intents; of the first 100 and then 250 fen went back."""
    first = paid(simulator, 1000)
    refunds = [stripe.Refund.create(payment_intent=first.id, amount=fen) for fen in (100, 250)]
    send_refunds()
    return first, [stripe.Refund.retrieve(refund.id) for refund in refunds], paid(simulator, 500)


def ids(listed):
    return [one.id for one in listed.data]


def test_balance_transactions_are_charges_and_refunds_in_one_order(sold):
    first, refunds, second = sold
    listed = stripe.BalanceTransaction.list(expand=["data.source"])
    wanted = [one.source.id for one in listed.data]
    assert {one.source.id: one.net for one in listed.data} == {
        first.latest_charge: 1000, refunds[0].id: -100, refunds[1].id: -250, second.latest_charge: 500,
    }  # fmt: skip
    # Alipay tells whole seconds: of the same second the order is only the same every time.
    assert [one.created for one in listed.data] == sorted((o.created for o in listed.data), reverse=True)
    assert wanted[-1] == first.latest_charge
    assert [one.source for one in stripe.BalanceTransaction.list(limit=1).auto_paging_iter()] == wanted
    last = listed.data[-1].id
    back = stripe.BalanceTransaction.list(limit=1, ending_before=last).auto_paging_iter()
    assert [one.source for one in back] == wanted[-2::-1]
    assert ids(stripe.BalanceTransaction.list(source=refunds[0].id)) == [refunds[0].balance_transaction]
    assert len(ids(stripe.BalanceTransaction.list(type="refund"))) == 2
    assert ids(stripe.BalanceTransaction.list(created={"gt": 4_000_000_000})) == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.BalanceTransaction.list(starting_after="txn_" + "0" * 32)
    assert (refused.value.param, refused.value.code) == ("starting_after", "resource_missing")


def test_a_charge_shows_its_refunds_where_they_are_asked_for(client, sold):
    first, refunds, _ = sold
    newest = [refund.id for refund in refunds[::-1]]
    assert not hasattr(stripe.Charge.retrieve(first.latest_charge), "refunds")
    asked = ["latest_charge.refunds.data.balance_transaction", "payment_method"]
    intent = stripe.PaymentIntent.retrieve(first.id, expand=asked)
    assert [refund.id for refund in intent.latest_charge.refunds.data] == newest
    assert intent.latest_charge.refunds.data[0].balance_transaction.amount == -250
    assert (intent.payment_method.type, intent.payment_method.id) == ("alipay", first.payment_method)
    assert stripe.PaymentMethod.retrieve(first.payment_method).type == "alipay"
    listed = client.deserialize(
        client.raw_request("get", f"/v1/charges/{first.latest_charge}/refunds", limit=1), api_mode="V1"
    )
    assert (listed.data[0].id, listed.has_more) == (newest[0], True)
    whole = stripe.Refund.retrieve(newest[0], expand=["charge", "payment_intent.latest_charge"])
    assert whole.charge.id == whole.payment_intent.latest_charge.id == first.latest_charge


def test_lists_are_filtered_by_the_second_that_is_shown(sold):
    first, refunds, second = sold
    for resource, shown in [
        (stripe.PaymentIntent, first),
        (stripe.Charge, stripe.Charge.retrieve(first.latest_charge)),
        (stripe.Refund, refunds[0]),
    ]:
        assert shown.id in ids(resource.list(created=shown.created))
        assert shown.id in ids(resource.list(created={"gte": shown.created, "lte": shown.created}))
        for beyond in ({"gt": shown.created}, {"lt": shown.created}):
            assert shown.id not in ids(resource.list(created=beyond))
    assert ids(stripe.Charge.list(payment_intent=second.id)) == [second.latest_charge]
    assert ids(stripe.Refund.list(charge=first.latest_charge)) == [refund.id for refund in refunds[::-1]]


def test_paging_goes_both_ways():
    made = [stripe.PaymentIntent.create(amount=100 + n, currency="cny").id for n in range(5)]
    forth = stripe.PaymentIntent.list(limit=2, starting_after=made[4]).auto_paging_iter()
    assert [intent.id for intent in forth] == made[3::-1]
    back = stripe.PaymentIntent.list(limit=2, ending_before=made[0]).auto_paging_iter()
    assert [intent.id for intent in back] == made[1:]


def test_events_are_found_by_type_and_by_whether_they_arrived(hook):
    stripe.WebhookEndpoint.create(url=hook.url, enabled_events=["payment_intent.created"])
    intent = stripe.PaymentIntent.create(amount=100, currency="cny", confirm=True, **PAY)
    stripe.PaymentIntent.cancel(intent.id)
    types = ["payment_intent.created", "payment_intent.canceled"]
    assert [event.type for event in stripe.Event.list(types=types).data] == types[::-1]
    assert len(stripe.Event.list(type="payment_intent.*").data) == 3
    assert [event.type for event in stripe.Event.list(delivery_success=False).data] == types[:1]
    work_due()
    assert stripe.Event.list(delivery_success=False).data == []
    assert len(stripe.Event.list(delivery_success=True).data) == 3


@pytest.mark.parametrize(
    "path", ["nope", "amount", "latest_charge.nope", "customer.address", ".".join(["latest_charge"] * 5)]
)
def test_what_cannot_be_expanded_is_refused_before_anything_is_made(path):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.PaymentIntent.create(amount=100, currency="cny", expand=[path], idempotency_key="once")
    assert (refused.value.param, PaymentIntent.objects.count()) == ("expand", 0)
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        stripe.PaymentIntent.list(expand=[path])
    made = stripe.PaymentIntent.create(
        amount=100, currency="cny", expand=["customer", "latest_charge"], idempotency_key="once"
    )
    assert (made.customer, made.latest_charge) == (None, None)


def test_metadata_is_unset_by_key_and_as_a_whole(client, sold):
    first, [refund, _], _ = sold
    endpoint = stripe.WebhookEndpoint.create(url="http://a.example", enabled_events=["*"])
    for resource, one in [
        (stripe.PaymentIntent, first), (stripe.Refund, refund), (stripe.WebhookEndpoint, endpoint),
    ]:  # fmt: skip
        shown = resource.modify(one.id, metadata={"a": "1", "b": "2"})
        assert resource.modify(one.id, metadata={"a": ""}).metadata.to_dict() == {"b": "2"}
        assert resource.modify(one.id, metadata="").metadata.to_dict() == {}
        resource.modify(one.id, metadata={f"k{n}": "v" for n in range(50)})
        with pytest.raises(stripe.InvalidRequestError) as refused:
            resource.modify(one.id, metadata={"one more": "v"})
        assert refused.value.param == "metadata"
        assert len(resource.retrieve(shown.id).metadata.to_dict()) == 50
