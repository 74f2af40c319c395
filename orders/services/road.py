"""What orders ask of routing and lockers, in one place. The reference is always the fulfilment's uuid."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from lockers.errors import NotCollectable
from lockers.fees import OPENING_TERMS
from lockers.models import PickupGroup
from lockers.protocol.allocation import Cell
from lockers.protocol.policy import VALUABLE_FEN
from lockers.services.capacity import holds, planner
from lockers.services.parcels import groups
from lockers.services.sites import storage_rules
from marketplace.kernel import clock
from marketplace.kernel.money import format_yuan
from marketplace.places.models import Place
from orders.models import Fulfilment, Order
from orders.services.locking import LockedOrder, save
from orders.services.notices import recipient_masked, recipient_uuid
from orders.services.purchases.goods import gross_g_of, volume_ml_of
from orders.splitting import Parcel, Way
from routing.services.quotes import reach as routing_reach
from routing.services.quotes.reach import Ask, Reachability
from routing.services.shipments import requests

#: minutes that goods of a zone may spend outside it, all legs together (guess; a product may know better)
COLD_BUDGET_MIN = {"chilled": 120, "frozen": 60}
#: what a less liked place costs the planner, so that it moves nobody without a saving
STEP_FEN = 50


def hold(part: Fulfilment, *, expires_at: datetime, day: date | None = None) -> None:
    """Hold a cell at the first of its places with room, and send it there. Raises NoRoom."""
    held = holds.hold_capacity(
        reference=part.uuid,
        place_uuids=part.option_uuids,
        zone=part.zone,
        size=part.size,
        min_c=part.min_c,
        max_c=part.max_c,
        slot_date=day or part.deliver_on,
        expires_at=expires_at,
        movable=part.movable,
    )
    if held.place_uuid != part.destination.uuid:
        # Race: the last cell of the first choice went while this buyer's checkout ran.
        save(part, destination=Place.by_uuid(held.place_uuid))


def firm(part: Fulfilment) -> None:
    if part.way == Way.UP:
        holds.firm_hold(reference=part.uuid)


def release(part: Fulfilment) -> None:
    """Give back cell and ride; what the van already carries or the cabinet holds is theirs to bring back."""
    if part.way == Way.UP:
        holds.release_hold(reference=part.uuid)
    requests.cancel_shipment(reference=part.uuid)


def move_to_day(part: Fulfilment, day: date, *, expires_at: datetime) -> None:
    """Give back the ride of its day, and hold a cell for the new one. Raises NoRoom."""
    requests.cancel_shipment(reference=part.uuid)
    if part.way == Way.UP:
        holds.release_hold(reference=part.uuid)
        hold(part, expires_at=expires_at, day=day)
        firm(part)


def request(locked: LockedOrder, part: Fulfilment) -> UUID:
    """Ask for the ride; gives the shipment's uuid."""
    shipment = requests.request_shipment(
        reference=part.uuid,
        direction="down" if part.way == Way.DOWN else "up",
        hub_uuid=part.origin_hub.uuid,
        deliver_on=part.deliver_on,
        parcel=_parcel(locked, part),
        options=[
            requests.OptionSpec(place_uuid=place, preference=rank, compensation_fen=rank * STEP_FEN)
            for rank, place in enumerate(part.option_uuids)
        ],
        collects=collects_of(locked, part),
        direct=part.way == Way.DIRECT,
        recipient_uuid=recipient_uuid(locked.order),
    )
    uuid: UUID = shipment.uuid
    return uuid


def _parcel(locked: LockedOrder, part: Fulfilment) -> requests.ParcelSpec:
    lines = locked.lines_of(part)
    value_fen = sum(line.max_amount_fen for line in lines)
    return requests.ParcelSpec(
        zone=part.zone,
        size=part.size,
        weight_g=part.gross_g,
        volume_ml=part.volume_ml,
        min_c=part.min_c,
        max_c=part.max_c,
        category=part.category,
        cold_budget_min=COLD_BUDGET_MIN.get(part.zone),
        value_fen=value_fen,
        sender_agreement=all(
            line.lot.sender_agreement
            or not (line.lot.product.needs_sender_agreement or value_fen > VALUABLE_FEN)
            for line in lines
        ),
        keep_until=keep_until(locked, part),
    )


