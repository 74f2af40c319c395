"""Settlements: released once, shared within the limits, after refunds; taken back by later ones."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.ids import uuid7
from marketplace.outbox.models import OutboxEvent
from orders.ledger.accounts import AccountKind
from orders.ledger.errors import Overdrawn
from orders.ledger.services import balance, settle, take_back, trial_balance
from orders.payments.errors import (
    GroupIncomplete,
    KeyReused,
    NoSuchPayment,
    NoTradeToSettle,
    RoyaltyTooLarge,
    SettlementTooLarge,
)
from orders.payments.models import Attempt, PaymentIntent, RoyaltyReceiver, SettlementInstruction
from orders.payments.services import (
    PartSpec,
    confirm_group,
    order_settlement,
    query_group,
    record_cash,
    refund,
    send_refund,
    send_settlement,
    work_due,
)
from orders.payments.services.outcomes import record_paid
from tests.factories.payments import make_group
from tests.orders.payments.helpers import SELLER_ID

pytestmark = pytest.mark.django_db
SELLER, STATION = uuid7(), uuid7()
EARNED = {
    (AccountKind.SELLER_PAYABLE, SELLER): 8700,
    (AccountKind.STATION_PAYABLE, STATION): 600,
    (AccountKind.COMMISSION, None): 700,
}
FEES = (AccountKind.STATION_PAYABLE, AccountKind.COMMISSION)


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


@pytest.fixture
def intent(simulator):
    return paid(simulator)


def paid(simulator, *amounts, merchants=True):
    group = make_group(*(amounts or (10_000,)), merchants=merchants)
    simulator.pay(confirm_group(group=group).url)
    query_group(group=group)
    return group.intents.order_by("pk").first()


def earn(intent, parts=EARNED, key="line"):
    settle(key=key, merchant=intent.merchant_uuid, parts=parts, occurred_at=clock.now())


def specs(parts=EARNED):
    return [
        PartSpec(account=account, owner=owner, amount_fen=fen, royalty=account in FEES)
        for (account, owner), fen in parts.items()
    ]


def order(intent, parts=EARNED, key="s1"):
    return order_settlement(intent_reference=intent.reference, parts=specs(parts), key=key)


def go(row, times=4):
    """The steps of a settlement without the waits between them."""
    for _ in range(times):
        SettlementInstruction.objects.update(asked_at=None)
        send_settlement(row.pk)
    row.refresh_from_db()
    return row


def at_gateway(simulator, intent):
    trade = simulator.trade(intent.attempts.get().out_trade_no)
    return trade["confirmed"], trade["royalty"], trade["refunded"]


def books():
    """What does not come to zero, by the name of the account, all owners together."""
    sums = Counter()
    for line in trial_balance():
        sums[line.kind.value] += line.amount_fen
    return {name: fen for name, fen in sums.items() if fen}


def give_back(intent, parts, *, key="k"):
    """As orders does it: first the parties give back into `held`, then the refund is ordered."""
    fen = sum(parts.values())
    take_back(key=key, merchant=intent.merchant_uuid, parts=parts, occurred_at=clock.now())
    return refund(intent_reference=intent.reference, amount_fen=fen, reason="坏果", key=key, taken_back=parts)


class TestTheWayOfTheMoney:
    def test_ordered_confirmed_shared_and_each_step_is_posted(self, simulator, intent):
        earn(intent)
        row = order(intent)
        assert books() == {"provider_clearing": 10_000, "settling": -9300, "commission": -700}
        assert -balance(kind=AccountKind.SETTLING, owner=SELLER) == 8700
        assert at_gateway(simulator, intent) == (0, 0, 0)
        assert send_settlement(row.pk) == "confirmed"
        assert at_gateway(simulator, intent) == (10_000, 0, 0)
        assert balance(kind=AccountKind.PROVIDER_CLEARING) == 1300
        row.refresh_from_db()
        assert row.next_try_at > clock.wall() + timedelta(seconds=29)
        assert send_settlement(row.pk) == "done"
        assert at_gateway(simulator, intent) == (10_000, 1300, 0)
        assert books() == {"commission": -700, "platform_balance": 700}
        event = OutboxEvent.objects.get(type="payments.SettlementDone")
        assert (event.payload["key"], event.payload["amount_fen"]) == ("s1", 10_000)
        assert send_settlement(row.pk) == "done"
        assert at_gateway(simulator, intent) == (10_000, 1300, 0)

    def test_due_work_carries_it_out(self, simulator, intent):
        earn(intent)
        row = order(intent)
        work_due()
        SettlementInstruction.objects.update(next_try_at=clock.wall())
        work_due()
        row.refresh_from_db()
        assert row.status == "done"

    def test_a_trade_may_be_settled_in_parts_but_never_beyond_what_is_left(self, simulator, intent):
        earn(intent)
        half = {party: fen // 2 for party, fen in EARNED.items()}
        first = go(order(intent, half))
        second = order(intent, half, key="s2")
        with pytest.raises(SettlementTooLarge) as refusal:
            order(intent, {(AccountKind.SELLER_PAYABLE, SELLER): 1}, key="s3")
        assert (refusal.value.field, refusal.value.params) == ("parts", {"left_yuan": "0.00"})
        assert (first.status, go(second).status) == ("done", "done")
        assert at_gateway(simulator, intent) == (10_000, 1300, 0)

    def test_the_same_key_is_the_same_settlement_and_other_parts_are_refused(self, intent):
        earn(intent)
        assert order(intent) == order(intent)
        with pytest.raises(KeyReused):
            order(intent, EARNED | {(AccountKind.SELLER_PAYABLE, SELLER): 8600})
        assert SettlementInstruction.objects.count() == 1

    def test_our_own_trade_needs_no_release(self, simulator):
        own = paid(simulator, 500, merchants=False)
        earn(own, {(AccountKind.DELIVERY_INCOME, None): 500})
        row = go(order(own, {(AccountKind.DELIVERY_INCOME, None): 500}))
        assert (row.status, books()) == ("done", {"delivery_income": -500, "platform_balance": 500})
        assert at_gateway(simulator, own) == (0, 0, 0)

    def test_six_receivers_take_two_requests_three_seconds_apart(self, simulator, intent):
        stations = [(AccountKind.STATION_PAYABLE, uuid7()) for _ in range(6)]
        parts = dict.fromkeys(stations, 100) | {(AccountKind.SELLER_PAYABLE, SELLER): 9400}
        earn(intent, parts)
        row = order(intent, parts)
        assert [send_settlement(row.pk), send_settlement(row.pk)] == ["confirmed", "confirmed"]
        assert at_gateway(simulator, intent) == (10_000, 500, 0)
        assert send_settlement(row.pk) == "confirmed"  # asked too soon: it waits
        row.refresh_from_db()
        assert (row.next_try_at - row.asked_at, at_gateway(simulator, intent)[1]) == (
            timedelta(seconds=3),
            500,
        )
        assert go(row, 1).status == "done"
        assert at_gateway(simulator, intent) == (10_000, 600, 0)
        assert RoyaltyReceiver.objects.exclude(bound_at=None).count() == 6


class TestWhatIsRefused:
    def test_fees_beyond_thirty_percent(self, intent):
        parts = {(AccountKind.SELLER_PAYABLE, SELLER): 6999, (AccountKind.COMMISSION, None): 3001}
        earn(intent, parts)
        with pytest.raises(RoyaltyTooLarge) as refusal:
            order(intent, parts)
        assert refusal.value.params == {"left_yuan": "30.00"}
        assert not SettlementInstruction.objects.exists()

    def test_the_database_itself_keeps_the_sums(self, intent):
        mine = PaymentIntent.objects.filter(pk=intent.pk)
        for changes in (
            {"settled_fen": 10_001},
            {"settled_fen": 5000, "refunded_fen": 5001},
            {"settled_fen": 5000, "shared_fen": 3001},
            {"shared_fen": 1},
            {"refunded_fen": -1},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                mine.update(**changes)

    def test_what_nobody_earned(self, intent):
        with pytest.raises(Overdrawn):
            order(intent)
        assert not SettlementInstruction.objects.exists()

    @pytest.mark.parametrize(
        "part",
        [
            PartSpec(account=AccountKind.COMMISSION, amount_fen=10),
            PartSpec(account=AccountKind.HELD, amount_fen=10),
            PartSpec(account=AccountKind.SELLER_PAYABLE, owner=SELLER, amount_fen=-1),
            PartSpec(account=AccountKind.SELLER_PAYABLE, owner=SELLER, amount_fen=0),
        ],
    )
    def test_parts_that_make_no_sense(self, intent, part):
        with pytest.raises(InvalidInput) as refusal:
            order_settlement(intent_reference=intent.reference, parts=[part], key="x")
        assert refusal.value.field == "parts"

    def test_a_part_of_a_group_that_may_still_be_given_back(self, simulator):
        """All or none: what was settled of it could not be refunded if the other part fails."""
        group = make_group(10_000, 500)
        simulator.pay(confirm_group(group=group).url)
        attempt = Attempt.objects.order_by("pk").first()
        record_paid(attempt.pk, trade_no="T1", paid_at=clock.now())
        half = attempt.intent
        half.refresh_from_db()
        assert half.status == "succeeded"
        earn(half)
        before = trial_balance()
        with pytest.raises(GroupIncomplete):
            order(half)
        assert (trial_balance(), SettlementInstruction.objects.count()) == (before, 0)

    def test_what_was_never_paid_or_paid_in_cash(self):
        group = make_group(1000)
        intent = group.intents.get()
        with pytest.raises(NoSuchPayment):
            order(intent)
        record_cash(group=group, station_uuid=uuid7(), taken_by_uuid=uuid7())
        with pytest.raises(NoTradeToSettle):
            order(intent)


class TestUnclearAnswers:
    @pytest.mark.parametrize("effect", ["done", "none"])
    @pytest.mark.parametrize("kind", ["tampered_body", "http_502", "sha1_sign"])
    @pytest.mark.parametrize("method", ["settle.confirm", "order.settle", "royalty.relation.bind"])
    def test_are_repeated_under_the_same_number(self, simulator, intent, method, kind, effect):
        earn(intent)
        row = order(intent)
        simulator.fault(kind, method=f"alipay.trade.{method}", effect=effect)
        assert go(row, 5).status == "done"
        assert at_gateway(simulator, intent) == (10_000, 1300, 0)
        assert books() == {"commission": -700, "platform_balance": 700}

    def test_a_lost_answer_to_a_share_is_found_by_the_query(self, simulator, intent):
        earn(intent)
        row = order(intent)
        send_settlement(row.pk)
        simulator.fault("http_502", method="alipay.trade.order.settle", effect="done")
        assert send_settlement(row.pk) == "done"

    def test_a_lost_binding_is_made_again(self, simulator, intent):
        earn(intent)
        row = order(intent)
        send_settlement(row.pk)
        for owner, account in ((None, SELLER_ID), (STATION, "2088999900000001")):
            RoyaltyReceiver.objects.create(owner_uuid=owner, account=account, bound_at=clock.now())
        assert send_settlement(row.pk) == "confirmed"
        row.refresh_from_db()
        assert row.failure == "ACQ.ROYALTY_RELATION_NOT_EXIST"
        assert go(row).status == "done"


class TestRefusedForGood:
    def test_a_refused_release_is_owed_again(self, simulator, intent):
        earn(intent)
        row = order(intent)
        simulator.fault("refuse", method="alipay.trade.settle.confirm", value="ACQ.TRADE_STATUS_ERROR")
        assert send_settlement(row.pk) == "refused"
        assert -balance(kind=AccountKind.SELLER_PAYABLE, owner=SELLER) == 8700
        assert balance(kind=AccountKind.SETTLING, owner=SELLER) == 0
        assert OutboxEvent.objects.get(type="payments.SettlementRefused").payload["amount_fen"] == 10_000
        assert go(order(intent, key="s2")).status == "done"
        assert at_gateway(simulator, intent) == (10_000, 1300, 0)

    def test_refused_fees_are_the_merchants_debt_who_has_them(self, simulator, intent):
        earn(intent)
        row = order(intent)
        send_settlement(row.pk)
        simulator.fault("refuse", method="alipay.trade.order.settle", value="ACQ.ROYALTY_AMOUNT_EXCEED")
        assert send_settlement(row.pk) == "refused"
        assert books() == {"seller_debt": 1300, "station_payable": -600, "commission": -700}
        # all of it is with the merchant, so a refund in full finds it there
        back = give_back(intent, EARNED)
        assert send_refund(back.pk) == "succeeded"
        assert at_gateway(simulator, intent) == (10_000, 0, 10_000)
        assert not books()


class TestRefunds:
    def test_go_first_when_they_were_ordered_first(self, simulator, intent):
        back = refund(intent_reference=intent.reference, amount_fen=1000, reason="r", key="k")
        parts = {(AccountKind.SELLER_PAYABLE, SELLER): 9000}
        earn(intent, parts)
        row = order(intent, parts)
        assert send_settlement(row.pk) == "ordered"
        assert send_refund(back.pk) == "succeeded"
        assert go(row).status == "done"
        assert at_gateway(simulator, intent) == (9000, 0, 1000)
        assert not books()

    def test_after_settlement_are_a_debt_until_the_provider_took_it_back(self, simulator, intent):
        earn(intent)
        go(order(intent))
        parts = {
            (AccountKind.SELLER_PAYABLE, SELLER): 870,
            (AccountKind.STATION_PAYABLE, STATION): 60,
            (AccountKind.COMMISSION, None): 70,
        }
        back = give_back(intent, parts)
        assert balance(kind=AccountKind.SELLER_DEBT, owner=SELLER) == 870
        assert balance(kind=AccountKind.SELLER_PAYABLE, owner=SELLER) == 0
        simulator.fault("refuse", method="alipay.trade.refund", value="ACQ.SELLER_BALANCE_NOT_ENOUGH")
        assert send_refund(back.pk) == "pending"
        assert balance(kind=AccountKind.SELLER_DEBT, owner=SELLER) == 870
        assert send_refund(back.pk) == "succeeded"
        assert at_gateway(simulator, intent) == (10_000, 1170, 1000)
        assert books() == {"commission": -630, "platform_balance": 630}
        intent.refresh_from_db()
        assert (intent.refunded_fen, intent.settled_fen, intent.shared_fen) == (1000, 9000, 1170)

    def test_without_named_parts_each_party_gives_pro_rata_and_the_whole_comes_back(self, simulator, intent):
        earn(intent)
        go(order(intent))
        for number, fen in enumerate((3333, 3333, 3334)):
            take_back(
                key=f"t{number}", merchant=intent.merchant_uuid, occurred_at=clock.now(),
                parts={(AccountKind.SELLER_PAYABLE, SELLER): fen},
            )  # fmt: skip
            back = refund(intent_reference=intent.reference, amount_fen=fen, reason="r", key=f"k{number}")
            assert send_refund(back.pk) == "succeeded"
        assert at_gateway(simulator, intent) == (10_000, 0, 10_000)
        intent.refresh_from_db()
        assert (intent.refunded_fen, intent.settled_fen, intent.shared_fen) == (10_000, 0, 0)

    def test_wait_for_a_settlement_whose_money_they_take(self, simulator, intent):
        earn(intent)
        row = order(intent)
        back = give_back(intent, EARNED)
        assert send_refund(back.pk) == "pending"
        assert at_gateway(simulator, intent) == (0, 0, 0)
        assert go(row).status == "done"
        assert send_refund(back.pk) == "succeeded"
        assert at_gateway(simulator, intent) == (10_000, 0, 10_000)
        assert not books()

    def test_of_a_settlement_that_was_refused_take_nothing_back(self, simulator, intent):
        earn(intent)
        row = order(intent)
        back = give_back(intent, EARNED)
        simulator.fault("refuse", method="alipay.trade.settle.confirm", value="ACQ.TRADE_STATUS_ERROR")
        assert send_settlement(row.pk) == "refused"
        assert send_refund(back.pk) == "succeeded"
        assert at_gateway(simulator, intent) == (0, 0, 10_000)
        # what is owed to each and what each owes cancel out
        for _, owner in EARNED:
            assert sum(b.amount_fen for b in trial_balance() if owner and b.owner == owner) == 0

    def test_refused_for_good_leave_the_settlement_as_it_was(self, simulator, intent):
        earn(intent)
        go(order(intent))
        back = give_back(intent, EARNED)
        simulator.fault("refuse", method="alipay.trade.refund", value="ACQ.TRADE_HAS_FINISHED")
        assert send_refund(back.pk) == "failed"
        intent.refresh_from_db()
        assert (intent.refunded_fen, intent.settled_fen, intent.shared_fen) == (0, 10_000, 1300)
