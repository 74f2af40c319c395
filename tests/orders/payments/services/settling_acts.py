"""Acts of the money machine beyond paying and refunding: settling, taking back, freezing and capturing."""

from urllib.parse import urlsplit

from django.db.models import Sum
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, settle, take_back
from orders.payments.alipay_sim import pages
from orders.payments.alipay_sim.errors import GatewayRefusal
from orders.payments.models import PaymentIntent, PreAuthorisation, SettlementInstruction
from orders.payments.services import PartSpec, order_settlement, refund, send_settlement
from orders.payments.services.freezes import query_freeze
from orders.payments.services.intents import (
    NewIntent,
    cancel_intent,
    capture_intent,
    confirm_intent,
    create_intent,
)
from orders.payments.states import IntentStatus

STATION = uuid7()
LIVE = ("ordered", "confirmed")
indexes = st.integers(0, 30)


def pick(things, which):
    return things[which % len(things)]


def paid_intents():
    """Those of sellers: our own have nobody to settle with."""
    rows = PaymentIntent.objects.filter(status=IntentStatus.SUCCEEDED, merchant_uuid__isnull=False)
    return list(rows.order_by("pk"))


class SettlingActs(RuleBasedStateMachine):
    """`act` and `run` are the machine's: a transaction that may be refused, a process that may die."""

    @precondition(lambda self: paid_intents())
    @rule(which=indexes, percent=st.integers(1, 100))
    def settle(self, which, percent):
        """Some of what is left of a paid intent was earned, by its seller, a station and us."""
        intent = pick(paid_intents(), which)
        left_fen = intent.captured_fen - intent.refunded_fen - intent.settled_fen
        fen = left_fen * percent // 100
        if fen >= 10:
            self.act(self._settle, intent, fen)

    def _settle(self, intent, fen):
        fee = fen // 10
        parts = {
            (AccountKind.SELLER_PAYABLE, intent.merchant_uuid): fen - 2 * fee,
            (AccountKind.STATION_PAYABLE, STATION): fee,
            (AccountKind.COMMISSION, None): fee,
        }
        key = uuid7().hex
        settle(key=key, merchant=intent.merchant_uuid, parts=parts, occurred_at=clock.now())
        specs = [
            PartSpec(
                account=account, owner=owner, amount_fen=part, royalty=account != AccountKind.SELLER_PAYABLE
            )
            for (account, owner), part in parts.items()
        ]
        order_settlement(intent_reference=intent.reference, parts=specs, key=key)

    @rule(which=indexes)
    def carry_out(self, which):
        live = list(SettlementInstruction.objects.filter(status__in=LIVE).order_by("pk"))
        if live:
            SettlementInstruction.objects.update(asked_at=None)  # three seconds later
            self.run(send_settlement, pick(live, which).pk)

    @precondition(lambda self: paid_intents())
    @rule(which=indexes, amount=st.integers(1, 4000))
    def claim(self, which, amount):
        """A refund of what may be settled already: whoever has it gives it back, or owes it."""
        self.act(self._claim, pick(paid_intents(), which), amount)

    def _claim(self, intent, amount):
        key = uuid7().hex
        short_fen = amount + balance(kind=AccountKind.HELD, owner=intent.merchant_uuid)
        if short_fen > 0:
            take_back(
                key=key, merchant=intent.merchant_uuid, occurred_at=clock.now(),
                parts={(AccountKind.SELLER_PAYABLE, intent.merchant_uuid): short_fen},
            )  # fmt: skip
        refund(intent_reference=intent.reference, amount_fen=amount, reason="r", key=key)

    @rule(amount=st.integers(1, 5000), agrees=st.booleans())
    def freeze(self, amount, agrees):
        if PreAuthorisation.objects.count() >= 4:
            return
        intent = create_intent(NewIntent(amount_fen=amount, payment_method="alipay", capture_method="manual"))
        self.run(confirm_intent, intent, return_url="https://shop.example/")
        self.groups.append(intent.group)
        if agrees:
            self.agree(which=-1)

    @rule(which=indexes)
    def agree(self, which):
        links = list(PreAuthorisation.objects.order_by("pk").values_list("link", flat=True))
        if links:
            answer = self.sim.handle(query=urlsplit(pick(links, which)).query, body=b"")
            try:
                pages.decide(self.sim, token=answer.location.rpartition("/")[2], action="pay")
            except GatewayRefusal:
                return

    @rule(which=indexes, percent=st.integers(1, 100), captures=st.booleans())
    def ask_or_capture(self, which, percent, captures):
        freezes = list(PreAuthorisation.objects.select_related("intent").order_by("pk"))
        if not freezes:
            return
        freeze = pick(freezes, which)
        self.run(query_freeze, freeze.pk)
        if captures:
            fen = max(1, freeze.intent.amount_fen * percent // 100)
            self.run(capture_intent, freeze.intent, amount_fen=fen)

    @rule(which=indexes)
    def cancel_freeze(self, which):
        freezes = list(PreAuthorisation.objects.select_related("intent").order_by("pk"))
        if freezes:
            self.run(cancel_intent, pick(freezes, which).intent)

    @invariant()
    def nobodys_money_is_given_away_twice(self):
        for intent in PaymentIntent.objects.exclude(settled_fen=0, refunded_fen=0):
            assert intent.refunded_fen + intent.settled_fen <= intent.captured_fen
            assert intent.shared_fen * 100 <= intent.captured_fen * 30

    def finish_settling(self):
        SettlementInstruction.objects.update(asked_at=None)
        for pk in SettlementInstruction.objects.filter(status__in=LIVE).values_list("pk", flat=True):
            send_settlement(pk)
        for pk in PreAuthorisation.objects.filter(status__in=["waiting", "releasing"]).values_list(
            "pk", flat=True
        ):
            query_freeze(pk)

    def check_settled(self):
        """The provider did what we ordered; frozen money is paid, released or still frozen."""
        assert not SettlementInstruction.objects.exclude(status="done").exists()
        for intent in PaymentIntent.objects.filter(settlements__isnull=False).distinct():
            trade = self.sim.trades.find(out_trade_no=intent.settlements.first().attempt.out_trade_no)
            ordered = intent.settlements.aggregate(total=Sum("amount_fen"))["total"]
            assert (trade["confirmed"], trade["royalty"]) == (ordered, intent.shared_fen)
        for freeze in PreAuthorisation.objects.exclude(auth_no=""):
            auth = self.sim.store.one("SELECT * FROM auth WHERE auth_no = ?", freeze.auth_no)
            assert (auth["paid"], auth["released"]) == (freeze.captured_fen, freeze.released_fen)
        frozen = PreAuthorisation.objects.filter(status="frozen").aggregate(total=Sum("frozen_fen"))["total"]
        owners = {intent.merchant_uuid for intent in PaymentIntent.objects.filter(capture_method="manual")}
        assert -sum(balance(kind=AccountKind.FROZEN, owner=owner) for owner in owners) == (frozen or 0)
