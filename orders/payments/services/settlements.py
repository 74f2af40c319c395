"""Settling a trade: its money is released to the merchant, then fees are shared out of it, each step once.

    ordered    payable -> settling, in the caller's transaction: the money cannot be spent a second time
    confirmed  the provider released the whole sum (settle.confirm); settling -> provider_clearing
    done       30 s later each fee went to its receiver (order.settle), five receivers a request

Refund before split: a settlement waits for refunds ordered before it. A refund ordered after it takes back
what it needs (`returns`). Every unclear answer is repeated under the same number with the same amounts.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.money import format_yuan
from orders.ledger.accounts import AccountKind
from orders.ledger.services import credit, debit, post
from orders.payments.errors import (
    GroupIncomplete,
    KeyReused,
    NoSuchPayment,
    NoTradeToSettle,
    RoyaltyTooLarge,
    SettlementTooLarge,
)
from orders.payments.models import Attempt, PaymentIntent, SettlementInstruction, SettlementLine
from orders.payments.models.payments import ROYALTY_CAP_PERCENT
from orders.payments.services.locking import lock_group
from orders.payments.states import AttemptStatus, GroupStatus, IntentStatus

log = logging.getLogger(__name__)
RECEIVERS_PER_REQUEST = 5
REQUESTS_PER_TRADE = 50
PAYABLE = (AccountKind.SELLER_PAYABLE, AccountKind.STATION_PAYABLE, AccountKind.COURIER_PAYABLE)
INCOME = (AccountKind.COMMISSION, AccountKind.DELIVERY_INCOME, AccountKind.LOCKER_FEE)


@dataclass(frozen=True, kw_only=True)
class PartSpec:
    """What one party gets of a trade, out of the ledger's `account` of `owner` (None: the platform).

    Without `royalty` it is released with the merchant's money (a seller who settles through his co-op);
    with it, it is a fee that is shared to the owner's own bound account, within 30 % of the trade.
    """

    account: AccountKind
    amount_fen: int
    owner: UUID | None = None
    royalty: bool = False


def order_settlement(
    *, intent_reference: UUID, parts: Sequence[PartSpec], key: str, memo: str = ""
) -> SettlementInstruction:
    """Orders that a paid intent's trade is settled by `parts`; SettlementDone or SettlementRefused follows.

    Runs in the caller's transaction, after the parts were earned (`ledger.settle`). The same `key` is the
    same settlement. A trade may be settled in several instructions.
    Raises NoSuchPayment, GroupIncomplete, NoTradeToSettle (cash), KeyReused, SettlementTooLarge,
    RoyaltyTooLarge, InvalidInput, ledger's Overdrawn.
    """
    wanted = _merged(parts)
    with transaction.atomic():
        intent, attempt = _paid_trade(intent_reference)
        earlier: SettlementInstruction | None = SettlementInstruction.objects.filter(key=key).first()
        if earlier is not None:
            return _same(earlier, intent, wanted)
        _check_parts(intent, wanted)
        _check_limits(intent, attempt, wanted)
        made: SettlementInstruction = SettlementInstruction.objects.create(
            intent=intent,
            attempt=attempt,
            key=key,
            amount_fen=sum(part.amount_fen for part in wanted),
            memo=memo[:100],
            created_at=clock.now(),
            next_try_at=clock.wall(),
        )
        SettlementLine.objects.bulk_create(_lines(made, wanted))
        PaymentIntent.objects.filter(pk=intent.pk).update(
            settled_fen=F("settled_fen") + made.amount_fen, shared_fen=F("shared_fen") + _royalty(wanted)
        )
        _post_ordered(made, intent, wanted)
    return made


def ledger_source(row: SettlementInstruction) -> str:
    return str(row.intent.group.provider)


def claims_of(lines: Iterable[SettlementLine]) -> dict[tuple[AccountKind, UUID | None], int]:
    """(payable, owner) -> fen; the platform's own income is no claim."""
    claims: dict[tuple[AccountKind, UUID | None], int] = defaultdict(int)
    for line in lines:
        if AccountKind(line.account) in PAYABLE:
            claims[AccountKind(line.account), line.owner_uuid] += line.amount_fen
    return dict(claims)


def _merged(parts: Sequence[PartSpec]) -> list[PartSpec]:
    sums: dict[tuple[AccountKind, UUID | None, bool], int] = defaultdict(int)
    for part in parts:
        if part.amount_fen < 0:
            raise InvalidInput(N_("结算金额不能为负"), field="parts")
        sums[part.account, part.owner, part.royalty] += part.amount_fen
    wanted = [
        PartSpec(account=account, owner=owner, royalty=royalty, amount_fen=amount_fen)
        for (account, owner, royalty), amount_fen in sums.items()
        if amount_fen
    ]
    if not wanted:
        raise InvalidInput(N_("没有可结算的金额"), field="parts")
    return wanted


