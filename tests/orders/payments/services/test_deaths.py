"""Killed behind every durable step of pay, refund, capture and settle: each fen is accounted for once.

Afterwards the caller repeats what he asked for, the processes work on what is due, and the provider's books
and ours are those of a run that nobody killed.
"""

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerEntry
from orders.ledger.services import settle, take_back, trial_balance
from orders.payments.errors import NotPayable
from orders.payments.gateways import registry, wire
from orders.payments.gateways.wire import AlipayWire
from orders.payments.models import (
    Attempt,
    PaymentGroup,
    PaymentIntent,
    PreAuthorisation,
    Refund,
    SettlementInstruction,
)
from orders.payments.services import (
    PartSpec,
    bind_receiver,
    cancel_group,
    confirm_group,
    order_settlement,
    query_group,
    receive_notification,
    refund,
    send_refund,
    send_settlement,
    work_due,
)
from orders.payments.services.freezes import query_freeze
from orders.payments.services.groups import close_group
from orders.payments.services.intents import (
    NewIntent,
    cancel_intent,
    capture_intent,
    confirm_intent,
    create_intent,
)
from orders.payments.services.merchants import registered_ids
from tests.factories.payments import make_group
from tests.orders.payments.deaths import die_after, steps_of

STATION = uuid7()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


class Work:
    """`prepare` stands before, `act` is what may die anywhere, `again` is what its caller asks once more."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.prepare()

    def again(self):
        self.act()

    def intents(self):
        return list(self.group.intents.order_by("pk"))

    def hear(self):
        """Every notification that the provider sent about the group's trades."""
        for number in numbers_of(self):
            for note in self.simulator.shown("notifications", about=number):
                receive_notification(note["body"].encode())

    def paid(self, *amounts):
        self.group = make_group(*amounts)
        self.simulator.pay(confirm_group(group=self.group).url)
        query_group(group=self.group)

    def earned(self):
        """Its receivers are bound beforehand: what an unclear binding does, test_settlements tells."""
        for owner in (None, STATION):
            bind_receiver(owner_uuid=owner, name="站点")
        [intent] = self.intents()
        self.parts = {
            (AccountKind.SELLER_PAYABLE, intent.merchant_uuid): 870,
            (AccountKind.STATION_PAYABLE, STATION): 60,
            (AccountKind.COMMISSION, None): 70,
        }
        with transaction.atomic():
            settle(
                key=intent.uuid.hex, merchant=intent.merchant_uuid, parts=self.parts,
                occurred_at=clock.now(), reference=str(intent.reference),
            )  # fmt: skip

    def settled(self):
        """Ordered and carried out as far as one process gets without waiting."""
        [intent] = self.intents()
        specs = [
            PartSpec(
                account=account, owner=owner, amount_fen=fen, royalty=account != AccountKind.SELLER_PAYABLE
            )
            for (account, owner), fen in self.parts.items()
        ]
        row = order_settlement(intent_reference=intent.reference, parts=specs, key=intent.uuid.hex)
        for _ in range(2):
            send_settlement(row.pk)


class Pay(Work):
    """Two sellers, one act: offered, paid by the buyer, heard of."""

    def prepare(self):
        self.group = make_group(1000, 2000)
        registered_ids(intent.merchant_uuid for intent in self.intents())

    def act(self):
        self.simulator.pay(confirm_group(group=self.group).url)
        self.hear()

    def again(self):
        """The buyer looks at his order: paid at the provider already, or he opens the page once more."""
        query_group(group=self.group)
        self.group.refresh_from_db()
        if self.group.status == "open":
            self.act()


class GiveUp(Work):
    """Cancelled, and closed at the provider while the buyer's money arrives all the same."""

    def prepare(self):
        self.group = make_group(1000)
        self.simulator.open(confirm_group(group=self.group).url)
        self.simulator.fault("success_after_cancel", method="alipay.trade.close")

    def act(self):
        cancel_group(reference=self.group.reference)
        close_group(self.group.pk)
        self.hear()

    def again(self):
        self.act()
        self.hear()


class PaidInTime(GiveUp):
    """How giving up may end as well: the payment is there before the provider has agreed to close."""

    def act(self):
        cancel_group(reference=self.group.reference)
        [attempt] = Attempt.objects.filter(intent__group=self.group)
        registry.gateway().close(out_trade_no=attempt.out_trade_no)
        close_group(self.group.pk)


class GiveBack(Work):
    def prepare(self):
        self.paid(1000, 500)

    def act(self):
        row = refund(
            intent_reference=self.intents()[0].reference, amount_fen=300, reason="r", key=self.group.uuid.hex
        )
        send_refund(row.pk)


class Capture(Work):
    """Frozen by the buyer, weighed, captured below the frozen sum, the rest released."""

    frozen_fen, taken_fen = 6000, 4735

    def prepare(self):
        intent = create_intent(
            NewIntent(amount_fen=self.frozen_fen, payment_method="alipay", capture_method="manual")
        )
        confirm_intent(intent, return_url="https://shop.example/")
        self.group = intent.group
        self.simulator.decide(self.simulator.open(intent.pre_authorisation.link), "pay")

    def act(self):
        [intent] = self.intents()
        query_freeze(intent.pre_authorisation.pk)
        capture_intent(intent, amount_fen=self.taken_fen)


