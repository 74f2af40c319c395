"""Our books against the provider's bill, day by day: every row missing, extra or different is named once."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Min

from marketplace.kernel import clock
from marketplace.kernel.money import share_fen
from orders.ledger.accounts import AccountKind
from orders.ledger.services import credit, debit, post
from orders.payments.bill_format import PAYMENT, REFUND, BadBill, BilledMovement, read_bill
from orders.payments.gateways.base import GatewayError
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, BillFile, BillRow, ReconciliationItem, Refund
from orders.payments.services.calls import wait_until
from orders.payments.states import AttemptStatus, RefundStatus

log = logging.getLogger(__name__)
PAID = (AttemptStatus.SUCCEEDED, AttemptStatus.LATE)
PROVIDER_FEE_BP = 60  # the signed contract's rate; a guess until there is one
READY_HOUR = 9
DAYS_BACK = 7
FIRST_TRY_S, LONGEST_TRY_S = 600.0, 3 * 3600.0

Key = tuple[str, str, str]
"""(kind, out_trade_no, refund_no)"""


@dataclass(frozen=True, slots=True)
class Ours:
    """A movement in our books; `moved_at` is empty where we do not believe that money moved."""

    amount_fen: int
    moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Difference:
    difference: str
    key: Key
    ours_fen: int | None
    theirs_fen: int | None


def want_bills() -> None:
    """Rows for the days of the last week whose bill should be there by now and is not."""
    now = clock.wall().astimezone(clock.SHANGHAI)
    last = now.date() - timedelta(days=1 if now.hour >= READY_HOUR else 2)
    if BillFile.objects.filter(day=last).exists():
        return
    first_paid = Attempt.objects.filter(status__in=PAID).aggregate(at=Min("paid_at"))["at"]
    if first_paid is None:
        return
    first = max(first_paid.astimezone(clock.SHANGHAI).date(), last - timedelta(days=DAYS_BACK - 1))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    known = set(BillFile.objects.filter(day__in=days).values_list("day", flat=True))
    BillFile.objects.bulk_create(
        [BillFile(day=day, next_try_at=clock.wall()) for day in days if day not in known],
        ignore_conflicts=True,
    )


def fetch_bill(file_id: int) -> bool:
    """One try to fetch a day's bill and compare it. Never inside a transaction. True once it is compared."""
    file: BillFile = BillFile.objects.get(pk=file_id)
    if file.status != "wanted":
        return True
    try:
        raw = gateway().download_bill(kind="trade", day=file.day)
        movements = read_bill(raw) if raw is not None else None
    except (GatewayError, BadBill) as error:
        log.warning("bill of %s not read: %s", file.day, error)
        raw = movements = None
    if raw is None or movements is None:
        next_try = wait_until(tries=file.tries, first_s=FIRST_TRY_S, longest_s=LONGEST_TRY_S)
        BillFile.objects.filter(pk=file.pk).update(tries=file.tries + 1, next_try_at=next_try)
        return False
    _keep(file, movements, sha256=hashlib.sha256(raw).hexdigest())
    reconcile_day(day=file.day)
    return True


def reconcile_day(*, day: date) -> list[ReconciliationItem]:
    """Compares a fetched day again; a second run changes nothing. Returns the open items of the day.

    Fees are booked, lost notifications made due for a query; money is never moved from here.
    """
    with transaction.atomic():
        rows = list(BillRow.objects.filter(file__day=day).order_by("pk"))
        theirs = {(row.kind, row.out_trade_no, row.refund_no): row for row in rows}
        found = _differences(day, theirs)
        for row in rows:
            _book_fee(row)
        _record(day, found)
        unknown = [d.key[1] for d in found if d.difference == "status" and d.key[0] == PAYMENT]
        Attempt.objects.filter(out_trade_no__in=unknown, status=AttemptStatus.OPEN).update(
            next_query_at=clock.wall()
        )
        return list(ReconciliationItem.objects.filter(day=day, resolved_at=None).order_by("pk"))


def _keep(file: BillFile, movements: Iterable[BilledMovement], *, sha256: str) -> None:
    with transaction.atomic():
        if not BillFile.objects.filter(pk=file.pk, status="wanted").update(
            status="fetched", sha256=sha256, fetched_at=clock.wall(), next_try_at=None
        ):
            return
        BillRow.objects.bulk_create(
            BillRow(
                file=file,
                kind=movement.kind,
                trade_no=movement.trade_no,
                out_trade_no=movement.out_trade_no,
                refund_no=movement.refund_no,
                amount_fen=movement.amount_fen,
                fee_fen=movement.fee_fen,
                finished_at=movement.finished_at,
            )
            for movement in movements
        )


