"""Any row of acts, faults and crashes: afterwards our books are the provider's, fen by fen.

The simulator runs in this process behind the real signed wire, so that thousands of exchanges take seconds.
"""

import os
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from marketplace.kernel.errors import DomainError
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerTransaction
from orders.ledger.services import trial_balance
from orders.payments.alipay_sim import pages
from orders.payments.alipay_sim.errors import GatewayRefusal
from orders.payments.alipay_sim.gateway import Gateway as SimGateway
from orders.payments.gateways import registry
from orders.payments.gateways.alipay import AlipayGateway
from orders.payments.gateways.signing import load_private_key, load_public_key
from orders.payments.gateways.wire import AlipayWire
from orders.payments.models import (
    Attempt,
    PaymentGroup,
    PaymentIntent,
    PreAuthorisation,
    Refund,
    SettlementInstruction,
    SettlementReturn,
)
from orders.payments.services import cancel_group, confirm_group, query_group, receive_notification, refund
from orders.payments.services.groups import close_group
from orders.payments.services.refunds import send_refund
from orders.payments.states import AttemptStatus, GroupStatus, IntentStatus, RefundStatus
from tests.factories.payments import make_group
from tests.orders.payments.helpers import APP_ID, SELLER_ID
from tests.orders.payments.services.settling_acts import SettlingActs, indexes, paid_intents, pick

FAULTS = ["tampered_body", "missing_sign", "sha1_sign", "unknown_error", "http_502", "refund_slow"]


amounts = st.lists(st.integers(1, 5000), min_size=1, max_size=3)


class Killed(BaseException):
    """The process died here."""


class Line(httpx.BaseTransport):
    """The wire to the simulator; a crash may cut it before the call arrives or after it was done."""

    def __init__(self, sim):
        self.sim, self.crash = sim, None

    def handle_request(self, request):
        if self.crash == "before":
            self.crash = None
            raise Killed
        answer = self.sim.handle(query=urlsplit(str(request.url)).query, body=request.read())
        if self.crash == "after":
            self.crash = None
            raise Killed
        return httpx.Response(answer.status, text=answer.body)


FOLDER = TemporaryDirectory()


