"""坏果包赔 (C14): a photo and a share within the window; small ones are paid at once, the rest is answered.

    opened -> granted at once | open -> granted | refused -> appealed -> granted | refused
    nobody answers in time: granted

A fresh parcel that was fetched after its storage period is its recipient's own risk. While a claim is open
the seller's payout of that parcel waits (`payouts`).
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from farmers.models import Farmer
from farmers.services.files import own_file
from marketplace.accounts.models import Membership, Role
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, DomainError, Expired, InvalidInput, NotFound
from marketplace.kernel.money import format_yuan
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from marketplace.messages.services import send
from marketplace.outbox.publishing import publish
from orders import claim_rules
from orders.events import ClaimGranted
from orders.models import Claim, ClaimStatus, GoodsReturn, Line, Order, RefundReason
from orders.services.access import actor_uuid
from orders.services.locking import LockedOrder, lock_order_of_line
from orders.services.notices import tell
from orders.services.redress.refunding import refund_line_money
from orders.services.settlement.payouts import OPEN_CLAIMS, OPEN_RETURNS, window_of
from orders.states import LineStatus

log = logging.getLogger(__name__)
MAX_NOTE = 200
AT_ONCE = 200
MAX_SHOWN = 200


def open_claim(
    *, principal: Principal, line_uuid: UUID, percent: int, photo_uuid: UUID, note: str = ""
) -> Claim:
    """The recipient (or the station that bought for him) says how much of a line was bad.

    Paid at once under the limit; else the seller and his station are asked, and the claim stays open.
    Raises NotFound for anybody else's line or photo, InvalidInput, Conflict before pickup, after a late
    pickup, for a second claim or while the goods are being sent back, Expired after the window.
    """
    require_between(percent, 1, 100, "percent")
    if len(note.strip()) > MAX_NOTE:
        raise InvalidInput(N_("说明最多 200 字"), field="note")
    photo = own_file(principal=principal, file_uuid=photo_uuid, field="photo_id")
    if photo.purpose != "claim":
        raise NotFound(field="photo_id")
    with transaction.atomic():
        locked = lock_order_of_line(uuid=line_uuid)
        line = locked.line(line_uuid)
        require_recipient(principal, locked.order, field="line_id")
        _check_claimable(locked, line)
        claim: Claim = Claim.objects.create(
            line=line,
            percent=percent,
            note=note.strip(),
            photo=photo,
            asked_fen=claim_rules.asked_fen(kept_fen=line.kept_fen, percent=percent),
            opened_by_uuid=actor_uuid(principal),
            at=clock.now(),
            answer_by=clock.now() + claim_rules.ANSWER_WITHIN,
        )
        if _paid_at_once(claim):
            _grant(locked, claim, amount_fen=claim.asked_fen, answer="", by=None)
        else:
            _ask_sellers(claim)
    return claim


def claimable_until(line: Line) -> object:
    """End of the window of a collected line; None when no claim can be made (any more)."""
    part = line.fulfilment
    if line.status != LineStatus.COLLECTED or part.collected_at is None or not line.kept_fen:
        return None
    if claim_rules.collected_late(collected_at=part.collected_at, hold_until=part.hold_until):
        return None
    until = part.collected_at + window_of(line)
    return until if clock.now() <= until else None


def answer_claim(
    *, principal: Principal, claim_uuid: UUID, grant: bool, answer: str = "", amount_fen: int | None = None
) -> Claim:
    """The seller, his station or the platform grants (the whole, or less) or refuses with a reason.

    After an appeal only the platform answers. Raises NotFound, Conflict when it is answered, InvalidInput.
    """
    with transaction.atomic():
        locked, claim = _locked(claim_uuid)
        _require_answerer(principal, claim)
        if claim.status not in OPEN_CLAIMS:
            raise Conflict(N_("这个售后申请已经答复"), field="claim_id")
        if claim.status == ClaimStatus.APPEALED:
            principal.require("platform")
        if len(answer.strip()) > MAX_NOTE:
            raise InvalidInput(N_("说明最多 200 字"), field="answer")
        if grant:
            amount = claim.asked_fen if amount_fen is None else amount_fen
            require_between(amount, 1, claim.asked_fen, "amount_fen")
            _grant(locked, claim, amount_fen=amount, answer=answer.strip(), by=actor_uuid(principal))
        else:
            _refuse(locked, claim, answer=answer.strip(), by=actor_uuid(principal))
    return claim


def appeal_claim(*, principal: Principal, claim_uuid: UUID) -> Claim:
    """The recipient does not accept a refusal: the platform looks at it. Repeating it is the same.

    Raises NotFound, Conflict when it was not refused lately or the goods are being sent back meanwhile.
    """
    with transaction.atomic():
        locked, claim = _locked(claim_uuid)
        require_recipient(principal, locked.order, field="claim_id")
        if claim.status == ClaimStatus.APPEALED:
            return claim
        if claim.status != ClaimStatus.REFUSED or (claim.answered_at or claim.at) < clock.now() - timedelta(
            days=claim_rules.AT_ONCE_DAYS
        ):
            raise Conflict(N_("只有未通过的申请可以请平台复核"), field="claim_id")
        _require_not_coming_back(claim.line, field="claim_id")
        _save(claim, status=ClaimStatus.APPEALED)
    return claim


def grant_unanswered() -> int:
    """Silence grants: whoever sold it had his time. Gives how many; one that fails is left for the next."""
    due = Claim.objects.filter(status=ClaimStatus.OPEN, answer_by__lte=clock.now()).order_by("answer_by")
    count = 0
    for uuid in list(due.values_list("uuid", flat=True)[:AT_ONCE]):
        try:
            with transaction.atomic():
                locked, claim = _locked(uuid)
                if claim.status == ClaimStatus.OPEN:
                    _grant(locked, claim, amount_fen=claim.asked_fen, answer="", by=None)
                    count += 1
        except DomainError as error:
            log.warning("claim %s stays open: %s", uuid, error)
    return count


def claims_to_answer(*, principal: Principal) -> list[Claim]:
    """What waits for the asker: his own goods, those of his stations; for the platform all, appeals first."""
    rows: QuerySet[Claim] = Claim.objects.filter(status__in=OPEN_CLAIMS).select_related(
        "line__order", "line__fulfilment", "refund"
    )
    if not principal.has("platform"):
        farmers = [*principal.scopes("farmer")]
        stations = [*principal.scopes("information_officer")]
        rows = rows.filter(
            Q(line__seller_uuid__in=farmers)
            | Q(line__agent_station_uuid__in=stations)
            | Q(line__origin_station__uuid__in=stations)
        )
    return list(rows.order_by("status", "answer_by")[:MAX_SHOWN])


def claim_for(*, principal: Principal, claim_uuid: UUID) -> Claim:
    """A claim with its photo, for its recipient and for who answers it. Raises NotFound."""
    claim: Claim | None = (
        Claim.objects.select_related("line__order__buyer", "line__order__agent_station", "photo")
        .filter(uuid=claim_uuid)
        .first()
    )
    if claim is None:
        raise NotFound(field="claim_id")
    if not _is_recipient(principal, claim.line.order):
        _require_answerer(principal, claim)
    return claim


def warn_batch_mates(*, claim_uuid: UUID) -> int:
    """The first granted claim of a lot warns who else has it, while they may still claim; gives how many."""
    claim = Claim.objects.select_related("line__lot", "line__order").get(uuid=claim_uuid)
    earlier = Claim.objects.filter(line__lot=claim.line.lot, status=ClaimStatus.GRANTED, pk__lt=claim.pk)
    if earlier.exists():
        return 0
    mates = (
        Line.objects.filter(lot=claim.line.lot, status__in=[LineStatus.PACKED, LineStatus.COLLECTED])
        .exclude(order=claim.line.order)
        .select_related("order__buyer", "order__villager__user", "fulfilment")
    )
    orders: dict[int, Line] = {}
    for line in mates.order_by("pk"):
        if line.status == LineStatus.PACKED or claimable_until(line) is not None:
            orders.setdefault(line.order_id, line)
    for line in orders.values():
        params = {"number": line.order.number, "product": line.listing["product"]}
        tell(line.order, "claim_in_batch", params, reference=claim.uuid)
    return len(orders)


def _check_claimable(locked: LockedOrder, line: Line) -> None:
    part = locked.fulfilment(line.fulfilment.uuid)
    if line.status != LineStatus.COLLECTED or part.collected_at is None:
        raise Conflict(N_("取货之后才能申请售后"), field="line_id")
    if claim_rules.collected_late(collected_at=part.collected_at, hold_until=part.hold_until):
        raise Conflict(N_("超过保管期才取货，不能申请坏果包赔"), field="line_id", code="collected_late")
    if clock.now() > part.collected_at + window_of(line):
        raise Expired(N_("售后期已过"), field="line_id")
    if not line.kept_fen:
        raise Conflict(N_("这一行已经全部退款"), field="line_id")
    if Claim.objects.filter(line=line).exists():
        raise Conflict(N_("这一行已经申请过售后"), field="line_id", code="already_claimed")
    _require_not_coming_back(line, field="line_id")


def _require_not_coming_back(line: Line, *, field: str) -> None:
    """One way to the money at a time. Race: a claim and a return of one line; both hold the order's lock, so
    the later one finds the earlier.
    """
    if GoodsReturn.objects.filter(line=line, status__in=OPEN_RETURNS).exists():
        raise Conflict(N_("这一行正在退货，退货结束后才能申请售后"), field=field, code="being_returned")


def _paid_at_once(claim: Claim) -> bool:
    if claim.asked_fen > claim_rules.AT_ONCE_FEN:
        return False
    since = claim.at - timedelta(days=claim_rules.AT_ONCE_DAYS)
    recent = Claim.objects.filter(
        opened_by_uuid=claim.opened_by_uuid, status=ClaimStatus.GRANTED, answered_by_uuid=None, at__gte=since
    )
    return recent.count() < claim_rules.AT_ONCE_TIMES


def _grant(locked: LockedOrder, claim: Claim, *, amount_fen: int, answer: str, by: UUID | None) -> None:
    """The refund, then the word: a line that lost value meanwhile gives at most what is kept of it."""
    line = locked.line(claim.line.uuid)
    refund = refund_line_money(
        locked,
        line,
        amount_fen=min(amount_fen, line.kept_fen),
        reason=RefundReason.CLAIM,
        key=f"claim:{claim.uuid}",
        note=claim.note[:100],
        by=by,
    )
    if refund is None:
        _refuse(locked, claim, answer=answer, by=by, nothing_left=True)
        return
    _save(
        claim,
        status=ClaimStatus.GRANTED,
        answer=answer,
        answered_at=clock.now(),
        answered_by_uuid=by,
        refund=refund,
    )
    publish(
        ClaimGranted(claim=claim.uuid, lot=line.lot.uuid),
        aggregate_kind="order",
        aggregate_uuid=locked.order.uuid,
        actor_uuid=by,
    )


def _refuse(
    locked: LockedOrder, claim: Claim, *, answer: str, by: UUID | None, nothing_left: bool = False
) -> None:
    if not answer and not nothing_left:
        raise InvalidInput(N_("请写明不通过的原因"), field="answer")
    _save(claim, status=ClaimStatus.REFUSED, answer=answer, answered_at=clock.now(), answered_by_uuid=by)
    params = {"number": locked.order.number, "answer": answer}
    tell(locked.order, "claim_refused", params, reference=claim.uuid)


def _ask_sellers(claim: Claim) -> None:
    """The farmer, if he has an account, and the officers of his station."""
    line = claim.line
    seller = Farmer.objects.select_related("user").filter(uuid=line.seller_uuid).first()
    people = {seller.user.uuid} if seller and seller.user else set()
    station = line.agent_station_uuid or (line.origin_station.uuid if line.origin_station else None)
    scopes = Q(role=Role.FARMER, scope_uuid=line.seller_uuid)
    if station is not None:
        scopes |= Q(role=Role.INFORMATION_OFFICER, scope_uuid=station)
    people |= set(Membership.objects.filter(scopes).values_list("user__uuid", flat=True))
    params = {
        "product": line.listing["product"],
        "percent": claim.percent,
        "amount": format_yuan(claim.asked_fen),
        "until": claim.answer_by.astimezone(clock.SHANGHAI).strftime("%m-%d %H:%M"),
    }
    for user_uuid in sorted(people):
        send(template="claim_opened", params=params, to_user_uuid=user_uuid, reference=claim.uuid)


def _locked(claim_uuid: UUID) -> tuple[LockedOrder, Claim]:
    """The order of a claim under its lock, and the claim as it is now. Raises NotFound."""
    line = Claim.objects.filter(uuid=claim_uuid).values_list("line__uuid", flat=True).first()
    if line is None:
        raise NotFound(field="claim_id")
    locked = lock_order_of_line(uuid=line, field="claim_id")
    claim: Claim = Claim.objects.select_related("line__lot", "line__origin_station").get(uuid=claim_uuid)
    return locked, claim


def _is_recipient(principal: Principal, order: Order) -> bool:
    if order.buyer is not None:
        return order.buyer.uuid == principal.user_uuid
    station = order.agent_station
    return station is not None and bool(principal.scopes("information_officer") & {station.uuid})


def require_recipient(principal: Principal, order: Order, *, field: str) -> None:
    principal.require_signed_in()
    if not _is_recipient(principal, order):
        raise NotFound(field=field)


def _require_answerer(principal: Principal, claim: Claim) -> None:
    """The farmer, the station that sold for him or where he delivers, the platform. Others learn nothing."""
    line = claim.line
    stations = {line.agent_station_uuid, line.origin_station.uuid if line.origin_station else None} - {None}
    if principal.has("farmer", line.seller_uuid):
        return
    if any(principal.has("information_officer", station) for station in stations):
        return
    if not principal.has("platform"):
        raise NotFound(field="claim_id")


def _save(claim: Claim, **changes: object) -> None:
    for name, value in changes.items():
        setattr(claim, name, value)
    claim.save(update_fields=list(changes))
