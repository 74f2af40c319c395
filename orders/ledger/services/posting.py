"""post() and reverse(): the only two ways in which the ledger grows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from marketplace.kernel import clock
from orders.ledger.accounts import NEVER_OVERDRAWN, AccountKind
from orders.ledger.errors import Overdrawn, PostedDifferently, Unbalanced
from orders.ledger.models import LedgerAccount, LedgerEntry, LedgerTransaction


@dataclass(frozen=True, slots=True)
class Entry:
    """`amount_fen`: debit positive, credit negative. `owner` is empty for the platform and the provider."""

    kind: AccountKind
    amount_fen: int
    owner: UUID | None = None


def debit(kind: AccountKind, amount_fen: int, owner: UUID | None = None) -> Entry:
    return Entry(kind, amount_fen, owner)


def credit(kind: AccountKind, amount_fen: int, owner: UUID | None = None) -> Entry:
    return Entry(kind, -amount_fen, owner)


def post(
    *,
    kind: str,
    key: str,
    occurred_at: datetime,
    entries: Iterable[Entry],
    source: str,
    reference: str = "",
    memo: str = "",
    reverses: LedgerTransaction | None = None,
) -> LedgerTransaction:
    """Post one fact once: (`source`, `kind`, `key`) again returns the first posting.

    Zero entries are left out and entries of one account added up. Runs in the caller's transaction, so that
    the fact and its posting commit together. Accounts that may not be overdrawn are locked, last of all.
    Raises Unbalanced, PostedDifferently, Overdrawn.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("post() needs the transaction of the change it records")
    wanted = _merged(entries)
    earlier = _find(source=source, kind=kind, key=key)
    if earlier is not None:
        return _same(earlier, wanted)
    accounts = _accounts(wanted)
    _refuse_overdraft(accounts, wanted)
    try:
        with transaction.atomic():
            row: LedgerTransaction = LedgerTransaction.objects.create(
                provider=source,
                kind=kind,
                external_id=key,
                occurred_at=occurred_at,
                recorded_at=clock.wall(),
                reference=reference,
                memo=memo[:200],
                entry_count=len(wanted),
                reverses=reverses,
            )
    except IntegrityError:
        # Another transaction posted the same fact first; the unique key made us wait for its commit.
        earlier = _find(source=source, kind=kind, key=key)
        if earlier is None:
            raise
        return _same(earlier, wanted)
    LedgerEntry.objects.bulk_create(
        LedgerEntry(transaction=row, account=accounts[owner], amount_fen=amount, occurred_at=occurred_at)
        for owner, amount in wanted.items()
    )
    return row


def reverse(
    original: LedgerTransaction, *, occurred_at: datetime, source: str, key: str, memo: str = ""
) -> LedgerTransaction:
    """The exact opposite of `original`, naming it; a second call returns the first reversal."""
    entries = [
        Entry(AccountKind(entry.account.kind), -entry.amount_fen, entry.account.owner_uuid)
        for entry in original.entries.select_related("account")
    ]
    return post(
        kind=f"reversal_of_{original.kind}",
        key=key,
        occurred_at=occurred_at,
        entries=entries,
        source=source,
        reference=original.reference,
        memo=memo,
        reverses=original,
    )


Owner = tuple[AccountKind, UUID | None]


def _merged(entries: Iterable[Entry]) -> dict[Owner, int]:
    sums: dict[Owner, int] = defaultdict(int)
    for entry in entries:
        sums[AccountKind(entry.kind), entry.owner] += entry.amount_fen
    wanted = {owner: amount for owner, amount in sums.items() if amount}
    if sum(wanted.values()) != 0 or len(wanted) < 2:
        raise Unbalanced(f"entries do not balance: {wanted}")
    return wanted


def _find(*, source: str, kind: str, key: str) -> LedgerTransaction | None:
    found: LedgerTransaction | None = LedgerTransaction.objects.filter(
        provider=source, kind=kind, external_id=key
    ).first()
    return found


def _same(earlier: LedgerTransaction, wanted: dict[Owner, int]) -> LedgerTransaction:
    stands = {
        (AccountKind(kind), owner): amount
        for kind, owner, amount in earlier.entries.values_list(
            "account__kind", "account__owner_uuid", "amount_fen"
        )
    }
    if stands != wanted:
        raise PostedDifferently(params={"fact": str(earlier)})
    return earlier


def _accounts(wanted: dict[Owner, int]) -> dict[Owner, LedgerAccount]:
    """The accounts, made where missing; several posters may make the same one at once."""
    rows = [LedgerAccount(kind=kind, owner_uuid=owner) for kind, owner in sorted(wanted, key=str)]
    kinds, owners = {kind for kind, _ in wanted}, {owner for _, owner in wanted}
    found = _by_owner(kinds, owners)
    missing = [row for row in rows if (AccountKind(row.kind), row.owner_uuid) not in found]
    if missing:
        LedgerAccount.objects.bulk_create(missing, ignore_conflicts=True)
        found = _by_owner(kinds, owners)
    return found


def _by_owner(kinds: Iterable[AccountKind], owners: Iterable[UUID | None]) -> dict[Owner, LedgerAccount]:
    named = [owner for owner in owners if owner is not None]
    rows = LedgerAccount.objects.filter(kind__in=kinds, owner_uuid__in=named)
    if None in owners:
        rows = rows | LedgerAccount.objects.filter(kind__in=kinds, owner_uuid=None)
    return {(AccountKind(row.kind), row.owner_uuid): row for row in rows}


def lock_accounts(ids: Iterable[int]) -> None:
    """NO KEY: posters that only credit an account (and so share its key) neither wait nor deadlock here."""
    rows = LedgerAccount.objects.filter(pk__in=list(ids)).order_by("pk").select_for_update(no_key=True)
    list(rows.values_list("pk", flat=True))


def _refuse_overdraft(accounts: dict[Owner, LedgerAccount], wanted: dict[Owner, int]) -> None:
    """Two posters that each see enough would together take too much: the account rows are locked first."""
    from orders.ledger.services.balances import raw_balances  # balances reads what posting writes

    guarded = [owner for owner, amount in wanted.items() if amount > 0 and owner[0] in NEVER_OVERDRAWN]
    if not guarded:
        return
    ids: Sequence[int] = [accounts[owner].pk for owner in guarded]
    lock_accounts(ids)
    standing = raw_balances(ids)
    for owner in guarded:
        if standing.get(accounts[owner].pk, 0) + wanted[owner] > 0:
            raise Overdrawn(params={"account": str(accounts[owner])})
