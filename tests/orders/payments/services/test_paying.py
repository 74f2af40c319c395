"""Opening, confirming, being paid, being told so, asking, giving up; against the simulator's process."""

import os
import random
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from django.test import Client

from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.ids import uuid7
from marketplace.outbox.models import OutboxEvent
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerTransaction
from orders.ledger.services import balance, trial_balance
from orders.payments.errors import (
    MerchantNotRegistered,
    NotificationRefused,
    NotPayable,
    OpenedDifferently,
    ProviderAway,
)
from orders.payments.models import GatewayCall, GatewayNotification, PaymentGroup, Refund
from orders.payments.services import (
    IntentSpec,
    cancel_group,
    confirm_group,
    open_group,
    payment_of,
    query_group,
    query_unknown,
    receive_notification,
    record_cash,
    send_refund,
    work_due,
)
from orders.payments.states import AttemptStatus, GroupStatus, IntentStatus
from tests.factories.payments import attempts_of, make_group

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


def events(*types):
    rows = OutboxEvent.objects.filter(type__startswith="payments.").order_by("id")
    return [row.type.removeprefix("payments.") for row in rows if not types or row.type in types]


def fresh(group):
    return PaymentGroup.objects.get(pk=group.pk)


def notes(simulator, group):
    """The bodies of what the simulator wants to tell about a group, oldest first."""
    numbers = {attempt.out_trade_no for attempt in attempts_of(group)}
    return [n["body"].encode() for n in simulator.shown("notifications") if n["about"] in numbers]


def paid_group(simulator, *amounts):
    group = make_group(*amounts)
    simulator.pay(confirm_group(group=group).url)
    return group


class TestPaying:
    def test_three_sellers_are_paid_in_one_act_and_only_the_notifications_confirm_it(self, simulator):
        group = make_group(4735, 1200, 300)
        action = confirm_group(group=group, return_url="/orders/1")
        location = simulator.pay(action.url)
        assert fresh(group).status == GroupStatus.OPEN  # the browser's return proves nothing
        assert f"/payments/alipay/return?group={group.uuid}" in location
        bodies = notes(simulator, group)
        assert len(bodies) == 3
        for body in bodies[:2]:
            receive_notification(body)
        assert fresh(group).status == GroupStatus.OPEN
        receive_notification(bodies[2])
        assert fresh(group).status == GroupStatus.SUCCEEDED
        assert {i.status for i in group.intents.all()} == {IntentStatus.SUCCEEDED}
        assert events() == ["IntentSucceeded"] * 3 + ["GroupSucceeded"]
        assert balance(kind=AccountKind.PROVIDER_CLEARING) == 6235
        held = [-balance(kind=AccountKind.HELD, owner=i.merchant_uuid) for i in group.intents.order_by("pk")]
        assert held == [4735, 1200, 300]

    def test_each_sellers_trade_names_his_sub_merchant_and_waits_for_the_confirmation(self, simulator):
        group = paid_group(simulator, 1000, 2000)
        trades = [simulator.trade(a.out_trade_no) for a in attempts_of(group)]
        assert all(trade["waits_for_confirm"] and trade["sub_merchant"] for trade in trades)
        assert len({trade["sub_merchant"] for trade in trades}) == 2

    def test_confirming_again_keeps_the_number_and_pays_once(self, simulator):
        group = make_group(1000)
        first, second = confirm_group(group=group), confirm_group(group=group)
        assert len(attempts_of(group)) == 1
        simulator.pay(first.url)
        assert simulator.request("GET", second.url)[0] == 200  # a refusal, no cashier

    def test_the_query_finds_a_payment_whose_notification_was_lost(self, simulator):
        simulator.fault("notify_lost", times=2)
        group = paid_group(simulator, 1000, 2000)
        query_group(group=group)
        assert fresh(group).status == GroupStatus.SUCCEEDED
        for body in notes(simulator, group):  # and now they come after all
            receive_notification(body)
        assert events() == ["IntentSucceeded"] * 2 + ["GroupSucceeded"]
        assert LedgerTransaction.objects.count() == 2

    def test_a_merchant_under_review_cannot_be_paid_and_nothing_is_started(self, simulator):
        simulator.fault("review_pending", times=2)
        group = make_group(1000)
        with pytest.raises(MerchantNotRegistered):
            confirm_group(group=group)
        assert attempts_of(group) == []

    @pytest.mark.parametrize("kind", ["unknown_error", "http_502", "sha1_sign"])
    def test_a_gateway_that_is_away_is_tried_again_with_the_same_numbers(self, simulator, kind):
        group = make_group(1000, 2000)
        simulator.fault(kind, method="alipay.trade.merge.precreate")
        with pytest.raises(ProviderAway):
            confirm_group(group=group)
        before = [a.out_trade_no for a in attempts_of(group)]
        assert confirm_group(group=group).url
        assert [a.out_trade_no for a in attempts_of(group)] == before
        assert {i.status for i in group.intents.all()} == {IntentStatus.REQUIRES_ACTION}

    @pytest.mark.parametrize(
        "kind", ["tampered_body", "missing_sign", "sha1_sign", "unknown_error", "http_502"]
    )
    def test_a_spoilt_query_marks_nothing_and_the_next_one_tells(self, simulator, kind):
        simulator.fault("notify_lost")
        group = paid_group(simulator, 1000)
        simulator.fault(kind, method="alipay.trade.query")
        query_group(group=group)
        assert (fresh(group).status, events()) == (GroupStatus.OPEN, [])
        query_group(group=group)
        assert fresh(group).status == GroupStatus.SUCCEEDED
        call = GatewayCall.objects.get(operation="query")
        assert (call.attempts, call.last_result) == (2, "paid")

    def test_due_queries_are_claimed_once_and_backed_off(self, simulator, monkeypatch):
        group = make_group(1000)
        simulator.open(confirm_group(group=group).url)
        assert query_unknown() == 0
        later = clock.wall() + timedelta(seconds=11)
        monkeypatch.setattr(clock, "wall", lambda: later)
        assert (query_unknown(), query_unknown()) == (1, 0)
        attempt = attempts_of(group)[0]
        assert (attempt.queries, attempt.next_query_at) == (1, later + timedelta(seconds=10))

    def test_a_buyer_who_refuses_may_try_again_with_a_new_number(self, simulator):
        group = make_group(1000)
        simulator.decide(simulator.open(confirm_group(group=group).url), "refuse")
        query_group(group=group)
        assert group.intents.get().status == IntentStatus.REQUIRES_PAYMENT_METHOD
        simulator.pay(confirm_group(group=group).url)
        query_group(group=group)
        assert [a.status for a in attempts_of(group)] == [AttemptStatus.CLOSED, AttemptStatus.SUCCEEDED]
        assert fresh(group).status == GroupStatus.SUCCEEDED


