"""Dividing held money among those who earned it, and taking it back when a delivered line is refunded."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection

from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerAccount, LedgerTransaction
from orders.ledger.services.balances import balance
from orders.ledger.services.posting import Entry, credit, debit, lock_accounts, post

#: (account, owner) -> fen; the owner is empty for the platform's own income
Parts = Mapping[tuple[AccountKind, UUID | None], int]


def settle(
    *,
    key: str,
    merchant: UUID | None,
    parts: Parts,
    occurred_at: datetime,
    reference: str = "",
    memo: str = "",
) -> LedgerTransaction:
    """held(merchant) -> `parts`, once per `key`. Raises Overdrawn if less is held than is divided."""
    entries = [debit(AccountKind.HELD, sum(parts.values()), merchant)]
    entries += [credit(kind, amount, owner) for (kind, owner), amount in parts.items()]
    return post(
        kind="settled",
        key=key,
        occurred_at=occurred_at,
        entries=entries,
        source="orders",
        reference=reference,
        memo=memo,
    )


def take_back(
    *,
    key: str,
    merchant: UUID | None,
    parts: Parts,
    occurred_at: datetime,
    reference: str = "",
    memo: str = "",
) -> LedgerTransaction:
    """`parts` -> held(merchant), once per `key`, so that a refund can then be taken from what is held.

    What a seller, station or courier has already been paid becomes his debt, never a negative balance.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("take_back() needs the transaction of the refund")
    earlier = LedgerTransaction.objects.filter(provider="orders", kind="taken_back", external_id=key).first()
    if earlier is not None:
        found: LedgerTransaction = earlier
        return found
    entries = [credit(AccountKind.HELD, sum(parts.values()), merchant)]
    for (kind, owner), amount in parts.items():
        entries += _from_balance_or_debt(kind, owner, amount)
    return post(
        kind="taken_back",
        key=key,
        occurred_at=occurred_at,
        entries=entries,
        source="orders",
        reference=reference,
        memo=memo,
    )


PAYABLE = (AccountKind.SELLER_PAYABLE, AccountKind.STATION_PAYABLE, AccountKind.COURIER_PAYABLE)


def _from_balance_or_debt(kind: AccountKind, owner: UUID | None, amount: int) -> list[Entry]:
    if kind not in PAYABLE or amount <= 0:
        return [debit(kind, amount, owner)]
    # Locked, so that two refunds cannot both find the same money still there.
    rows = LedgerAccount.objects.filter(kind=kind, owner_uuid=owner)
    lock_accounts(rows.values_list("pk", flat=True))
    there = min(amount, max(0, -balance(kind=kind, owner=owner)))
    return [debit(kind, there, owner), debit(AccountKind.SELLER_DEBT, amount - there, owner)]


def owed_or_debt(kind: AccountKind, owner: UUID | None, amount: int) -> list[Entry]:
    """Credits an owner from whom the provider took money back: his debt first, the rest we owe him again."""
    rows = LedgerAccount.objects.filter(kind=AccountKind.SELLER_DEBT, owner_uuid=owner)
    lock_accounts(rows.values_list("pk", flat=True))
    debt = min(amount, max(0, balance(kind=AccountKind.SELLER_DEBT, owner=owner)))
    return [credit(AccountKind.SELLER_DEBT, debt, owner), credit(kind, amount - debt, owner)]
