"""Carrying out a settlement at the provider: one step at a time, each step's number committed before it."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, QuerySet

from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict
from marketplace.outbox.publishing import publish
from orders.ledger.accounts import AccountKind
from orders.ledger.services import Entry, credit, debit, post
from orders.payments.errors import ProviderAway
from orders.payments.events import SettlementDone, SettlementRefused
from orders.payments.gateways.base import Answer, Outcome, Share
from orders.payments.gateways.registry import gateway
from orders.payments.models import (
    PaymentIntent,
    Refund,
    SettlementInstruction,
    SettlementLine,
    SettlementReturn,
)
from orders.payments.services.calls import record_call, wait_until
from orders.payments.services.locking import lock_group, move
from orders.payments.services.receivers import accounts_of, forget_bindings
from orders.payments.services.settlements import claims_of, ledger_source
from orders.payments.states import RefundStatus, SettlementStatus

log = logging.getLogger(__name__)
#: the provider's: between a payment or release and the first share, and between two shares of one trade
SHARE_AFTER, SHARES_APART = timedelta(seconds=30), timedelta(seconds=3)
REFUND_FIRST = timedelta(seconds=5)
FIRST_TRY_S, LONGEST_TRY_S = 5.0, 1800.0
NOT_BOUND = ("ACQ.ROYALTY_RELATION_NOT_EXIST", "ACQ.ROYALTY_ACCOUNT_NOT_EXIST")


def send_settlement(instruction_id: int) -> SettlementStatus:
    """The next step at the provider. Never inside a transaction; the request numbers make repeats safe."""
    row = _read(instruction_id)
    if row.status == SettlementStatus.ORDERED:
        _release(row)
    elif row.status == SettlementStatus.CONFIRMED:
        _share(row)
    return SettlementStatus(_read(instruction_id).status)


def _read(instruction_id: int) -> SettlementInstruction:
    rows = SettlementInstruction.objects.select_related("intent__group", "attempt")
    found: SettlementInstruction = rows.get(pk=instruction_id)
    return found


def _release(row: SettlementInstruction) -> None:
    """settle.confirm of the whole sum. Our own trades wait for nobody: their money is ours already."""
    if _refund_first(row):
        _again_at(row, clock.wall() + REFUND_FIRST)
        return
    if not row.attempt.sub_merchant_id:
        _record_confirmed(row)
        return
    answer = gateway().settle_confirm(
        trade_no=row.attempt.trade_no,
        request_no=row.confirm_no,
        amount_fen=row.amount_fen,
        merchant_id=row.attempt.sub_merchant_id,
        hold=row.lines.filter(royalty=True).exists(),
    )
    _keep_call(row, "settle_confirm", row.confirm_no, answer)
    if answer.outcome is Outcome.DONE:
        _record_confirmed(row)
    elif answer.outcome is Outcome.REFUSED:
        _record_refused(row, why=answer.sub_code)
    else:
        _try_later(row, why=answer.sub_code or answer.message)


def _share(row: SettlementInstruction) -> None:
    """order.settle of the next five receivers; `final` frees what was held back for sharing."""
    waiting = list(row.lines.filter(royalty=True, paid_at=None).order_by("batch", "pk"))
    if not waiting:
        _record_done(row)
        return
    batch = waiting[0].batch
    lines = [line for line in waiting if line.batch == batch]
    try:
        accounts = accounts_of(line.owner_uuid for line in lines)
    except (ProviderAway, Conflict) as error:  # not bound yet, or his registration is still in review
        _try_later(row, why=error.error_code)
        return
    if not _may_ask(row):
        return
    answer = gateway().share(
        trade_no=row.attempt.trade_no,
        request_no=row.share_no(batch),
        shares=_shares(lines, accounts),
        final=waiting[-1].batch == batch,
    )
    _keep_call(row, "share", row.share_no(batch), answer)
    if answer.outcome is Outcome.UNKNOWN:
        answer = gateway().query_share(trade_no=row.attempt.trade_no, request_no=row.share_no(batch))
        _keep_call(row, "query_share", row.share_no(batch), answer)
        if answer.outcome is not Outcome.DONE:
            _try_later(row, why=answer.sub_code or answer.message)
            return
    if answer.outcome is Outcome.DONE:
        _record_shared(row, batch)
    elif answer.sub_code in NOT_BOUND:
        forget_bindings(line.owner_uuid for line in lines)
        _try_later(row, why=answer.sub_code)
    else:
        _record_refused(row, why=answer.sub_code)


def _shares(lines: Sequence[SettlementLine], accounts: dict[UUID | None, str]) -> list[Share]:
    """One share per receiver, in a fixed order: a repeat must be the same to the letter."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[accounts[line.owner_uuid]] += line.amount_fen
    return [
        Share(receiver_id=account, amount_fen=fen, note="服务费") for account, fen in sorted(sums.items())
    ]