class Money(SettlingActs):
    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic._from_testcase = True  # durable blocks may stand in it, as in Django's own test cases
        self.atomic.__enter__()
        folder = Path(FOLDER.name)
        for old in folder.glob("alipay.sqlite3*"):
            old.unlink()
        self.sim = SimGateway.open(
            data_dir=folder, app_id=APP_ID, seller_id=SELLER_ID, app_public_key=None, time_factor=1.0
        )
        self.sim.base_url = "http://sim"
        self.line = Line(self.sim)
        wire = AlipayWire(
            url="http://sim/gateway.do",
            app_id=APP_ID,
            app_private_key=load_private_key(folder / "app_private_key.pem"),
            alipay_public_key=load_public_key(folder / "alipay_public_key.pem"),
            transport=self.line,
        )
        self.replaced = registry.using(AlipayGateway(wire=wire, seller_id=SELLER_ID))
        self.replaced.__enter__()
        self.groups, self.links, self.refund_keys = [], [], count()

    def teardown(self):
        try:
            self.settle_everything()
        finally:
            self.leave()

    def leave(self):
        self.replaced.__exit__(None, None, None)
        self.sim.store.close()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def act(self, work, *args, **kwargs):
        """A refusal by name and a killed process are both allowed to happen anywhere."""
        try:
            with transaction.atomic():  # a savepoint: a killed process takes its open transaction with it
                return work(*args, **kwargs)
        except DomainError:
            return None

    def run(self, work, *args, **kwargs):
        """Outside any transaction, as the services demand: only what they committed survives a kill."""
        try:
            return work(*args, **kwargs)
        except (DomainError, Killed):
            return None

    @initialize(amounts=amounts)
    def begin(self, amounts):
        self.open(amounts=amounts)

    @precondition(lambda self: len(self.groups) < 4)
    @rule(amounts=amounts)
    def open(self, amounts):
        self.groups.append(self.act(make_group, *amounts))

    @rule(which=indexes, looks=st.booleans())
    def confirm(self, which, looks):
        action = self.run(confirm_group, group=pick(self.groups, which))
        if action is not None:
            self.links.append(action.url)
            if looks:
                self.buyer(which=-1, action="look")

    @precondition(lambda self: self.links)
    @rule(which=indexes, action=st.sampled_from(["pay", "pay", "refuse", "look"]))
    def buyer(self, which, action):
        answer = self.sim.handle(query=urlsplit(pick(self.links, which)).query, body=b"")
        if answer.location and action != "look":
            with suppress(GatewayRefusal):
                pages.decide(self.sim, token=answer.location.rpartition("/")[2], action=action)

    @rule(which=indexes)
    def notify(self, which):
        bodies = [row["body"] for row in self.sim.store.all("SELECT body FROM notification ORDER BY id")]
        if bodies:
            self.act(receive_notification, pick(bodies, which).encode())

    @rule(which=indexes)
    def ask(self, which):
        self.run(query_group, group=pick(self.groups, which))

    @rule(which=indexes, late=st.booleans(), ask_now=st.booleans())
    def give_up(self, which, late, ask_now):
        group = pick(self.groups, which)
        if late:
            self.sim.faults.arm(kind="success_after_cancel", method="alipay.trade.close")
        self.act(cancel_group, reference=group.reference)
        if ask_now:
            self.run(close_group, group.pk)

    @rule(which=indexes, late=st.booleans())
    def close_one_part(self, which, late):
        """Somebody closes one trade of a merge in the provider's console; perhaps it is paid all the same."""
        attempt = Attempt.objects.filter(intent__group=pick(self.groups, which)).order_by("pk").first()
        if attempt is not None:
            if late:
                self.sim.faults.arm(kind="success_after_cancel", method="alipay.trade.close")
            self.run(registry.gateway().close, out_trade_no=attempt.out_trade_no)

    @rule(which=indexes, amount=st.integers(1, 4000), again=st.booleans())
    def order_refund(self, which, amount, again):
        paid = list(PaymentIntent.objects.filter(status=IntentStatus.SUCCEEDED).order_by("pk"))
        if paid:
            reference, key = pick(paid, which).reference, f"k{next(self.refund_keys)}"
            for _ in range(1 + again):
                self.act(refund, intent_reference=reference, amount_fen=amount, reason="r", key=key)

    @rule(which=indexes)
    def send(self, which):
        pending = list(Refund.objects.filter(status=RefundStatus.PENDING).order_by("pk"))
        if pending:
            self.run(send_refund, pick(pending, which).pk)

    @rule(kind=st.sampled_from(FAULTS), effect=st.sampled_from(["done", "none"]))
    def fault(self, kind, effect):
        self.sim.faults.arm(kind=kind, effect=effect)

    @rule(when=st.sampled_from(["before", "after"]))
    def crash(self, when):
        self.line.crash = when

    @invariant()
    def books_balance(self):
        balances = trial_balance()
        assert sum(b.amount_fen for b in balances) == 0
        for b in balances:
            if b.kind in (AccountKind.HELD, AccountKind.BUYER_REFUNDS_DUE):
                assert b.amount_fen <= 0

    @invariant()
    def nothing_is_paid_that_the_provider_does_not_know(self):
        for attempt in Attempt.objects.filter(status__in=[AttemptStatus.SUCCEEDED, AttemptStatus.LATE]):
            trade = self.sim.trades.find(out_trade_no=attempt.out_trade_no)
            assert (trade["gmt_payment"] != "", trade["amount"]) == (True, attempt.amount_fen)

    @invariant()
    def no_intent_gives_back_more_than_it_took(self):
        for intent in PaymentIntent.objects.filter(status=IntentStatus.SUCCEEDED):
            alive = intent.refunds.exclude(status=RefundStatus.FAILED).exclude(
                attempt__status=AttemptStatus.LATE
            )
            assert sum(r.amount_fen for r in alive) == intent.refunded_fen <= intent.captured_fen
            assert intent.captured_fen == intent.amount_fen or intent.capture_method == "manual"

    def settle_everything(self):
        """The faults end, the processes work on: now every fen must be where the provider says it is."""
        self.line.crash = None
        self.sim.faults.clear()
        for _ in range(5):
            for row in self.sim.store.all("SELECT body FROM notification"):
                self.act(receive_notification, row["body"].encode())
            for group in self.groups:
                query_group(group=group)
                close_group(group.pk)
            for pk in Refund.objects.filter(status=RefundStatus.PENDING).values_list("pk", flat=True):
                send_refund(pk)
            self.finish_settling()
            if self.is_quiet():
                break
        self.check_settled()
        assert not Refund.objects.filter(status=RefundStatus.PENDING).exists()
        assert not PaymentGroup.objects.filter(status=GroupStatus.CLOSING).exists()
        ours = {a.out_trade_no: self.our_view(a) for a in Attempt.objects.all()}
        theirs = {
            row["out_trade_no"]: (row["amount"] if row["gmt_payment"] else 0, row["refunded"])
            for row in self.sim.store.all("SELECT * FROM trade")
        }
        assert {n: v for n, v in ours.items() if v != (0, 0)} == {
            n: v for n, v in theirs.items() if v != (0, 0)
        }
        balances = {}
        for b in trial_balance():
            balances[b.kind] = balances.get(b.kind, 0) + b.amount_fen
        left = sum(paid - back for paid, back in theirs.values())
        left -= sum(PaymentIntent.objects.values_list("settled_fen", flat=True))
        assert balances.get(AccountKind.PROVIDER_CLEARING, 0) == left
        assert balances.get(AccountKind.BUYER_REFUNDS_DUE, 0) == 0
        for group in PaymentGroup.objects.filter(status=GroupStatus.CLOSED):
            for attempt in Attempt.objects.filter(intent__group=group):
                paid, back = theirs.get(attempt.out_trade_no, (0, 0))
                assert paid == back
        facts = LedgerTransaction.objects.filter(kind="captured").count()
        assert facts == sum(1 for paid, _ in theirs.values() if paid)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @staticmethod
    def is_quiet():
        """Nothing waits any more; open groups wait for their buyers, which is no work of ours."""
        return not (
            Refund.objects.filter(status=RefundStatus.PENDING).exists()
            or PaymentGroup.objects.filter(status=GroupStatus.CLOSING).exists()
            or SettlementInstruction.objects.filter(status__in=["ordered", "confirmed"]).exists()
            or PreAuthorisation.objects.filter(status="releasing").exists()
        )

    @staticmethod
    def our_view(attempt):
        paid = attempt.amount_fen if attempt.status in (AttemptStatus.SUCCEEDED, AttemptStatus.LATE) else 0
        return paid, sum(r.amount_fen for r in attempt.refunds.filter(status=RefundStatus.SUCCEEDED))


