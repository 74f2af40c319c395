"""The platform's view of the money: the settlement run, the trial balance, the bill's differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Case, Count, F, When

from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.principal import Principal
from orders.ledger.services import trial_balance as ledger_balances
from orders.models import Payout, PayoutStatus
from orders.payments.models import BillFile, ReconciliationItem

MAX_ROWS = 200


@dataclass(frozen=True, slots=True)
class AccountSum:
    """All accounts of one kind; `owners` is how many people stand behind it."""

    kind: str
    owners: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Debits and credits of all accounts; balanced books sum to zero."""

    accounts: list[AccountSum]
    sum_fen: int


@dataclass(frozen=True, slots=True)
class BillDay:
    day: date
    status: str
    rows: int
    items: Sequence[ReconciliationItem]


def payouts(*, principal: Principal, status: str | None, first: int) -> list[Payout]:
    """Rows of the settlement run, what needs a person first, then by the end of their window."""
    principal.require("platform")
    if status is not None and status not in PayoutStatus.values:
        raise InvalidInput(N_("没有这种放款状态"), field="status")
    rows = Payout.objects.select_related("fulfilment__order")
    if status is not None:
        rows = rows.filter(status=status)
    refused_first = Case(When(status=PayoutStatus.REFUSED, then=0), default=1)
    ordered = rows.order_by(refused_first, "-due_at", "-pk")
    return list(ordered[: max(1, min(first, MAX_ROWS))])


def trial_balance(*, principal: Principal) -> TrialBalance:
    principal.require("platform")
    sums: dict[str, AccountSum] = {}
    for row in ledger_balances():
        before = sums.get(row.kind, AccountSum(row.kind, 0, 0))
        sums[row.kind] = AccountSum(row.kind, before.owners + 1, before.amount_fen + row.amount_fen)
    accounts = [sums[kind] for kind in sorted(sums)]
    return TrialBalance(accounts=accounts, sum_fen=sum(row.amount_fen for row in accounts))


def reconciliation(*, principal: Principal, first: int) -> list[BillDay]:
    """The latest days whose bill was fetched or is awaited, each with every difference found."""
    principal.require("platform")
    files = list(BillFile.objects.annotate(count=Count("rows")).order_by("-day")[: max(1, min(first, 31))])
    found = ReconciliationItem.objects.filter(day__in=[file.day for file in files])
    items: dict[date, list[ReconciliationItem]] = {}
    for item in found.order_by(F("resolved_at").desc(nulls_first=True), "pk"):
        items.setdefault(item.day, []).append(item)
    return [BillDay(file.day, file.status, file.count, items.get(file.day, [])) for file in files]