def _paid_trade(intent_reference: UUID) -> tuple[PaymentIntent, Attempt]:
    """The paid intent and its trade, read under the group's lock."""
    paid = PaymentIntent.objects.filter(reference=intent_reference, status=IntentStatus.SUCCEEDED)
    found = paid.order_by("-pk").values_list("pk", "group_id").first()
    if found is None:
        raise NoSuchPayment
    lock_group(found[1])
    intent: PaymentIntent = PaymentIntent.objects.select_related("group").get(pk=found[0])
    if intent.group.status != GroupStatus.SUCCEEDED:
        raise GroupIncomplete  # all or none: this part may still have to go back
    attempt: Attempt | None = intent.attempts.filter(status=AttemptStatus.SUCCEEDED).first()
    if attempt is None:
        raise NoTradeToSettle
    return intent, attempt


def _same(
    earlier: SettlementInstruction, intent: PaymentIntent, wanted: Sequence[PartSpec]
) -> SettlementInstruction:
    stands = {
        (AccountKind(line.account), line.owner_uuid, line.royalty, line.amount_fen)
        for line in earlier.lines.all()
    }
    asked = {(part.account, part.owner, part.royalty, part.amount_fen) for part in wanted}
    if earlier.intent_id != intent.pk or stands != asked:
        raise KeyReused
    return earlier


def _check_parts(intent: PaymentIntent, wanted: Sequence[PartSpec]) -> None:
    """Released money is the merchant's: income of ours can only be a fee, unless the trade is our own."""
    for part in wanted:
        if part.account not in PAYABLE + INCOME:
            raise InvalidInput(N_("这个账户不能结算"), field="parts")
        if part.royalty:
            continue
        if (part.account in INCOME) != (intent.merchant_uuid is None):
            raise InvalidInput(
                N_("平台收入只能以分账方式结算，他人应得不能从平台自己的交易中结算"), field="parts"
            )


def _check_limits(intent: PaymentIntent, attempt: Attempt, wanted: Sequence[PartSpec]) -> None:
    left_fen = intent.captured_fen - intent.refunded_fen - intent.settled_fen
    if sum(part.amount_fen for part in wanted) > left_fen:
        raise SettlementTooLarge(field="parts", params={"left_yuan": format_yuan(left_fen)})
    fees_left = intent.captured_fen * ROYALTY_CAP_PERCENT // 100 - intent.shared_fen
    if _royalty(wanted) > fees_left:
        raise RoyaltyTooLarge(field="parts", params={"left_yuan": format_yuan(fees_left)})
    asked = SettlementLine.objects.filter(instruction__attempt=attempt, royalty=True)
    requests = asked.values("instruction_id").annotate(last=Max("batch")).values_list("last", flat=True)
    if sum(last + 1 for last in requests) + _requests(wanted) > REQUESTS_PER_TRADE:
        raise InvalidInput(N_("这笔交易的分账次数已用完"), field="parts")


def _royalty(wanted: Sequence[PartSpec]) -> int:
    return sum(part.amount_fen for part in wanted if part.royalty)


def _requests(wanted: Sequence[PartSpec]) -> int:
    receivers = {part.owner for part in wanted if part.royalty}
    return -(-len(receivers) // RECEIVERS_PER_REQUEST)


def _lines(row: SettlementInstruction, wanted: Sequence[PartSpec]) -> list[SettlementLine]:
    """Fees of one receiver travel in one request, so that a request names at most five receivers."""
    receivers = list(dict.fromkeys(part.owner for part in wanted if part.royalty))
    return [
        SettlementLine(
            instruction=row,
            account=part.account,
            owner_uuid=part.owner,
            amount_fen=part.amount_fen,
            royalty=part.royalty,
            batch=receivers.index(part.owner) // RECEIVERS_PER_REQUEST if part.royalty else 0,
        )
        for part in wanted
    ]


def _post_ordered(row: SettlementInstruction, intent: PaymentIntent, wanted: Sequence[PartSpec]) -> None:
    payable = [part for part in wanted if part.account in PAYABLE]
    if not payable:
        return
    entries = [debit(part.account, part.amount_fen, part.owner) for part in payable]
    entries += [credit(AccountKind.SETTLING, part.amount_fen, part.owner) for part in payable]
    post(
        kind="settlement_ordered",
        key=row.uuid.hex,
        occurred_at=clock.now(),
        source=ledger_source(row),
        reference=str(intent.reference),
        memo=row.memo,
        entries=entries,
    )