def _refund_first(row: SettlementInstruction) -> bool:
    """Refund before split. Older ones only (uuid7), and none that waits for this very settlement."""
    pending = Refund.objects.filter(attempt=row.attempt, status=RefundStatus.PENDING, uuid__lt=row.uuid)
    return pending.exclude(returns__line__instruction=row).exists()


def _may_ask(row: SettlementInstruction) -> bool:
    """Takes the trade's next sharing slot, three seconds after the last one, committed before the call."""
    with transaction.atomic():
        lock_group(row.intent.group_id)
        trade = SettlementInstruction.objects.filter(attempt=row.attempt)
        last: datetime | None = trade.aggregate(at=Max("asked_at"))["at"]
        if last is not None and clock.wall() < last + SHARES_APART:
            _again_at(row, last + SHARES_APART)
            return False
        SettlementInstruction.objects.filter(pk=row.pk).update(asked_at=clock.wall())
    return True


def _record_confirmed(row: SettlementInstruction) -> None:
    """ordered -> confirmed: the merchant has his part, settling -> provider_clearing."""
    with transaction.atomic():
        lock_group(row.intent.group_id)
        if not move(
            row, SettlementStatus.CONFIRMED, confirmed_at=clock.wall(), tries=0, failure="",
            next_try_at=clock.wall() + SHARE_AFTER,
        ):  # fmt: skip
            return
        _record_paid(row, row.lines.filter(royalty=False), kind="paid_out", key=row.confirm_no)
        if not row.lines.filter(royalty=True).exists():
            _record_done(row)


def _record_shared(row: SettlementInstruction, batch: int) -> None:
    """Each fee is at its receiver; after the last batch the settlement is done."""
    with transaction.atomic():
        lock_group(row.intent.group_id)
        if SettlementInstruction.objects.get(pk=row.pk).status != SettlementStatus.CONFIRMED:
            return
        lines = row.lines.filter(royalty=True, batch=batch)
        _record_paid(row, lines, kind="fee_shared", key=row.share_no(batch))
        SettlementInstruction.objects.filter(pk=row.pk).update(
            tries=0, failure="", next_try_at=clock.wall() + SHARES_APART
        )
        if not row.lines.filter(royalty=True, paid_at=None).exists():
            _record_done(row)


def _record_paid(
    row: SettlementInstruction, lines: "QuerySet[SettlementLine]", *, kind: str, key: str
) -> None:
    """Under the group's lock: claims end, the platform's own part is in its own account."""
    paid = list(lines.order_by("pk"))
    claims = claims_of(paid)
    entries = [debit(AccountKind.SETTLING, fen, owner) for (_, owner), fen in claims.items()]
    total = sum(line.amount_fen for line in paid)
    if total:
        entries.append(debit(AccountKind.PLATFORM_BALANCE, total - sum(claims.values())))
        entries.append(credit(AccountKind.PROVIDER_CLEARING, total))
        _post(row, kind=kind, key=key, entries=entries)
    lines.filter(paid_at=None).update(paid_at=clock.wall())