class TestOpening:
    def test_the_same_parts_are_the_same_group_and_others_are_refused(self):
        reference, part = uuid7(), uuid7()
        spec = IntentSpec(merchant=None, amount_fen=300, description="配送费", reference=part)
        args = {"reference": reference, "expires_at": clock.now() + timedelta(minutes=5)}
        assert open_group(**args, intents=[spec]) == open_group(**args, intents=[spec])
        other = IntentSpec(merchant=None, amount_fen=301, description="配送费", reference=part)
        with pytest.raises(OpenedDifferently):
            open_group(**args, intents=[other])
        assert payment_of(reference=reference).intents.get().amount_fen == 300

    @pytest.mark.parametrize("amount", [0, -1, 10_000_000_001])
    def test_absurd_amounts_are_refused_by_name(self, amount):
        spec = IntentSpec(merchant=None, amount_fen=amount, description="x", reference=uuid7())
        with pytest.raises(InvalidInput) as refused:
            open_group(reference=uuid7(), expires_at=clock.now(), intents=[spec])
        assert refused.value.field == "intents[0].amount_fen"
        assert PaymentGroup.objects.count() == 0

    @pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "/\\evil.example", "x"])
    def test_the_way_back_leads_nowhere_else(self, url):
        group = make_group(1000)
        with pytest.raises(InvalidInput):
            confirm_group(group=group, return_url=url)
        assert attempts_of(group) == []


