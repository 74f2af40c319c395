"""What the road and the cabinets report about a fulfilment, and the recipient's taking it.

Each function answers one fact; hearing it twice changes nothing. Facts are physical: they are recorded
whatever we expected, and a fulfilment that already ended stays as it is.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from lockers.errors import NoRoom
from lockers.periods import free_until
from marketplace.kernel import clock
from marketplace.outbox.publishing import publish
from marketplace.places.models import Place
from orders.events import FulfilmentCollected
from orders.models import Fulfilment, RefundReason
from orders.services import road
from orders.services.locking import LockedOrder, lock_order_of_fulfilment, save
from orders.services.notices import tell, tell_ready, unserved_reason
from orders.services.redress.cancelling import cancel_fulfilment, follow_parts
from orders.services.settlement.payouts import plan_payouts
from orders.services.settlement.settling import settle_fulfilment
from orders.splitting import Way
from orders.states import BEFORE_PACKING, FULFILMENT_MOVES, FulfilmentStatus

#: what somebody must look at: a parcel that nobody came for
OVERDUE = "overdue"
#: a cell held anew is firmed in the same transaction; the time only has to lie ahead
KEEP_CELL = timedelta(minutes=15)
#: a parcel that no plan serves is tried again on the next day this often; then the money goes back
MAX_POSTPONED_DOWN = 3
MAX_POSTPONED_UP = 1


def is_ours(reference: UUID) -> bool:
    """Whether a reference of the road or the cabinets is one of our fulfilments."""
    return Fulfilment.objects.filter(uuid=reference).exists()


def note_planned(
    *, fulfilment_uuid: UUID, place_uuid: UUID, arrives_from: datetime | None, arrives_until: datetime | None
) -> None:
    """A published plan serves it, perhaps at another of the places that the buyer agreed to."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if part.status not in BEFORE_PACKING and part.status != FulfilmentStatus.PACKED:
            return
        changes: dict[str, object] = {"arrives_from": arrives_from, "arrives_until": arrives_until}
        if place_uuid != part.destination.uuid:
            changes["destination"] = place = Place.by_uuid(place_uuid)
            if part.status != FulfilmentStatus.FIRM:  # he was told of another place before
                told = {"number": locked.order.number, "place": place.name, "address": place.address}
                tell(locked.order, "place_changed", told, reference=part.uuid)
        if part.status == FulfilmentStatus.FIRM:
            locked.move_fulfilment(part, FulfilmentStatus.PLANNED, **changes)
        else:
            save(part, **changes)