class Release(Capture):
    """Frozen, then cancelled: all of it is released."""

    def act(self):
        [intent] = self.intents()
        query_freeze(intent.pre_authorisation.pk)
        cancel_intent(intent)
        query_freeze(intent.pre_authorisation.pk)


class Settle(Work):
    def prepare(self):
        self.paid(1000)
        self.earned()

    def act(self):
        self.settled()


class GiveBackAfterSettling(Work):
    """The parties' parts come back: from the merchant, and by taking back what was shared."""

    def prepare(self):
        self.paid(1000)
        self.earned()
        self.settled()

    def act(self):
        [intent] = self.intents()
        key = f"{intent.uuid.hex}back"
        with transaction.atomic():
            take_back(
                key=key, merchant=intent.merchant_uuid, parts=self.parts, occurred_at=clock.now(),
                reference=str(intent.reference),
            )  # fmt: skip
            row = refund(
                intent_reference=intent.reference, amount_fen=1000, reason="r", key=key, taken_back=self.parts
            )
        send_refund(row.pk)


def numbers_of(work):
    rows = Attempt.objects.filter(intent__group=work.group)
    return list(rows.order_by("pk").values_list("out_trade_no", flat=True))


def work_on():
    """The restarted processes, a few rounds long: everything that waits is due."""
    past = clock.wall() - timedelta(seconds=1)
    for _ in range(4):
        Attempt.objects.filter(status="open").update(next_query_at=past)
        Refund.objects.filter(status="pending").update(next_try_at=past)
        PaymentGroup.objects.filter(status="closing").update(next_try_at=past)
        PreAuthorisation.objects.filter(status__in=["waiting", "releasing"]).update(next_try_at=past)
        live = SettlementInstruction.objects.filter(status__in=["ordered", "confirmed"])
        live.update(next_try_at=past, asked_at=None)
        if not work_due():
            break


def books(work):
    """Both sides of the story: every posting about the intents, every state, every trade of theirs."""
    intents = work.intents()
    names = {str(intent.reference): number for number, intent in enumerate(intents)}
    owners = {intent.merchant_uuid: f"merchant {number}" for number, intent in enumerate(intents)}
    postings = Counter(
        (names[entry.transaction.reference], entry.transaction.kind, entry.account.kind,
         owners.get(entry.account.owner_uuid, "other"), entry.amount_fen)
        for entry in LedgerEntry.objects.filter(transaction__reference__in=names).select_related(
            "transaction", "account"
        )
    )  # fmt: skip
    trades = sorted(
        (trade["amount"], trade["status"], trade["refunded"], trade["confirmed"], trade["royalty"])
        for number in numbers_of(work)
        for trade in work.simulator.shown("trades", out_trade_no=number)
    )
    held = [
        (auth["amount"], auth["paid"], auth["released"])
        for freeze in PreAuthorisation.objects.filter(intent__in=intents)
        for auth in work.simulator.shown("auths", out_order_no=freeze.freeze_no)
    ]
    sums = [
        (i.status, i.captured_fen, i.refunded_fen, i.settled_fen, i.shared_fen)
        for i in PaymentIntent.objects.filter(pk__in=[intent.pk for intent in intents]).order_by("pk")
    ]
    group = PaymentGroup.objects.get(pk=work.group.pk)
    return {"group": group.status, "intents": sums, "postings": postings, "trades": trades, "held": held}


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (Pay, 6), (GiveUp, 5), (GiveBack, 3), (Capture, 5), (Release, 5), (Settle, 6),
        (GiveBackAfterSettling, 3),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_killed_behind_any_durable_step_nothing_is_lost_or_done_twice(simulator, kind, least):
    whole = kind(simulator)
    steps = steps_of(whole.act, simulator=simulator)
    assert len(steps) >= least, steps
    work_on()
    wanted = [books(whole)]
    if kind is GiveUp:
        other = PaidInTime(simulator)
        other.act()
        wanted.append(books(other))
    for number, step in enumerate(steps, start=1):
        work = kind(simulator)
        die_after(number, work.act, simulator=simulator)
        work_on()
        with suppress(NotPayable):  # it is done already, and says so
            work.again()
        work_on()
        assert books(work) in wanted, f"killed behind step {number}: {step}"
    assert sum(line.amount_fen for line in trial_balance()) == 0
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "kind",
    [Pay, GiveUp, GiveBack, Capture, Release, Settle, GiveBackAfterSettling],
    ids=lambda kind: kind.__name__,
)
def test_signing_and_calls_hold_no_lock_of_the_database(simulator, monkeypatch, kind):
    seen = []

    def outside(real):
        def checked(*args, **kwargs):
            seen.append(connection.in_atomic_block)
            return real(*args, **kwargs)

        return checked

    monkeypatch.setattr(wire, "sign", outside(wire.sign))
    monkeypatch.setattr(AlipayWire, "call", outside(AlipayWire.call))
    work = kind(simulator)
    work.act()
    work_on()
    assert len(seen) >= 2
    assert not any(seen)