class TestNotifications:
    def test_a_repeat_is_answered_and_changes_nothing(self, simulator):
        group = paid_group(simulator, 1000)
        body = notes(simulator, group)[0]
        for _ in range(3):
            receive_notification(body)
        assert (GatewayNotification.objects.count(), LedgerTransaction.objects.count()) == (1, 1)
        assert events() == ["IntentSucceeded", "GroupSucceeded"]

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ("notify_wrong_amount", "total_amount"),
            ("notify_wrong_app", "app_id"),
            ("notify_wrong_seller", "seller_id"),
            ("notify_extra_field", "signature"),
            ("notify_sha1", "signature"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name_and_keeps_no_trace(self, simulator, fault, reason):
        simulator.fault(fault)
        group = paid_group(simulator, 1000)
        with pytest.raises(NotificationRefused) as refused:
            receive_notification(notes(simulator, group)[0])
        assert refused.value.reason == reason
        assert (GatewayNotification.objects.count(), events()) == (0, [])
        assert fresh(group).status == GroupStatus.OPEN

    def test_an_unknown_number_and_a_changed_body_are_refused(self, simulator):
        group = paid_group(simulator, 1000)
        body = notes(simulator, group)[0]
        fields = dict(parse_qsl(body.decode()))
        for change in ({"total_amount": "0.01"}, {"trade_status": "TRADE_FINISHED"}, {"sign": ""}):
            with pytest.raises(NotificationRefused) as refused:
                receive_notification(urlencode(fields | change).encode())
            assert refused.value.reason == "signature"
        with pytest.raises(NotificationRefused):
            receive_notification(body + b"&total_amount=0.01")
        group.intents.get().attempts.update(out_trade_no="other")
        with pytest.raises(NotificationRefused) as refused:
            receive_notification(body)
        assert refused.value.reason == "out_trade_no"

    def test_many_shuffled_duplicated_notifications_are_as_many_payments_as_orders(self, simulator):
        """`make bench-ledger` sends 1,000 notifications of 100 orders."""
        count = int(os.environ.get("MONEY_ORDERS", "12"))
        groups = [paid_group(simulator, 100 + n) for n in range(count)]
        bodies = [body for group in groups for body in notes(simulator, group)] * 10
        random.Random(5).shuffle(bodies)
        for body in bodies:
            receive_notification(body)
        assert len(bodies) == 10 * count
        assert LedgerTransaction.objects.count() == count
        assert balance(kind=AccountKind.PROVIDER_CLEARING) == sum(100 + n for n in range(count))
        assert events("payments.GroupSucceeded") == ["GroupSucceeded"] * count

    def test_the_address_replies_success_only_when_it_is_kept(self, simulator):
        group = paid_group(simulator, 1000)
        body, client = notes(simulator, group)[0], Client()
        form = "application/x-www-form-urlencoded"
        good = client.post("/payments/alipay/notify", body, content_type=form)
        assert (good.status_code, good.content) == (200, b"success")
        bad = client.post("/payments/alipay/notify", body + b"x", content_type=form)
        assert (bad.status_code, bad.content) == (400, b"fail")
        assert client.get("/payments/alipay/notify").status_code == 405

    def test_the_returning_buyer_is_checked_with_the_provider_and_sent_to_his_page(self, simulator):
        group = make_group(1000)
        simulator.pay(confirm_group(group=group, return_url="/orders/7").url)
        answer = Client().get(f"/payments/alipay/return?group={group.uuid}&trade_status=TRADE_SUCCESS")
        assert (answer.status_code, answer["Location"]) == (302, "/orders/7")
        assert fresh(group).status == GroupStatus.SUCCEEDED
        assert Client().get("/payments/alipay/return?group=nonsense")["Location"] == "/"


class TestGivingUp:
    def close(self, group):
        cancel_group(reference=group.reference)
        work_due()
        return fresh(group)

    def test_a_group_that_was_never_confirmed_closes_at_once(self):
        group = make_group(1000)
        cancel_group(reference=group.reference)
        assert (fresh(group).status, fresh(group).why_closed) == (GroupStatus.CLOSED, "cancelled")
        assert events() == ["GroupClosed"]
        with pytest.raises(NotPayable):
            confirm_group(group=group)

    @pytest.mark.parametrize("opened", [True, False])
    def test_an_unpaid_group_closes_when_the_provider_agrees(self, simulator, opened):
        group = make_group(1000, 2000)
        url = confirm_group(group=group).url
        if opened:
            simulator.open(url)
        assert self.close(group).status == GroupStatus.CLOSED
        assert {i.status for i in group.intents.all()} == {IntentStatus.CANCELED}
        assert events() == ["GroupClosed"]
        assert trial_balance() == []

    def test_an_expired_group_is_closed_and_an_unexpired_one_is_not(self, simulator):
        group = make_group(1000, expires_at=clock.now() - timedelta(seconds=1))
        other = make_group(1000)
        work_due()
        assert (fresh(group).status, fresh(group).why_closed) == (GroupStatus.CLOSED, "expired")
        assert fresh(other).status == GroupStatus.OPEN

    def test_a_payment_that_was_faster_than_the_cancel_counts(self, simulator):
        group = paid_group(simulator, 1000, 2000)
        assert self.close(group).status == GroupStatus.SUCCEEDED
        assert events() == ["IntentSucceeded", "IntentSucceeded", "GroupSucceeded"]

    def test_an_unclear_answer_keeps_the_group_closing_until_it_is_clear(self, simulator, monkeypatch):
        group = make_group(1000)
        simulator.open(confirm_group(group=group).url)
        simulator.fault("http_502", method="alipay.trade.close", effect="none")
        simulator.fault("http_502", method="alipay.trade.query", effect="none")
        assert self.close(group).status == GroupStatus.CLOSING
        assert events() == []
        later = clock.wall() + timedelta(seconds=40)
        monkeypatch.setattr(clock, "wall", lambda: later)
        work_due()
        assert fresh(group).status == GroupStatus.CLOSED

    def test_success_after_the_cancel_is_recorded_and_refunded_in_full_once(self, simulator):
        group = make_group(1000)
        simulator.open(confirm_group(group=group).url)
        simulator.fault("success_after_cancel")
        assert self.close(group).status == GroupStatus.CLOSED
        for _ in range(2):
            for body in notes(simulator, group):
                receive_notification(body)
        refund = Refund.objects.get()
        assert (refund.amount_fen, refund.reason) == (1000, "late_payment")
        assert balance(kind=AccountKind.HELD, owner=group.intents.get().merchant_uuid) == 0
        assert send_refund(refund.pk) == "succeeded"
        assert simulator.trade(attempts_of(group)[0].out_trade_no)["refunded"] == 1000
        assert events() == ["GroupClosed", "LatePaymentReturned", "RefundSucceeded"]
        assert {b.amount_fen for b in trial_balance()} == {0}
        assert fresh(group).status == GroupStatus.CLOSED

    def test_a_half_paid_group_is_given_back(self, simulator):
        """One part paid through a stolen link of its own, the other closed: all or none."""
        group = make_group(1000, 2000)
        simulator.open(confirm_group(group=group).url)
        first, second = attempts_of(group)
        simulator.fault("success_after_cancel", method="alipay.trade.close")
        from orders.payments.gateways.registry import gateway

        gateway().close(out_trade_no=first.out_trade_no)  # closes and is paid right behind
        receive_notification(notes(simulator, group)[-1])
        assert self.close(group).status == GroupStatus.CLOSED
        refund = Refund.objects.get()
        assert (refund.amount_fen, refund.reason) == (1000, "group_incomplete")
        assert send_refund(refund.pk) == "succeeded"
        assert {b.amount_fen for b in trial_balance()} == {0}
        assert simulator.trade(second.out_trade_no)["status"] == "TRADE_CLOSED"


class TestCash:
    def test_cash_pays_the_group_and_raises_the_stations_float(self):
        group, station = make_group(1000, 2000), uuid7()
        for _ in range(2):
            receipt = record_cash(group=group, station_uuid=station, taken_by_uuid=uuid7())
        assert receipt.amount_fen == 3000
        assert balance(kind=AccountKind.STATION_CASH, owner=station) == 3000
        assert fresh(group).status == GroupStatus.SUCCEEDED
        assert events() == ["IntentSucceeded", "IntentSucceeded", "GroupSucceeded"]

    def test_no_cash_while_the_buyer_may_still_pay_at_the_provider(self, simulator):
        group = make_group(1000)
        confirm_group(group=group)
        with pytest.raises(NotPayable):
            record_cash(group=group, station_uuid=uuid7(), taken_by_uuid=uuid7())
        assert trial_balance() == []


class TestDispatching:
    def test_due_work_is_sent_to_the_workers_once_under_names_that_exist(self, simulator, monkeypatch):
        from celery import current_app

        from orders.payments import tasks
        from orders.payments.services import dispatch_due

        sent = []
        monkeypatch.setattr(current_app, "send_task", lambda name, args: sent.append((name, args)))
        group = make_group(1000)
        simulator.open(confirm_group(group=group).url)
        cancel_group(reference=group.reference)
        assert (dispatch_due(), dispatch_due()) == (1, 0)
        assert sent == [("orders.payments.tasks.close_payment_group", [group.pk])]
        tasks.close_payment_group(group.pk)
        assert fresh(group).status == GroupStatus.CLOSED
        assert {task.name for task in (tasks.query_payment_attempt, tasks.send_payment_refund)} == {
            "orders.payments.tasks.query_payment_attempt",
            "orders.payments.tasks.send_payment_refund",
        }
