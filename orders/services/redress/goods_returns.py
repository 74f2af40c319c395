"""Goods sent back without a reason (七天无理由): asked, handed back, refunded.

    asked -> refunded                          handed back as it was sent: the money goes back at once
    asked -> disputed -> refunded | refused    opened or damaged: the platform decides within the refund clock
    asked -> ended                             not handed back in time
    disputed, clock over -> refunded           silence never keeps the buyer's money

The way back is a station's counter or the courier whose firm brought it. The delivery fee stays paid: the
buyer pays the way (Consumer Law 25).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from farmers.models import Station
from marketplace.custody.services import Content, Holder, create_unit
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, DomainError, Expired, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from orders.models import Claim, Fulfilment, GoodsReturn, Line, RefundReason, ReturnStatus
from orders.return_rules import ReturnRule, frozen_rule, returnable_until, returned_fen
from orders.services.access import actor_uuid
from orders.services.locking import LockedOrder, lock_order_of_line
from orders.services.notices import tell
from orders.services.reading import order_for
from orders.services.redress.claims import require_recipient
from orders.services.redress.refunding import refund_line_money
from orders.services.settlement.payouts import OPEN_CLAIMS
from orders.services.settlement.settling import last_carrier, last_vehicle
from orders.states import LineStatus

log = logging.getLogger(__name__)
MAX_NOTE, MAX_SHOWN, AT_ONCE = 200, 200, 200


@dataclass(frozen=True, slots=True)
class ReturnWays:
    """To whom a line may be handed back."""

    stations: list[Station]
    courier: bool


def ask_return(
    *, principal: Principal, line_uuid: UUID, quantity: int, station_uuid: UUID | None = None
) -> GoodsReturn:
    """The recipient sends `quantity` of a line back: to a station, or (none named) to the courier.

    Raises NotFound for other people's lines and unknown stations, InvalidInput, Conflict before pickup, for
    goods without the rule, under a claim, or asked twice; Expired after the last day.
    """
    with transaction.atomic():
        locked = lock_order_of_line(uuid=line_uuid)
        line = locked.line(line_uuid)
        require_recipient(principal, locked.order, field="line_id")
        part = locked.fulfilment(line.fulfilment.uuid)
        rule = _checked_rule(line, part)
        require_between(quantity, 1, line.quantity - line.short_quantity, "quantity")
        made: GoodsReturn = GoodsReturn.objects.create(
            line=line,
            quantity=quantity,
            asked_by_uuid=actor_uuid(principal),
            asked_at=clock.now(),
            bring_by=clock.now() + timedelta(days=rule.bring_within_days),
            **_receiver(part, station_uuid),
        )
    return made


def receive_return(
    *, principal: Principal, return_uuid: UUID, intact: bool, note: str = "", gross_g: int
) -> GoodsReturn:
    """The counter or the courier takes the goods: a parcel in custody, and the money back if they are intact.

    With `intact` false `note` says what is wrong, and the platform decides. Receiving twice is the same.
    Raises NotFound for whom it is not addressed to, InvalidInput, Conflict when it has ended.
    """
    if not intact and not 1 <= len(note.strip()) <= MAX_NOTE:
        raise InvalidInput(N_("请写明商品的问题（200 字以内）"), field="note")
    require_between(gross_g, 1, 200_000, "gross_g")
    with transaction.atomic():
        locked, row = _locked(return_uuid)
        if not _may_receive(principal, row):
            raise NotFound(field="return_id")
        if row.received_at is not None:
            return row
        if row.status != ReturnStatus.ASKED:
            raise Conflict(N_("这个退货已经结束"), field="return_id")
        rule = frozen_rule(row.line.listing)
        days = rule.refund_within_days if rule else 0
        _save(
            row,
            unit_uuid=_parcel(row, principal, gross_g=gross_g),
            received_at=clock.now(),
            received_by_uuid=principal.user_uuid,
            refund_by=clock.now() + timedelta(days=days),
            note=note.strip(),
        )
        if intact:
            _pay_back(locked, row, by=principal.user_uuid)
        else:
            _save(row, status=ReturnStatus.DISPUTED)
    return row


def decide_return(*, principal: Principal, return_uuid: UUID, refund: bool, note: str = "") -> GoodsReturn:
    """The platform decides about goods that came back damaged.

    Raises Forbidden, NotFound, Conflict, InvalidInput without a reason for keeping the money.
    """
    principal.require("platform")
    if not refund and not 1 <= len(note.strip()) <= MAX_NOTE:
        raise InvalidInput(N_("请写明不退款的原因（200 字以内）"), field="note")
    with transaction.atomic():
        locked, row = _locked(return_uuid)
        if row.status != ReturnStatus.DISPUTED:
            raise Conflict(N_("这个退货不需要复核"), field="return_id")
        if refund:
            _pay_back(locked, row, by=principal.user_uuid)
        else:
            _save(
                row, status=ReturnStatus.REFUSED, note=note.strip(), ended_at=clock.now(),
                decided_by_uuid=principal.user_uuid,
            )  # fmt: skip
            tell(locked.order, "return_refused", {"number": locked.order.number, "answer": note.strip()})
    return row


def end_due_returns() -> int:
    """What was not brought ends; what nobody decided about in time is refunded. Gives how many."""
    late = Q(status=ReturnStatus.ASKED, bring_by__lte=clock.now())
    undecided = Q(status=ReturnStatus.DISPUTED, refund_by__lte=clock.now())
    count = 0
    for uuid in list(GoodsReturn.objects.filter(late | undecided).values_list("uuid", flat=True)[:AT_ONCE]):
        try:
            with transaction.atomic():
                count += _end(uuid)
        except DomainError as error:
            log.warning("return %s stays open: %s", uuid, error)
    return count


def returns_of_order(*, principal: Principal, order_uuid: UUID) -> list[GoodsReturn]:
    """For its recipient and the platform. Raises NotFound."""
    order_for(principal=principal, order_uuid=order_uuid)
    return list(_rows().filter(line__order__uuid=order_uuid).order_by("pk"))


def return_ways(*, principal: Principal, line_uuid: UUID) -> ReturnWays:
    """Who may take a line back: the courier where one brought it, and the counters of the county that it was
    delivered in, the one where it was collected first; all counters where the county has none.

    Raises NotFound for other people's lines.
    """
    rows = Line.objects.select_related("order__buyer", "order__agent_station", "fulfilment__destination")
    line: Line | None = rows.filter(uuid=line_uuid).first()
    if line is None:
        raise NotFound(field="line_id")
    require_recipient(principal, line.order, field="line_id")
    place = line.fulfilment.destination
    stations = Station.objects.filter(active=True).select_related("place__county", "county", "hub")
    near = stations.filter(place__county=place.county_id)
    found = list(near.order_by("code")[:MAX_SHOWN]) or list(stations.order_by("code")[:MAX_SHOWN])
    found.sort(key=lambda station: station.place_id != place.pk)
    return ReturnWays(stations=found, courier=last_carrier(line.fulfilment.unit_uuid) is not None)


def returns_to_receive(*, principal: Principal) -> list[GoodsReturn]:
    """What will be handed to the asker's stations and firms; for the platform also what it has to decide."""
    addressed = Q(station__uuid__in=principal.scopes("information_officer")) | Q(
        carrier_uuid__in=principal.scopes("courier")
    )
    wanted = Q(status=ReturnStatus.ASKED) & addressed
    if principal.has("platform"):
        wanted = Q(status__in=[ReturnStatus.ASKED, ReturnStatus.DISPUTED])
    return list(_rows().filter(wanted).order_by("bring_by", "pk")[:MAX_SHOWN])


