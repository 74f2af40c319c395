"""Courier firms: earned per delivery, paid once a week by a transfer that moves money once."""

from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.places.models import Carrier
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, credit, debit, post, trial_balance
from orders.models import CarrierPayout
from orders.payments.errors import KeyReused
from orders.payments.models import Transfer
from orders.payments.services import order_transfer, send_transfer, work_due
from orders.services.documents.statements import statement
from orders.services.settlement.carrier_payouts import carrier_payouts, pay_carriers_due, this_monday
from tests.factories.accounts import make_principal
from tests.factories.orders import deliver, make_paid_order
from tests.orders.services.steps import books_balance, collected, owed

COURIER = AccountKind.COURIER_PAYABLE


@pytest.fixture(autouse=True)
def _alipay(alipay):
    return alipay


@pytest.fixture
def firm():
    return Carrier.objects.create(name="宜春共配二队")


def earn(firm, fen=240, key="d1"):
    """As a delivery settles: held -> the courier."""
    post(
        kind="settled", key=f"delivery:{key}", occurred_at=clock.now(), source="orders",
        entries=[debit(AccountKind.PROVIDER_CLEARING, fen), credit(COURIER, fen, firm.uuid)],
    )  # fmt: skip


def next_monday():
    return clock.at(this_monday() + timedelta(days=7), 0)


def transfers(simulator):
    """Of this test's rows: the simulator outlives it."""
    ours = {row.number for row in Transfer.objects.all()}
    found = [(row["out_biz_no"], row["amount"]) for row in simulator.shown("transfers")]
    return [row for row in found if row[0] in ours]


@pytest.mark.django_db
class TestAWeek:
    def test_is_paid_once_by_one_transfer_and_the_books_say_so(self, simulator, firm):
        earn(firm, 240)
        assert pay_carriers_due() == 0  # the week is not over
        with clock.as_of(next_monday()):
            earn(firm, 80, key="d2")  # already the next week
            assert (pay_carriers_due(), pay_carriers_due()) == (1, 0)
            row = CarrierPayout.objects.get(status="ordered")
            assert (row.amount_fen, owed(COURIER, firm.uuid), owed(AccountKind.SETTLING, firm.uuid)) == (
                240,
                80,
                240,
            )
            assert work_due() == 1
            deliver()
            row.refresh_from_db()
            transfer = Transfer.objects.get()
            assert (row.status, transfer.status) == ("done", "done")
            assert transfers(simulator) == [(transfer.number, 240)]
            assert balance(kind=AccountKind.PLATFORM_BALANCE) == -240
            assert owed(AccountKind.SETTLING, firm.uuid) == 0
            assert books_balance()
            shown = statement(
                principal=make_principal("courier", "carrier", firm.uuid),
                owner_kind="courier",
                owner_uuid=firm.uuid,
            )
            assert [line.amount_fen for line in shown.lines][-2:] == [80, -240] or shown.closing_fen == 80
            assert {t.name: t.amount_fen for t in shown.totals}["paid_out"] == -240
        with clock.as_of(next_monday() + timedelta(days=7)):
            assert pay_carriers_due() == 1
            assert list(CarrierPayout.objects.order_by("pk").values_list("amount_fen", flat=True)) == [
                0,
                240,
                80,
            ]

    def test_a_refused_one_is_owed_again_and_goes_with_the_next(self, simulator, firm):
        earn(firm, 240)
        simulator.fault("refuse", method="alipay.fund.trans.uni.transfer", value="PAYER_BALANCE_NOT_ENOUGH")
        with clock.as_of(next_monday()):
            pay_carriers_due()
            assert send_transfer(Transfer.objects.get().pk) == "refused"
            deliver()
            row = CarrierPayout.objects.get(amount_fen=240)
            assert (row.status, row.failure, owed(COURIER, firm.uuid)) == (
                "refused",
                "PAYER_BALANCE_NOT_ENOUGH",
                240,
            )
        with clock.as_of(next_monday() + timedelta(days=7)):
            assert pay_carriers_due() == 1
            assert send_transfer(Transfer.objects.get(status="ordered").pk) == "done"
        assert (owed(COURIER, firm.uuid), len(transfers(simulator)), books_balance()) == (0, 1, True)

    @pytest.mark.parametrize("kind", ["http_502", "unknown_error", "tampered_body"])
    @pytest.mark.parametrize("effect", ["done", "none"])
    def test_an_unclear_answer_is_repeated_and_moves_money_once(self, simulator, firm, kind, effect):
        earn(firm, 240)
        simulator.fault(kind, method="alipay.fund.trans.uni.transfer", effect=effect)
        with clock.as_of(next_monday()):
            pay_carriers_due()
            [row] = Transfer.objects.all()
            assert (send_transfer(row.pk), balance(kind=AccountKind.PLATFORM_BALANCE)) == ("ordered", 0)
            assert [send_transfer(row.pk) for _ in range(2)] == ["done", "done"]
        assert (len(transfers(simulator)), balance(kind=AccountKind.PLATFORM_BALANCE)) == (1, -240)

    def test_firms_see_their_own(self, firm):
        other = Carrier.objects.create(name="别家")
        for number, each in enumerate((firm, other)):
            earn(each, 240, key=str(number))
        with clock.as_of(next_monday()):
            pay_carriers_due()
        mine = carrier_payouts(principal=make_principal("courier", "carrier", firm.uuid), first=10)
        assert [row.carrier for row in mine] == [firm]
        assert (
            len(carrier_payouts(principal=make_principal("platform", scope_kind="platform"), first=10)) == 2
        )

    def test_a_key_is_one_transfer(self, firm):
        earn(firm, 240)
        order = {"owner": firm.uuid, "payee_name": "x", "account": COURIER, "key": "k"}
        made = order_transfer(**order, amount_fen=100)
        assert order_transfer(**order, amount_fen=100) == made
        with pytest.raises(KeyReused):
            order_transfer(**order, amount_fen=101)
        assert owed(COURIER, firm.uuid) == 140


def test_what_a_delivered_parcel_earned_reaches_the_firm(market, thursday, simulator):
    """From the buyer's fee to the firm's account: the trial balance is zero and nothing stays owed."""
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    van = collected(market, order, 5_000)
    assert owed(COURIER, van.carrier.uuid) == 240
    with clock.as_of(next_monday()):
        assert pay_carriers_due() == 1
        assert send_transfer(Transfer.objects.get().pk) == "done"
    assert owed(COURIER, van.carrier.uuid) == 0
    assert sum(row.amount_fen for row in trial_balance()) == 0
