"""For a cart and some places: the parcels it makes, when they arrive, what delivery costs, or why it
cannot be.

The same answer feeds the place picker and the checkout, so that what is shown is what is sold.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from lockers.capacity import fits
from lockers.protocol.allocation import Cell, Need, suits
from marketplace.kernel.errors import N_
from marketplace.places.models import Hub, Place
from orders.errors import Unreachable
from orders.models import Reach
from orders.services import road
from orders.splitting import CABINET, STATION, Destination, Item, Parcel, Way, split
from orders.storefront.reach import reach
from routing.services.quotes.reach import Reachability

NO_ROOM = {
    "ambient": N_("常温 %(size)s 号格已满"),
    "cool": N_("阴凉 %(size)s 号格已满"),
    "chilled": N_("冷藏 %(size)s 号格已满"),
    "frozen": N_("冷冻 %(size)s 号格已满"),
}
NO_SUCH_CELL = {
    "ambient": N_("这里没有合适的常温 %(size)s 号格"),
    "cool": N_("这里没有合适的阴凉 %(size)s 号格"),
    "chilled": N_("这里没有合适的冷藏 %(size)s 号格"),
    "frozen": N_("这里没有合适的冷冻 %(size)s 号格"),
}
#: the router's reasons in words; what it does not name here is told as "cannot be reached"
REACH_REASONS = {
    "no_hub": N_("这个地点没有配送中心服务"),
    "no_vehicle": N_("本县没有可用的车辆"),
    "no_trunk": N_("产地到这里没有干线班车"),
    "other_county": N_("外县的货暂不送到这个站点"),
    "window": N_("到达时这里已关门"),
    "shift": N_("路程太远，当天送不到"),
    "capacity": N_("当天的车已装满"),
    "cold_budget": N_("冷链时限超出 %(minutes)s 分钟"),
    "segregation": N_("不能与同车的货一起送"),
    "access": N_("车辆到不了这里"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One place for one cart. `refusal` is set when it is not feasible, and says why in one sentence."""

    place: Place
    parcels: Sequence[Parcel] = ()
    fee_fen: int = 0
    arrives_from: datetime | None = None
    arrives_until: datetime | None = None
    refusal: Unreachable | None = None
    zones: Sequence[str] = field(default=())
    discount_any_fen: int = 0
    co2_g: int = 0

    @property
    def feasible(self) -> bool:
        return self.refusal is None

    @property
    def hub_uuid(self) -> UUID | None:
        hub = serving_hub(self.place)
        return hub.uuid if hub else None


def places_for_offers(uuids: Collection[UUID]) -> list[Place]:
    """Places with all that offers read, in the order asked for."""
    rows = Place.objects.select_related("county", "site__hub__place", "station__hub__place").filter(
        uuid__in=uuids
    )
    by_uuid = {place.uuid: place for place in rows}
    return [by_uuid[uuid] for uuid in uuids if uuid in by_uuid]


def serving_hub(place: Place) -> Hub | None:
    """The hub whose vans stop there."""
    if place.kind == CABINET and hasattr(place, "site"):
        hub: Hub = place.site.hub
        return hub
    if place.kind == STATION and hasattr(place, "station"):
        hub = place.station.hub
        return hub
    return None


def offers(
    *,
    direction: str,
    items: Sequence[Item],
    hubs: Mapping[UUID, Hub],
    places: Sequence[Place],
    day: date,
    fee_fen: int,
    keep: bool = False,
) -> list[Offer]:
    """One offer per place, in order; a fixed number of queries however many places.

    `hubs` are the origin hubs of the items by uuid; `fee_fen` the delivery fee of an order;
    `keep` lets the read model remember what it had to ask.
    """
    rows = reach(hubs=list(hubs.values()), places=places, day=day, keep=keep)
    cells = road.cells_left([place.uuid for place in places if place.kind == CABINET], day)
    split_up = [
        _split(direction, items, hubs, place, rows, cells.get(place.uuid, {}), fee_fen) for place in places
    ]
    return _with_quotes(split_up, day)


def _split(
    direction: str,
    items: Sequence[Item],
    hubs: Mapping[UUID, Hub],
    place: Place,
    rows: Mapping[tuple[int, int], Reach],
    cells: Mapping[Cell, int],
    fee_fen: int,
) -> Offer:
    """The parcels for a place that vans reach and whose cells take them, or why not."""
    hub = serving_hub(place)
    try:
        if hub is None:
            raise Unreachable("kind_not_served", N_("暂不支持送到这类地点"))
        to = Destination(place_uuid=place.uuid, kind=place.kind, hub_uuid=hub.uuid)
        parcels = split(direction=direction, items=items, destination=to)
        for parcel in parcels:
            _require_reached(rows[hubs[parcel.hub_uuid].pk, place.pk])
        if place.kind == CABINET:
            check_room(parcels, cells)
    except Unreachable as refusal:
        return Offer(place=place, refusal=refusal)
    zones = sorted({parcel.zone for parcel in parcels})
    return Offer(place=place, parcels=parcels, fee_fen=fee_fen, zones=zones)


def _with_quotes(found: Sequence[Offer], day: date) -> list[Offer]:
    """When each parcel arrives by the plan in force, and which places it has no room or time for."""
    wanted = [(offer, parcel) for offer in found for parcel in offer.parcels]
    asks = [road.ask(parcel, offer.place) for offer, parcel in wanted]
    answers: dict[UUID, list[Reachability]] = {}
    for (offer, _), answer in zip(wanted, road.quote(asks, day), strict=True):
        answers.setdefault(offer.place.uuid, []).append(answer)
    return [_quoted(offer, answers.get(offer.place.uuid, [])) for offer in found]


def _quoted(offer: Offer, answers: Sequence[Reachability]) -> Offer:
    try:
        for answer in answers:
            _require_reached(answer, minutes=answer.over_min)
    except Unreachable as refusal:
        return Offer(place=offer.place, refusal=refusal)
    return replace(
        offer,
        arrives_from=min((a.arrives_from for a in answers if a.arrives_from), default=None),
        arrives_until=max((a.arrives_until for a in answers if a.arrives_until), default=None),
        co2_g=sum(answer.co2_g for answer in answers),
    )


def _require_reached(answer: Reach | Reachability, minutes: int = 0) -> None:
    if not answer.feasible:
        text = REACH_REASONS.get(answer.reason, Unreachable.message)
        raise Unreachable(answer.reason or "unreachable", text, minutes=minutes)


def check_room(parcels: Sequence[Parcel], cells: Mapping[Cell, int]) -> None:
    """Whether all parcels find a cell at once: zone, size, and °C inside the goods' own band.

    Raises Unreachable("no_such_cell" or "no_room") naming zone and size of the first that does not.
    The hold at checkout is the binding answer.
    """
    needs: Counter[Need] = Counter()
    for parcel in parcels:
        if parcel.way is not Way.UP:
            continue
        need = Need(parcel.size, parcel.zone, parcel.band)
        if not any(suits(need, cell) for cell in cells):
            raise Unreachable("no_such_cell", NO_SUCH_CELL[parcel.zone], size=parcel.size.value)
        needs[need] += 1
        if not fits(needs, cells):
            raise Unreachable("no_room", NO_ROOM[parcel.zone], size=parcel.size.value)