def _checked_rule(line: Line, part: Fulfilment) -> ReturnRule:
    """Under the order's lock, from the rows as they are now. Raises what `checked_window` raises."""
    rule, _ = checked_window(
        line,
        part,
        under_claim=Claim.objects.filter(line=line, status__in=OPEN_CLAIMS).exists(),
        returned=GoodsReturn.objects.filter(line=line).exists(),
    )
    return rule


def checked_window(
    line: Line, part: Fulfilment, *, under_claim: bool, returned: bool
) -> tuple[ReturnRule, datetime]:
    """The rule under which the line may be sent back now, and the end of the time to say so.

    Raises Conflict or Expired: the one reason why not.
    """
    rule = frozen_rule(line.listing)
    if rule is None:
        raise Conflict(N_("鲜活易腐商品不支持七天无理由退货"), field="line_id", code="not_returnable")
    if line.status != LineStatus.COLLECTED or part.collected_at is None:
        raise Conflict(N_("取货之后才能申请退货"), field="line_id")
    until = returnable_until(rule, received_at=part.collected_at)
    if clock.now() >= until:
        raise Expired(N_("七天无理由退货期已过"), field="line_id")
    if not line.kept_fen:
        raise Conflict(N_("这一行已经全部退款"), field="line_id")
    if under_claim:
        raise Conflict(N_("这一行正在售后处理中"), field="line_id", code="under_claim")
    if returned:
        raise Conflict(N_("这一行已经申请过退货"), field="line_id", code="already_returned")
    return rule, until