class TestAnyRowOfActs(TestCase):
    def test_our_books_end_as_the_providers(self):
        run_state_machine_as_test(
            Money,
            settings=settings(
                max_examples=int(os.environ.get("MONEY_EXAMPLES", "8")),
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


class TestLongWalks(TestCase):
    """Deeper than Hypothesis goes by itself: many acts each, the seed names the walk."""

    def test_our_books_end_as_the_providers(self):
        reached = Counter()
        first = int(os.environ.get("MONEY_FROM", "0"))
        for seed in range(first, first + int(os.environ.get("MONEY_WALKS", "3"))):
            with self.subTest(seed=seed):
                reached += self.walk(Random(seed))
        assert all(reached[what] for what in ("settled", "taken back", "captured")), reached

    def walk(self, chance):
        machine = Money()
        try:
            machine.open(amounts=[700, 1200])
            for _ in range(100):
                self.step(machine, chance)
                machine.books_balance()
                machine.nothing_is_paid_that_the_provider_does_not_know()
                machine.no_intent_gives_back_more_than_it_took()
                machine.nobodys_money_is_given_away_twice()
            machine.settle_everything()
            return Counter({
                "settled": SettlementInstruction.objects.filter(status="done").count(),
                "taken back": SettlementReturn.objects.filter(refund__status="succeeded").count(),
                "captured": PreAuthorisation.objects.filter(status="captured").count(),
            })  # fmt: skip
        finally:
            machine.leave()

    def step(self, machine, chance):
        """One act, drawn by weight; an act that has nothing to work on does nothing."""
        which, coin, some = chance.randrange(30), chance.random() < 0.5, chance.randrange(1, 101)
        acts = {
            lambda: machine.open(amounts=[chance.randrange(1, 5000) for _ in range(chance.randrange(1, 4))]):
                1 if len(machine.groups) < 6 else 0,
            lambda: machine.confirm(which=which, looks=coin): 4,
            lambda: machine.buyer(which=which, action=chance.choice(["pay", "pay", "refuse"]))
                if machine.links else None: 4,
            lambda: machine.notify(which=which): 6,
            lambda: machine.ask(which=which): 5,
            lambda: machine.give_up(which=which, late=coin, ask_now=some < 80): 2,
            lambda: machine.close_one_part(which=which, late=coin): 1,
            lambda: machine.order_refund(which=which, amount=chance.randrange(1, 900), again=coin): 2,
            lambda: machine.send(which=which): 4,
            lambda: machine.fault(kind=chance.choice(FAULTS), effect="done" if coin else "none"): 1,
            lambda: machine.crash(when="before" if coin else "after"): 1,
            lambda: machine.settle(which=which, percent=some) if paid_intents() else None: 6,
            lambda: machine.carry_out(which=which): 5,
            lambda: machine.claim(which=which, amount=some * 9) if paid_intents() else None: 5,
            lambda: machine.freeze(amount=chance.randrange(1, 5000), agrees=some < 80): 2,
            lambda: machine.ask_or_capture(which=which, percent=some, captures=some < 80): 4,
            lambda: machine.cancel_freeze(which=which): 1,
        }  # fmt: skip
        chance.choices(list(acts), list(acts.values()))[0]()