def _record_done(row: SettlementInstruction) -> None:
    with transaction.atomic():
        lock_group(row.intent.group_id)
        if move(row, SettlementStatus.DONE, ended_at=clock.now(), next_try_at=None, failure=""):
            done = SettlementDone(
                settlement=row.uuid,
                intent_reference=row.intent.reference,
                key=row.key,
                amount_fen=row.amount_fen,
            )
            publish(done, aggregate_kind="payment_group", aggregate_uuid=row.intent.group.uuid)


def _record_refused(row: SettlementInstruction, *, why: str) -> None:
    """What was not carried out is owed again by us; what was released all the same is the merchant's debt."""
    with transaction.atomic():
        lock_group(row.intent.group_id)
        if not move(row, SettlementStatus.REFUSED, ended_at=clock.now(), next_try_at=None, failure=why[:60]):
            return
        log.error("settlement %s refused by the provider: %s", row.uuid, why)
        lines = list(row.lines.filter(paid_at=None))
        left_fen = sum(line.amount_fen - line.returned_fen for line in lines)
        fees_fen = sum(line.amount_fen - line.returned_fen for line in lines if line.royalty)
        _post_refused(row, lines)
        released = row.confirmed_at is not None
        PaymentIntent.objects.filter(pk=row.intent_id).update(
            settled_fen=F("settled_fen") - (0 if released else left_fen),
            shared_fen=F("shared_fen") - fees_fen,
        )
        if released:
            _hand_to_merchant(row)
        else:  # nothing left the provider, so no refund finds anything to take back
            SettlementReturn.objects.filter(line__instruction=row).delete()
        refused = SettlementRefused(
            settlement=row.uuid,
            intent_reference=row.intent.reference,
            key=row.key,
            amount_fen=sum(line.amount_fen for line in lines),
            why=why,
        )
        publish(refused, aggregate_kind="payment_group", aggregate_uuid=row.intent.group.uuid)


def _post_refused(row: SettlementInstruction, lines: Sequence[SettlementLine]) -> None:
    claims = claims_of(lines)
    entries = [debit(AccountKind.SETTLING, fen, owner) for (_, owner), fen in claims.items()]
    entries += [credit(account, fen, owner) for (account, owner), fen in claims.items()]
    merchant = row.intent.merchant_uuid
    if row.confirmed_at is not None and merchant is not None:
        kept_fen = sum(line.amount_fen for line in lines)
        entries.append(debit(AccountKind.SELLER_DEBT, kept_fen, merchant))
        entries.append(credit(AccountKind.PROVIDER_CLEARING, kept_fen))
    if any(entry.amount_fen for entry in entries):
        _post(row, kind="settlement_refused", key=row.uuid.hex, entries=entries)


def _hand_to_merchant(row: SettlementInstruction) -> None:
    """The fees that could not be shared stayed in the merchant's account: a refund will find them there."""
    row.lines.filter(paid_at=None).update(
        account=AccountKind.SELLER_PAYABLE,
        owner_uuid=row.intent.merchant_uuid,
        royalty=False,
        paid_at=clock.wall(),
    )


def _post(row: SettlementInstruction, *, kind: str, key: str, entries: Sequence[Entry]) -> None:
    post(
        kind=kind,
        key=key,
        occurred_at=clock.now(),
        source=ledger_source(row),
        reference=str(row.intent.reference),
        memo=row.memo,
        entries=entries,
    )


def _keep_call(row: SettlementInstruction, operation: str, number: str, answer: Answer) -> None:
    record_call(
        operation=operation, number=number, result=answer.outcome, reason=answer.sub_code or answer.message
    )


def _try_later(row: SettlementInstruction, *, why: str) -> None:
    next_try = wait_until(tries=row.tries, first_s=FIRST_TRY_S, longest_s=LONGEST_TRY_S)
    SettlementInstruction.objects.filter(pk=row.pk, status=row.status).update(
        tries=F("tries") + 1, next_try_at=next_try, failure=why[:60]
    )


def _again_at(row: SettlementInstruction, moment: datetime) -> None:
    SettlementInstruction.objects.filter(pk=row.pk, status=row.status).update(next_try_at=moment)