def _receiver(part: Fulfilment, station_uuid: UUID | None) -> dict[str, object]:
    if station_uuid is not None:
        station = Station.objects.filter(uuid=station_uuid).first()
        if station is None:
            raise NotFound(field="station_id")
        return {"station": station}
    carrier = last_carrier(part.unit_uuid)
    if carrier is None:
        raise Conflict(N_("这件货不是配送员送的，请选择一个站点交回"), field="station_id")
    return {"carrier_uuid": carrier}


def _may_receive(principal: Principal, row: GoodsReturn) -> bool:
    if row.station is not None:
        return principal.has("information_officer", row.station.uuid)
    return row.carrier_uuid is not None and principal.has("courier", row.carrier_uuid)


def _parcel(row: GoodsReturn, principal: Principal, *, gross_g: int) -> UUID:
    """From here on the custody chain says who has the goods."""
    part = row.line.fulfilment
    if row.station is not None:
        holder = Holder("station", row.station.uuid)
    else:  # the firm's van that brought it
        vehicle = last_vehicle(part.unit_uuid)
        assert vehicle is not None  # held by `_receiver`
        holder = Holder("vehicle", vehicle)
    unit = create_unit(
        kind="parcel",
        zone=part.zone,
        gross_g=gross_g,
        volume_ml=part.volume_ml,
        size=part.size,
        holder=holder,
        reference=row.uuid,
        contents=[Content(kind="lot", uuid=row.line.lot.uuid, grams=gross_g)],
        place_uuid=row.station.place.uuid if row.station else part.destination.uuid,
        actor_uuid=principal.user_uuid,
    )
    return unit.uuid


def _pay_back(locked: LockedOrder, row: GoodsReturn, *, by: UUID | None) -> None:
    line = locked.line(row.line.uuid)
    made = refund_line_money(
        locked,
        line,
        amount_fen=due_fen(row, line),
        reason=RefundReason.RETURN,
        key=f"return:{row.uuid}",
        by=by,
    )
    _save(row, status=ReturnStatus.REFUNDED, refund=made, ended_at=clock.now(), decided_by_uuid=by)


def due_fen(row: GoodsReturn, line: Line | None = None) -> int:
    """What the buyer gets back for the part that he returns, of what he has paid and kept."""
    line = line or row.line
    return returned_fen(kept_fen=line.kept_fen, quantity=row.quantity, of=line.quantity - line.short_quantity)


def _end(uuid: UUID) -> bool:
    locked, row = _locked(uuid)
    if row.status == ReturnStatus.ASKED and row.bring_by <= clock.now():
        _save(row, status=ReturnStatus.ENDED, ended_at=clock.now())
        return True
    if row.status == ReturnStatus.DISPUTED and row.refund_by and row.refund_by <= clock.now():
        _pay_back(locked, row, by=None)
        return True
    return False


def _rows() -> "QuerySet[GoodsReturn]":
    rows: QuerySet[GoodsReturn] = GoodsReturn.objects.select_related(
        "line__order", "line__lot", "line__fulfilment__destination", "station__place", "refund"
    )
    return rows


def _locked(return_uuid: UUID) -> tuple[LockedOrder, GoodsReturn]:
    """The order of a return under its lock, and the return as it is now. Raises NotFound."""
    line = GoodsReturn.objects.filter(uuid=return_uuid).values_list("line__uuid", flat=True).first()
    if line is None:
        raise NotFound(field="return_id")
    locked = lock_order_of_line(uuid=line, field="return_id")
    return locked, _rows().get(uuid=return_uuid)


def _save(row: GoodsReturn, **changes: object) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))
