"""What a refund takes back of money that was already settled.

The merchant's part is taken by the refund itself, fees from their receivers by `refund_royalty_parameters`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import F

from marketplace.kernel import clock
from orders.ledger.accounts import AccountKind
from orders.ledger.services import credit, debit, owed_or_debt, post
from orders.payments.gateways.base import Share
from orders.payments.models import (
    PaymentIntent,
    Refund,
    SettlementInstruction,
    SettlementLine,
    SettlementReturn,
)
from orders.payments.services.receivers import known_accounts
from orders.payments.services.settlements import PAYABLE
from orders.payments.states import SettlementStatus

#: (account, owner) -> fen that this party gives back; the owner is empty for the platform's own income
Parts = Mapping[tuple[AccountKind, UUID | None], int]
UNFINISHED = (SettlementStatus.ORDERED, SettlementStatus.CONFIRMED)


def plan_returns(intent: PaymentIntent, row: Refund, *, parts: Parts | None) -> None:
    """Under the group's lock: if what is not settled yet does not cover the refund, the settled lines do.

    `parts` says who gives back what; without it each line gives pro rata, the last fen falls to the last.
    """
    needed_fen = row.amount_fen - (intent.captured_fen - intent.refunded_fen - intent.settled_fen)
    if needed_fen <= 0:
        return
    lines = list(_settled_lines(intent))
    taken = _by_parts(lines, parts or {}, needed_fen)
    rest_fen = needed_fen - sum(taken.values())
    free = {line.pk: line.amount_fen - line.returned_fen - taken.get(line.pk, 0) for line in lines}
    for pk, fen in split_pro_rata(rest_fen, free).items():
        taken[pk] = taken.get(pk, 0) + fen
    fees_fen = 0
    for line in lines:
        fen = taken.get(line.pk, 0)
        if fen:
            SettlementReturn.objects.create(refund=row, line=line, amount_fen=fen)
            SettlementLine.objects.filter(pk=line.pk).update(returned_fen=F("returned_fen") + fen)
            fees_fen += fen if line.royalty else 0
    PaymentIntent.objects.filter(pk=intent.pk).update(
        settled_fen=F("settled_fen") - needed_fen, shared_fen=F("shared_fen") - fees_fen
    )


def forget_returns(row: Refund) -> None:
    """Under the group's lock: the refund was refused for good, so nothing was taken back."""
    for back in row.returns.select_related("line"):
        SettlementLine.objects.filter(pk=back.line_id).update(
            returned_fen=F("returned_fen") - back.amount_fen
        )
        PaymentIntent.objects.filter(pk=row.intent_id).update(
            settled_fen=F("settled_fen") + back.amount_fen,
            shared_fen=F("shared_fen") + (back.amount_fen if back.line.royalty else 0),
        )
    row.returns.all().delete()


def waits_for_settlement(row: Refund) -> bool:
    """What it takes back must have arrived first."""
    unfinished = SettlementInstruction.objects.filter(status__in=UNFINISHED, lines__returns__refund=row)
    return bool(unfinished.exists())


def royalty_back(row: Refund) -> list[Share]:
    """What the provider must take back from receivers of fees, one entry each, in a fixed order."""
    fees = row.returns.filter(line__royalty=True).select_related("line")
    sums: dict[str, int] = defaultdict(int)
    accounts = known_accounts() if fees else {}
    for back in fees:
        sums[accounts[back.line.owner_uuid]] += back.amount_fen
    return [Share(receiver_id=account, amount_fen=fen, note="退款") for account, fen in sorted(sums.items())]


def post_returned(row: Refund) -> None:
    """The provider took it back: who had been paid owes it no longer, and clearing holds it for the buyer."""
    backs = list(row.returns.select_related("line").order_by("pk"))
    if not backs:
        return
    entries = [debit(AccountKind.PROVIDER_CLEARING, sum(back.amount_fen for back in backs))]
    claims: dict[tuple[AccountKind, UUID | None], int] = defaultdict(int)
    for back in backs:
        claims[AccountKind(back.line.account), back.line.owner_uuid] += back.amount_fen
    for (account, owner), fen in claims.items():
        if account in PAYABLE:
            entries += owed_or_debt(account, owner, fen)
        else:
            entries.append(credit(AccountKind.PLATFORM_BALANCE, fen))
    post(
        kind="returned",
        key=row.request_no,
        occurred_at=clock.now(),
        source=row.intent.group.provider,
        reference=str(row.intent.reference),
        memo=row.reason,
        entries=entries,
    )


def split_pro_rata(total_fen: int, free: Mapping[int, int]) -> dict[int, int]:
    """`total_fen` over the keys by weight, exactly and never above a weight; what rounding leaves goes last.

    Cumulative rounding down: part i is the difference of two floors, so it is at most ceil of its share.
    """
    weight = sum(free.values())
    if not 0 <= total_fen <= weight:
        raise ValueError(f"{total_fen} fen cannot be taken out of {weight}")
    parts, before, reached = {}, 0, 0
    for key, fen in free.items():
        reached += fen
        upto = total_fen * reached // weight if weight else 0
        parts[key], before = upto - before, upto
    return parts


def _settled_lines(intent: PaymentIntent) -> Iterable[SettlementLine]:
    """Everything ordered and not refused, and what stayed with the merchant after refused fees."""
    rows = SettlementLine.objects.filter(instruction__intent=intent, returned_fen__lt=F("amount_fen"))
    alive = rows.exclude(instruction__status=SettlementStatus.REFUSED, paid_at=None)
    return alive.select_related("instruction").order_by("pk")


def _by_parts(lines: Sequence[SettlementLine], parts: Parts, needed_fen: int) -> dict[int, int]:
    """The named parties' lines first, oldest first, each party in proportion to what it was said to give."""
    wanted = {party: fen for party, fen in parts.items() if fen > 0}
    total = sum(wanted.values())
    numbered = dict(enumerate(wanted.values()))
    shares = split_pro_rata(min(needed_fen, total), numbered)
    taken: dict[int, int] = {}
    for number, (account, owner) in enumerate(wanted):
        left = shares[number]
        for line in lines:
            if (AccountKind(line.account), line.owner_uuid) == (account, owner) and left:
                fen = min(left, line.amount_fen - line.returned_fen - taken.get(line.pk, 0))
                taken[line.pk] = taken.get(line.pk, 0) + fen
                left -= fen
    return taken