def _differences(day: date, theirs: dict[Key, BillRow]) -> list[Difference]:
    found = []
    ours = _ours(day, theirs)
    for key, row in theirs.items():
        mine = ours.get(key)
        difference = _compare(day, mine, row)
        if difference:
            ours_fen = mine.amount_fen if mine and mine.moved_at else None
            found.append(Difference(difference, key, ours_fen, row.amount_fen))
        if row.kind == PAYMENT and row.fee_fen != share_fen(row.amount_fen, PROVIDER_FEE_BP):
            expected = share_fen(row.amount_fen, PROVIDER_FEE_BP)
            found.append(Difference("fee", key, expected, row.fee_fen))
    elsewhere = set(
        BillRow.objects.filter(out_trade_no__in=[key[1] for key in ours]).values_list(
            "kind", "out_trade_no", "refund_no"
        )
    )
    for key, mine in ours.items():
        if mine.moved_at and _day(mine.moved_at) == day and key not in theirs:
            kind = "date_boundary" if key in elsewhere else "missing_there"
            found.append(Difference(kind, key, mine.amount_fen, None))
    return found


def _compare(day: date, mine: Ours | None, row: BillRow) -> str:
    if mine is None:
        return "missing_here"
    if mine.amount_fen != row.amount_fen:
        return "amount"
    if mine.moved_at is None:
        return "status"
    return "" if _day(mine.moved_at) == day else "date_boundary"


def _ours(day: date, theirs: dict[Key, BillRow]) -> dict[Key, Ours]:
    """Our movements of the day, and whatever we know of the numbers in the bill, moved or not."""
    start, end = clock.at(day, 0), clock.at(day + timedelta(days=1), 0)
    numbers = [key[1] for key in theirs]
    ours: dict[Key, Ours] = {}
    paid_today = Attempt.objects.filter(status__in=PAID, paid_at__gte=start, paid_at__lt=end)
    for attempt in paid_today | Attempt.objects.filter(out_trade_no__in=numbers):
        moved_at = attempt.paid_at if attempt.status in PAID else None
        ours[PAYMENT, attempt.out_trade_no, ""] = Ours(attempt.amount_fen, moved_at)
    back_today = Refund.objects.filter(status=RefundStatus.SUCCEEDED, moved_at__gte=start, moved_at__lt=end)
    refunds = back_today | Refund.objects.filter(attempt__out_trade_no__in=numbers)
    for refund in refunds.exclude(attempt=None).select_related("attempt"):
        if refund.attempt is not None:
            key = (REFUND, refund.attempt.out_trade_no, refund.request_no)
            ours[key] = Ours(-refund.amount_fen, refund.moved_at)
    return ours


def _book_fee(row: BillRow) -> None:
    if row.kind != PAYMENT or row.fee_fen <= 0:
        return
    post(
        kind="provider_fee",
        key=row.trade_no,
        occurred_at=row.finished_at,
        source=row.file.provider,
        reference=row.out_trade_no[:64],
        entries=[
            debit(AccountKind.PROVIDER_FEE, row.fee_fen),
            credit(AccountKind.PROVIDER_CLEARING, row.fee_fen),
        ],
    )


def _record(day: date, found: list[Difference]) -> None:
    """New items once; items that are no longer found are marked resolved."""
    now = clock.wall()
    standing = {
        (item.difference, (item.kind, item.out_trade_no, item.refund_no)): item
        for item in ReconciliationItem.objects.filter(day=day)
    }
    still = {(d.difference, d.key) for d in found}
    ReconciliationItem.objects.bulk_create(
        ReconciliationItem(
            day=day,
            difference=d.difference,
            kind=d.key[0],
            out_trade_no=d.key[1],
            refund_no=d.key[2],
            ours_fen=d.ours_fen,
            theirs_fen=d.theirs_fen,
            found_at=now,
        )
        for d in found
        if (d.difference, d.key) not in standing
    )
    for fact, item in standing.items():
        resolved_at = None if fact in still else item.resolved_at or now
        if resolved_at != item.resolved_at:
            ReconciliationItem.objects.filter(pk=item.pk).update(resolved_at=resolved_at)


def _day(moment: datetime) -> date:
    return moment.astimezone(clock.SHANGHAI).date()
