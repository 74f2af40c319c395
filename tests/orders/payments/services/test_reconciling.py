"""A day's bill against our books: every fault found and named, nothing else, and once."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.kernel.money import format_yuan, share_fen
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance
from orders.payments.bill_format import BadBill, read_bill
from orders.payments.gateways import registry
from orders.payments.models import Attempt, BillFile, BillRow, PaymentIntent, ReconciliationItem, Refund
from orders.payments.services import confirm_group, query_group, reconcile_day, refund, send_refund
from orders.payments.services.reconciling import fetch_bill, want_bills
from tests.factories.payments import attempts_of, make_group

pytestmark = pytest.mark.django_db
HEADER = [
    "支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额（元）",
    "退款批次号/请求号", "服务费（元）",
]  # fmt: skip


def today():
    return clock.wall().astimezone(clock.SHANGHAI).date()


def noon():
    return clock.at(today(), 12)


class Bill:
    """A gateway that hands out the bill which a test wrote."""

    name = "alipay"

    def __init__(self):
        self.rows = []

    def add(self, attempt, *, refund_no="", amount_fen=None, fee_fen=None):
        amount = attempt.amount_fen if amount_fen is None else amount_fen
        fee = (share_fen(amount, 60) if not refund_no else 0) if fee_fen is None else fee_fen
        kind, sign = ("退款", "-") if refund_no else ("交易", "")
        self.rows.append([
            attempt.trade_no + "\t", attempt.out_trade_no + "\t", kind, noon().strftime("%Y-%m-%d %H:%M:%S"),
            sign + format_yuan(amount), refund_no + "\t", "-" + format_yuan(fee) if fee else "0.00",
        ])  # fmt: skip

    def download_bill(self, *, kind, day):
        text = io.StringIO()
        text.write("#支付宝业务明细查询\r\n")
        csv.writer(text).writerows([HEADER, *self.rows])
        text.write("#导出时间\r\n")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("2088_业务明细.csv", text.getvalue().encode("gbk"))
            archive.writestr("2088_业务明细(汇总).csv", "合计".encode("gbk"))
        return packed.getvalue()


@pytest.fixture
def bill():
    written = Bill()
    with registry.using(written):
        yield written


def paid_attempts(count):
    group = make_group(*[1000 + n for n in range(count)], merchants=False)
    PaymentIntent.objects.filter(group=group).update(status="succeeded")
    return Attempt.objects.bulk_create(
        Attempt(
            intent=intent, out_trade_no=uuid7().hex, trade_no=f"T{uuid7().hex}", amount_fen=intent.amount_fen,
            seller_id="2088", status="succeeded", paid_at=noon(), created_at=noon(),
        )
        for intent in group.intents.order_by("pk")
    )  # fmt: skip


def moved_refund(attempt, amount_fen):
    return Refund.objects.create(
        attempt=attempt, intent=attempt.intent, key=uuid7().hex, amount_fen=amount_fen, reason="r",
        status="succeeded", created_at=noon(), moved_at=noon(),
    )  # fmt: skip


def compare(day=None):
    file, _ = BillFile.objects.get_or_create(day=day or today())
    assert fetch_bill(file.pk)
    return ReconciliationItem.objects.filter(resolved_at=None)


def test_five_faults_of_each_kind_among_500_trades_are_found_and_nothing_else(bill):
    attempts = paid_attempts(500)
    lost, wrong, only_theirs, only_ours, tomorrow, fee = (attempts[n * 5 : n * 5 + 5] for n in range(6))
    for attempt in attempts:
        bill.add(
            attempt,
            amount_fen=attempt.amount_fen + 1 if attempt in wrong else None,
            fee_fen=1 if attempt in fee else None,
        )
    for attempt in attempts[100:200]:
        bill.add(attempt, refund_no=moved_refund(attempt, 100).request_no, amount_fen=100)
    for attempt in lost:
        Attempt.objects.filter(pk=attempt.pk).update(status="open", paid_at=None, trade_no="")
    for attempt in only_theirs:
        bill.add(attempt, refund_no=uuid7().hex, amount_fen=50)
    for attempt in only_ours:
        moved_refund(attempt, 70)
    for attempt in tomorrow:
        Attempt.objects.filter(pk=attempt.pk).update(paid_at=noon() + timedelta(days=1))
    items = compare()
    found = {}
    for item in items:
        found.setdefault((item.difference, item.kind), set()).add(item.out_trade_no)
    assert found == {
        ("status", "payment"): {a.out_trade_no for a in lost},
        ("amount", "payment"): {a.out_trade_no for a in wrong},
        ("missing_here", "refund"): {a.out_trade_no for a in only_theirs},
        ("missing_there", "refund"): {a.out_trade_no for a in only_ours},
        ("date_boundary", "payment"): {a.out_trade_no for a in tomorrow},
        ("fee", "payment"): {a.out_trade_no for a in fee},
    }
    assert Attempt.objects.filter(status="open", next_query_at__lte=clock.wall()).count() == 5
    fees = balance(kind=AccountKind.PROVIDER_FEE)
    before = list(ReconciliationItem.objects.values_list("pk", "found_at", "resolved_at"))
    reconcile_day(day=today())
    assert list(ReconciliationItem.objects.values_list("pk", "found_at", "resolved_at")) == before
    assert (balance(kind=AccountKind.PROVIDER_FEE), BillRow.objects.count()) == (fees, 605)


def test_a_payment_that_is_missing_there_or_known_to_nobody_here(bill):
    ours, theirs = paid_attempts(2)
    bill.add(theirs)
    Attempt.objects.filter(pk=theirs.pk).delete()
    assert {(i.difference, i.kind, i.ours_fen, i.theirs_fen) for i in compare()} == {
        ("missing_there", "payment", ours.amount_fen, None),
        ("missing_here", "payment", None, theirs.amount_fen),
    }


def test_an_item_is_resolved_when_the_books_agree_and_open_again_when_they_do_not(bill):
    [attempt] = paid_attempts(1)
    bill.add(attempt)
    Attempt.objects.update(status="open", paid_at=None)
    assert compare().count() == 1
    Attempt.objects.update(status="succeeded", paid_at=noon())
    assert reconcile_day(day=today()) == []
    assert ReconciliationItem.objects.get().resolved_at is not None
    Attempt.objects.update(status="open", paid_at=None)
    assert len(reconcile_day(day=today())) == 1


def test_the_simulators_own_bill_of_a_real_day_agrees(simulator, gateway):
    with registry.using(gateway):
        group = make_group(4735, 1200)
        simulator.pay(confirm_group(group=group).url)
        query_group(group=group)
        part = group.intents.order_by("pk").first()
        send_refund(refund(intent_reference=part.reference, amount_fen=735, reason="r", key="k").pk)
        simulator.change("clock", offset_s=2 * 86_400)
        numbers = {a.out_trade_no for a in attempts_of(group)}
        open_items = compare()
    assert not open_items.filter(out_trade_no__in=numbers).exists()
    assert BillRow.objects.filter(out_trade_no__in=numbers).count() == 3


def test_a_bill_that_is_not_ready_is_asked_for_again(simulator, gateway):
    file = BillFile.objects.create(day=today())
    with registry.using(gateway):
        assert fetch_bill(file.pk) is False
    file.refresh_from_db()
    assert (file.status, file.tries, file.next_try_at > clock.wall()) == ("wanted", 1, True)


@pytest.mark.parametrize("raw", [b"", b"no zip"])
def test_what_is_no_bill_is_refused_whole(raw):
    with pytest.raises(BadBill):
        read_bill(raw)


def test_a_row_that_cannot_be_read_spoils_the_bill(bill):
    [attempt] = paid_attempts(1)
    bill.add(attempt)
    bill.rows[0][4] = "ten"
    with pytest.raises(BadBill, match="row 2"):
        read_bill(bill.download_bill(kind="trade", day=today()))


def test_only_days_that_are_over_and_had_payments_are_wanted(monkeypatch):
    want_bills()
    assert BillFile.objects.count() == 0
    paid_attempts(1)
    want_bills()
    assert BillFile.objects.count() == 0
    later = noon() + timedelta(days=2)
    monkeypatch.setattr(clock, "wall", lambda: later)
    first = today() - timedelta(days=2)
    want_bills()
    want_bills()
    wanted = list(BillFile.objects.order_by("day").values_list("day", flat=True))
    assert wanted == [first, first + timedelta(days=1)]
