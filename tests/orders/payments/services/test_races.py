"""Many at once on one group, each race first shown with its lock off."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from marketplace.kernel.errors import DomainError
from marketplace.outbox.models import OutboxEvent
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerTransaction
from orders.ledger.services import balance, posting
from orders.payments.models import GatewayNotification, PaymentGroup, Refund
from orders.payments.services import confirm_group, notifications, outcomes, receive_notification, refund
from orders.payments.services import refunds as refunds_service
from tests.factories.payments import attempts_of, make_group

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


def at_once(work, times):
    """Runs `work(0)` ... `work(times - 1)` in as many threads; the results, exceptions among them."""

    def run(number):
        try:
            return work(number)
        except (DomainError, IntegrityError) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def paid(simulator, *amounts):
    group = make_group(*amounts)
    simulator.pay(confirm_group(group=group).url)
    numbers = [a.out_trade_no for a in attempts_of(group)]
    notes = {n["about"]: n["body"].encode() for n in simulator.shown("notifications")}
    return group, [notes[number] for number in numbers]


def captured():
    return LedgerTransaction.objects.filter(kind="captured").count()


def succeeded(kind):
    return OutboxEvent.objects.filter(type=f"payments.{kind}").count()


class TestOneNotificationInEightThreads:
    def test_it_posts_once(self, simulator):
        _, [body] = paid(simulator, 1000)
        assert at_once(lambda _: receive_notification(body), 8) == [None] * 8
        assert (captured(), succeeded("IntentSucceeded"), GatewayNotification.objects.count()) == (1, 1, 1)
        assert balance(kind=AccountKind.PROVIDER_CLEARING) == 1000

    def test_with_lock_and_guards_off_it_succeeds_many_times(self, simulator, monkeypatch):
        """The control: nothing but the ledger's own unique key then keeps the money right."""
        _, [body] = paid(simulator, 1000)
        all_have_read = Barrier(8)

        def unguarded(row, to, **changes):
            if type(row).__name__ == "Attempt":
                all_have_read.wait(timeout=60)
            type(row)._default_manager.filter(pk=row.pk).update(status=to, **changes)
            for name, value in {"status": to, **changes}.items():
                setattr(row, name, value)
            return True

        monkeypatch.setattr(notifications, "_keep", lambda note, raw: True)
        monkeypatch.setattr(outcomes, "lock_group", lambda pk: PaymentGroup.objects.get(pk=pk))
        monkeypatch.setattr(outcomes, "move", unguarded)
        assert at_once(lambda _: receive_notification(body), 8) == [None] * 8
        assert succeeded("IntentSucceeded") == 8
        assert captured() == 1


class TestTheLastTwoIntentsOfOneGroup:
    def test_the_group_succeeds_once(self, simulator):
        for _ in range(5):
            group, bodies = paid(simulator, 1000, 2000)
            assert at_once(lambda n, bodies=bodies: receive_notification(bodies[n]), 2) == [None] * 2
            assert PaymentGroup.objects.get(pk=group.pk).status == "succeeded"
        assert succeeded("GroupSucceeded") == 5

    def test_without_the_lock_neither_sees_the_other(self, simulator, monkeypatch):
        receive_notification(paid(simulator, 100)[1][0])  # the clearing account: making it would order them
        group, bodies = paid(simulator, 1000, 2000)
        both_have_looked, real = Barrier(2), outcomes.finish_if_ended

        def look_then_wait(group):
            real(group)
            both_have_looked.wait(timeout=60)

        monkeypatch.setattr(outcomes, "lock_group", lambda pk: PaymentGroup.objects.get(pk=pk))
        monkeypatch.setattr(outcomes, "finish_if_ended", look_then_wait)
        monkeypatch.setattr(outcomes, "publish", lambda event, **_: None)  # its lock would order them too
        assert at_once(lambda n: receive_notification(bodies[n]), 2) == [None] * 2
        assert PaymentGroup.objects.get(pk=group.pk).status == "open"


class TestFiftyPartialRefundsAtOnce:
    def order_many(self, simulator, times):
        group, [body] = paid(simulator, 1000)
        receive_notification(body)
        reference = group.intents.get().reference
        answers = at_once(
            lambda n: refund(intent_reference=reference, amount_fen=90, reason="r", key=f"k{n}"), times
        )
        return [type(answer).__name__ for answer in answers]

    def test_they_never_exceed_what_was_paid(self, simulator):
        names = self.order_many(simulator, 50)
        assert (names.count("Refund"), names.count("RefundTooLarge")) == (11, 39)
        assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 990

    def test_without_the_lock_all_believe_there_is_enough_and_only_the_database_stops_them(
        self, simulator, monkeypatch
    ):
        """The control: group lock off, and the ledger's overdraft lock (the second wall) off with it."""
        all_have_summed = Barrier(20)
        real = refunds_service.refunded_fen

        def sum_then_wait(*, intent):
            total = real(intent=intent)
            all_have_summed.wait(timeout=60)
            return total

        monkeypatch.setattr(refunds_service, "lock_group", lambda pk: PaymentGroup.objects.get(pk=pk))
        monkeypatch.setattr(refunds_service, "refunded_fen", sum_then_wait)
        monkeypatch.setattr(posting, "_refuse_overdraft", lambda accounts, wanted: None)
        names = self.order_many(simulator, 20)
        assert (names.count("Refund"), names.count("IntegrityError")) == (11, 9)
        assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 990


def test_eight_sends_of_one_refund_move_money_once(simulator):
    group, [body] = paid(simulator, 1000)
    receive_notification(body)
    intent = group.intents.get()
    with transaction.atomic():
        row = refund(intent_reference=intent.reference, amount_fen=400, reason="r", key="k")
    states = at_once(lambda _: str(refunds_service.send_refund(row.pk)), 8)
    assert "succeeded" in states
    assert Refund.objects.get().status == "succeeded"
    assert simulator.trade(intent.attempts.get().out_trade_no)["refunded"] == 400
    assert balance(kind=AccountKind.PROVIDER_CLEARING) == 600
    assert succeeded("RefundSucceeded") == 1


def test_eight_confirms_of_one_group_start_one_attempt(simulator):
    group = make_group(1000, 2000)
    answers = at_once(lambda _: confirm_group(group=group).url, 8)
    assert all(isinstance(answer, str) for answer in answers), answers
    assert len(attempts_of(group)) == 2
