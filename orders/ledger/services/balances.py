"""Reading the ledger: balances at a moment, the trial balance, the lines of a statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerEntry


@dataclass(frozen=True, slots=True)
class Balance:
    """`amount_fen`: debit positive, credit negative."""

    kind: AccountKind
    owner: UUID | None
    amount_fen: int


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement in the owner's eyes: what he is owed grows with a positive `amount_fen`."""

    at: datetime
    kind: str
    amount_fen: int
    memo: str
    reference: str
    transaction_uuid: UUID


def raw_balances(account_ids: Iterable[int]) -> dict[int, int]:
    rows = LedgerEntry.objects.filter(account_id__in=list(account_ids)).values("account_id")
    return dict(rows.annotate(total=Sum("amount_fen")).values_list("account_id", "total"))


def balance(*, kind: AccountKind, owner: UUID | None = None, at: datetime | None = None) -> int:
    """Fen, debit positive: everything that occurred before `at` (all, if none is given)."""
    entries = LedgerEntry.objects.filter(account__kind=kind, account__owner_uuid=owner)
    if at is not None:
        entries = entries.filter(occurred_at__lt=at)
    return int(entries.aggregate(total=Sum("amount_fen"))["total"] or 0)


def trial_balance(*, at: datetime | None = None) -> list[Balance]:
    """Every account that ever moved before `at`; the amounts sum to zero."""
    entries = LedgerEntry.objects.all() if at is None else LedgerEntry.objects.filter(occurred_at__lt=at)
    rows = entries.values("account__kind", "account__owner_uuid").annotate(total=Sum("amount_fen"))
    return [
        Balance(AccountKind(row["account__kind"]), row["account__owner_uuid"], row["total"])
        for row in rows.order_by("account__kind", "account__owner_uuid")
    ]


def statement(
    *, kinds: Sequence[AccountKind], owner: UUID | None, start: datetime, end: datetime
) -> tuple[int, list[StatementLine], int]:
    """(opening, lines, closing) of an owner's accounts for `start` <= t < `end`, credit shown as positive."""
    entries = LedgerEntry.objects.filter(account__kind__in=kinds, account__owner_uuid=owner)
    opening = -_total(entries.filter(occurred_at__lt=start))
    rows = entries.filter(Q(occurred_at__gte=start) & Q(occurred_at__lt=end)).select_related("transaction")
    lines = [
        StatementLine(
            at=entry.occurred_at,
            kind=entry.transaction.kind,
            amount_fen=-entry.amount_fen,
            memo=entry.transaction.memo,
            reference=entry.transaction.reference,
            transaction_uuid=entry.transaction.uuid,
        )
        for entry in rows.order_by("occurred_at", "id")
    ]
    return opening, lines, opening + sum(line.amount_fen for line in lines)


def _total(entries: QuerySet[LedgerEntry]) -> int:
    return int(entries.aggregate(total=Sum("amount_fen"))["total"] or 0)