def note_unserved(*, fulfilment_uuid: UUID, shipment_uuid: UUID, reason: str) -> None:
    """No plan serves it on its day: the next day if the goods bear it, else the money back."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        open_still = part.status in BEFORE_PACKING or part.status == FulfilmentStatus.PACKED
        if not open_still or part.shipment_uuid != shipment_uuid:
            return
        if may_wait(locked, part) and _postpone(locked, part, reason):
            return
        tell(
            locked.order,
            "unserved",
            {"number": locked.order.number, "reason": unserved_reason(locked.order, reason)},
        )
        cancel_fulfilment(locked, part, reason=RefundReason.UNSERVED)


def may_wait(locked: LockedOrder, part: Fulfilment) -> bool:
    """Goods down may wait three days; produce one, while every lot is good on the day after it arrives.

    A packed parcel that came back on the van has no cold place for the night: only ambient goods wait then.
    """
    if part.way == Way.DOWN:
        return part.postponed < MAX_POSTPONED_DOWN
    if part.postponed >= MAX_POSTPONED_UP:
        return False
    if part.status == FulfilmentStatus.PACKED and part.zone != "ambient":
        return False
    latest = part.deliver_on + timedelta(days=2)
    return all(line.lot.expires_on is None or line.lot.expires_on >= latest for line in locked.lines_of(part))


def _postpone(locked: LockedOrder, part: Fulfilment, reason: str) -> bool:
    """Ask the road again for the next day; False when no cell is left for it then."""
    next_day: date = part.deliver_on + timedelta(days=1)
    try:
        with transaction.atomic():
            road.move_to_day(part, next_day, expires_at=clock.now() + KEEP_CELL)
    except NoRoom:
        return False
    save(part, deliver_on=next_day, postponed=part.postponed + 1, arrives_from=None, arrives_until=None)
    if part.status == FulfilmentStatus.PLANNED:
        locked.move_fulfilment(part, FulfilmentStatus.FIRM)
    save(part, shipment_uuid=road.request(locked, part))
    params = {
        "number": locked.order.number,
        "reason": unserved_reason(locked.order, reason),
        "day": f"{next_day:%m-%d}",
    }
    tell(locked.order, "postponed", params)
    return True


def note_ready(
    *,
    fulfilment_uuid: UUID,
    place_uuid: UUID,
    at: datetime,
    compartment: str = "",
    in_cabinet: bool,
    until: datetime | None = None,
) -> None:
    """In a cabinet, or on a station's shelf: from now on the recipient may take it, and is told at once.

    `until` is what the cabinet says of its storage period.
    """
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        make_ready(
            locked,
            locked.fulfilment(fulfilment_uuid),
            place_uuid=place_uuid,
            at=at,
            compartment=compartment,
            in_cabinet=in_cabinet,
            until=until,
        )


def make_ready(
    locked: LockedOrder,
    part: Fulfilment,
    *,
    place_uuid: UUID,
    at: datetime,
    compartment: str = "",
    in_cabinet: bool,
    until: datetime | None = None,
) -> None:
    """The same for a locked order; quietly leaves what is ready already."""
    if not FULFILMENT_MOVES.allowed(part.status, FulfilmentStatus.READY):
        return
    if place_uuid != part.destination.uuid:
        save(part, destination=Place.by_uuid(place_uuid))
    group = road.open_group(locked.order, part)
    locked.move_fulfilment(
        part,
        FulfilmentStatus.READY,
        ready_since=at,
        hold_until=until or hold_until(locked, part, at),
        compartment=compartment,
        pickup_group_uuid=group.uuid,
    )
    tell_ready(part, code=road.code(group), in_cabinet=in_cabinet)


def hold_until(locked: LockedOrder, part: Fulfilment, at: datetime) -> datetime:
    """End of the free storage period at a counter, as long as a cabinet's."""
    return free_until(part.zone, at, keep_until=road.keep_until(locked, part))


def note_collected(*, fulfilment_uuid: UUID, at: datetime) -> None:
    """The recipient's own act: settle lines and delivery, complete the order when it was the last part."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        collect(locked, locked.fulfilment(fulfilment_uuid), at=at)


def collect(locked: LockedOrder, part: Fulfilment, *, at: datetime) -> None:
    """Settle and close one fulfilment of a locked order; quietly leave what is not ready."""
    if not FULFILMENT_MOVES.allowed(part.status, FulfilmentStatus.COLLECTED):
        return
    locked.move_fulfilment(part, FulfilmentStatus.COLLECTED, collected_at=at, held=False)
    settle_fulfilment(locked, part, at=at)
    plan_payouts(locked, part, at=at)
    publish(
        FulfilmentCollected(fulfilment=part.uuid, at=at),
        aggregate_kind="order",
        aggregate_uuid=locked.order.uuid,
        occurred_at=at,
    )
    tell(locked.order, "parcel_collected", {"number": locked.order.number})
    follow_parts(locked)


def note_held(*, fulfilment_uuid: UUID, breach_uuid: UUID) -> None:
    """Its cell got too warm: nobody takes it until somebody decides, and the recipient hears of it."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if FULFILMENT_MOVES.is_final(part.status) or part.held:
            return
        save(part, held=True, held_breach_uuid=breach_uuid)
        tell(locked.order, "parcel_held", {"place": part.destination.name}, reference=part.uuid)


def note_overdue(*, fulfilment_uuid: UUID) -> None:
    """Its free storage period is over: the recipient hears of it, and somebody has to see to the goods."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if part.status != FulfilmentStatus.READY or locked.order.attention == OVERDUE:
            return
        save(locked.order, attention=OVERDUE)
        tell(locked.order, "parcel_overdue", {"place": part.destination.name}, reference=part.uuid)


def note_released(*, fulfilment_uuid: UUID, decision: str, refund: RefundReason) -> None:
    """Somebody decided about what was held: `release` gives it back to the recipient, else it ends, and the
    money goes back for the reason `refund`.
    """
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if not part.held or FULFILMENT_MOVES.is_final(part.status):
            return
        if decision == "release":
            save(part, held=False)
            tell(locked.order, "parcel_released", {"place": part.destination.name}, reference=part.uuid)
        else:
            cancel_fulfilment(locked, part, reason=refund)