def keep_until(locked: LockedOrder, part: Fulfilment) -> datetime | None:
    """The end of the goods' own life, where it is short enough to matter: no cell keeps them past it."""
    if part.zone == "ambient":
        return None
    days = [line.lot.expires_on for line in locked.lines_of(part) if line.lot.expires_on]
    return clock.at(min(days), 0) if days else None


def collects_of(locked: LockedOrder, part: Fulfilment) -> list[requests.CollectSpec]:
    """What each origin station hands to the van; goods down start at the hub."""
    if part.way == Way.DOWN:
        return []
    loads: dict[UUID, tuple[int, int]] = {}
    for line in locked.lines_of(part):
        assert line.origin_station is not None  # produce is always brought to a station
        place = line.origin_station.place.uuid
        weight_g, volume_ml = loads.get(place, (0, 0))
        loads[place] = (
            weight_g + gross_g_of(line.lot, line.quantity),
            volume_ml + volume_ml_of(line.lot, line.quantity),
        )
    return [requests.CollectSpec(place, weight, volume) for place, (weight, volume) in sorted(loads.items())]


def groups_of(parts: Iterable[Fulfilment]) -> dict[UUID, PickupGroup]:
    """The pickup groups of these fulfilments by uuid, in one query."""
    uuids = [part.pickup_group_uuid for part in parts if part.pickup_group_uuid]
    return dict(PickupGroup.objects.in_bulk(uuids, field_name="uuid"))


def code(group: PickupGroup) -> str:
    return groups.pickup_code(group)


def qr(group: PickupGroup) -> str | None:
    """The token for the cabinet that holds the parcel; a station's counter asks for the digits only."""
    try:
        return groups.pickup_qr(group)
    except NotCollectable:
        return None


def code_of(part: Fulfilment) -> str:
    return code(groups_of([part])[part.pickup_group_uuid]) if part.pickup_group_uuid else ""


def cells_left(place_uuids: Sequence[UUID], day: date) -> dict[UUID, dict[Cell, int]]:
    """Per place, how many cells of each class are left for new parcels on that day."""
    return planner.cells_left(place_uuids=place_uuids, day=day, own_references=()) if place_uuids else {}


def reach(*, origin_hub_uuid: UUID, place_uuids: Sequence[UUID], day: date) -> list[Reachability]:
    return routing_reach.reach(origin_hub_uuid=origin_hub_uuid, place_uuids=place_uuids, day=day)


def ask(parcel: Parcel, place: Place) -> Ask:
    """The question whether the plan in force has room and time for a parcel to a place."""
    return Ask(
        origin_hub_uuid=parcel.hub_uuid,
        place=place,
        direction="up" if parcel.way is Way.UP else "down",
        parcel=requests.ParcelSpec(
            zone=parcel.zone,
            size=parcel.size.value,
            weight_g=parcel.gross_g,
            volume_ml=parcel.volume_ml,
            min_c=parcel.band.min_c,
            max_c=parcel.band.max_c,
            category=parcel.category,
            cold_budget_min=COLD_BUDGET_MIN.get(parcel.zone),
        ),
    )


def quote(asks: Sequence[Ask], day: date) -> list[Reachability]:
    """Answers of the plan in force, in order."""
    return routing_reach.quote(asks=asks, day=day) if asks else []


def fee_words(part: Fulfilment) -> dict[str, str]:
    """What staying past the free period costs, told before it starts."""
    terms = storage_rules.terms_of_reference(part.uuid) or OPENING_TERMS[part.zone]
    return {
        "step": str(terms.step_h),
        "fee": format_yuan(terms.step_fen),
        "cap": format_yuan(terms.cap_fen),
    }


def open_group(order: Order, part: Fulfilment) -> PickupGroup:
    """The pickup group that the recipient's code belongs to."""
    return groups.open_pickup_group(
        reference=part.uuid,
        recipient_uuid=recipient_uuid(order),
        recipient_label=recipient_masked(order),
        zone=part.zone,
    )
