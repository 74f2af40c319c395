"""The settlement run: when the claim window of a collected parcel ends, its sellers are paid out (D7, D14).

Nobody's money passes through us: each row becomes one instruction to the provider (payments'
`order_settlement`), which releases the trade to its own merchant and shares the fees out of it. The farmer's
part is never a share. A row that fails waits and is tried again; the others go on.
"""

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from orders.claim_rules import window_for
from orders.ledger.accounts import AccountKind
from orders.models import (
    Claim,
    ClaimStatus,
    Fulfilment,
    GoodsReturn,
    Line,
    Order,
    PaymentMethod,
    Payout,
    PayoutStatus,
    ReturnStatus,
)
from orders.payments.services import PartSpec, order_settlement
from orders.services.locking import LockedOrder, lock_order_of_fulfilment
from orders.services.settlement.settling import goods_parts
from orders.states import LineStatus

log = logging.getLogger(__name__)
AT_ONCE = 200
FIRST_TRY, LONGEST_TRY = timedelta(minutes=1), timedelta(hours=6)
OPEN_CLAIMS = (ClaimStatus.OPEN, ClaimStatus.APPEALED)
OPEN_RETURNS = (ReturnStatus.ASKED, ReturnStatus.DISPUTED)
#: what somebody must look at: a seller's money that the provider would not release
REFUSED = "payout_refused"


def plan_payouts(locked: LockedOrder, part: Fulfilment, *, at: datetime) -> None:
    """One row per seller of a parcel collected `at`, and one for the delivery; a repeat finds them there."""
    groups: dict[UUID, list[Line]] = defaultdict(list)
    for line in locked.lines_of(part):
        if line.status == LineStatus.COLLECTED:
            groups[line.merchant_uuid].append(line)
    cash = locked.order.payment == PaymentMethod.CASH
    status = PayoutStatus.CASH if cash else PayoutStatus.WAITING
    rows = [
        Payout(
            fulfilment=part,
            merchant_uuid=merchant,
            intent_reference=lines[0].intent_reference,
            due_at=at + max(window_of(line) for line in lines),
            status=status,
        )
        for merchant, lines in groups.items()
    ]
    if part.delivery_fen and locked.order.delivery_intent is not None:
        rows.append(
            Payout(
                fulfilment=part,
                merchant_uuid=None,
                intent_reference=locked.order.delivery_intent,
                due_at=at,
                status=status,
            )
        )
    Payout.objects.bulk_create(rows, ignore_conflicts=True)


def window_of(line: Line) -> timedelta:
    """How long the buyer may claim for a line, from its pickup on."""
    return window_for(returnable=bool(line.listing.get("returnable")))


def pay_out_due() -> int:
    """Order every payout whose window is over; gives how many. Each is a transaction of its own."""
    ids = list(_due().order_by("due_at", "pk").values_list("pk", flat=True)[:AT_ONCE])
    return sum(_pay_out(pk) for pk in ids)


def note_settlement(*, settlement_uuid: UUID, why: str | None) -> None:
    """SettlementDone (no `why`), SettlementRefused: the row says so, and a refusal is shown to somebody."""
    row = Payout.objects.filter(settlement_uuid=settlement_uuid, status=PayoutStatus.ORDERED).first()
    if row is None:
        return
    with transaction.atomic():
        Payout.objects.filter(pk=row.pk, status=PayoutStatus.ORDERED).update(
            status=PayoutStatus.REFUSED if why is not None else PayoutStatus.DONE,
            failure=(why or "")[:60],
            ended_at=clock.now(),
        )
        if why is not None:
            Order.objects.filter(fulfilments=row.fulfilment_id).update(attention=REFUSED)


def _due() -> QuerySet[Payout]:
    """Waiting rows whose window is over and of whose lines none is under a claim or on its way back."""
    claimed = Claim.objects.filter(
        status__in=OPEN_CLAIMS,
        line__fulfilment=OuterRef("fulfilment"),
        line__merchant_uuid=OuterRef("merchant_uuid"),
    )
    coming_back = GoodsReturn.objects.filter(
        status__in=OPEN_RETURNS,
        line__fulfilment=OuterRef("fulfilment"),
        line__merchant_uuid=OuterRef("merchant_uuid"),
    )
    rows: QuerySet[Payout] = Payout.objects.filter(
        Q(next_try_at=None) | Q(next_try_at__lte=clock.wall()),
        ~Exists(claimed),
        ~Exists(coming_back),
        status=PayoutStatus.WAITING,
        due_at__lte=clock.now(),
    )
    return rows


def _pay_out(payout_id: int) -> bool:
    """One row, re-read under its order's lock: a claim that just came in, or another process, was first."""
    fulfilment: UUID = Payout.objects.values_list("fulfilment__uuid", flat=True).get(pk=payout_id)
    try:
        with transaction.atomic():
            locked = lock_order_of_fulfilment(uuid=fulfilment)
            row: Payout | None = _due().filter(pk=payout_id).first()
            if row is None:
                return False
            _order_settlement(locked, row)
    except DomainError as error:
        log.warning("payout %s waits: %s", payout_id, error)
        _try_later(payout_id, error.error_code)
        return False
    return True


def _order_settlement(locked: LockedOrder, row: Payout) -> None:
    parts = _parts(locked, row)
    if not parts:
        _save(row, status=PayoutStatus.NOTHING, ended_at=clock.now(), failure="")
        return
    made = order_settlement(
        intent_reference=row.intent_reference, parts=parts, key=f"payout:{row.uuid}", memo=locked.order.number
    )
    _save(
        row,
        status=PayoutStatus.ORDERED,
        settlement_uuid=made.uuid,
        amount_fen=made.amount_fen,
        ordered_at=clock.now(),
        failure="",
    )


def _parts(locked: LockedOrder, row: Payout) -> list[PartSpec]:
    """What is still kept of each line, as it was credited; fees are shares, the seller's part is not."""
    part = next(one for one in locked.fulfilments if one.pk == row.fulfilment_id)
    if row.merchant_uuid is None:
        # Our own trade: the whole fee is ours at the provider, the courier's part of it is owed to him.
        return [PartSpec(account=AccountKind.DELIVERY_INCOME, amount_fen=part.delivery_fen)]
    return [
        PartSpec(account=account, owner=owner, amount_fen=fen, royalty=account != AccountKind.SELLER_PAYABLE)
        for line in locked.lines_of(part)
        if line.merchant_uuid == row.merchant_uuid and line.status == LineStatus.COLLECTED
        for (account, owner), fen in goods_parts(locked.order, line, line.kept_fen).items()
    ]


def _try_later(payout_id: int, why: str) -> None:
    row: Payout = Payout.objects.get(pk=payout_id)
    wait = min(FIRST_TRY * 2 ** min(row.tries, 12), LONGEST_TRY)
    _save(row, tries=row.tries + 1, next_try_at=clock.wall() + wait, failure=why[:60])


def _save(row: Payout, **changes: object) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))
