"""How the goods of one order become parcels, and which legs carry each. No Django.

A parcel holds goods of one zone, one origin hub and one kind (food never travels with pesticide), whose
temperature bands share a range, and it fits one cell when a cabinet is where it goes. Goods for a station
counter of their own county skip the hub: they are packed at the origin station and travel on the same village
loop, so each origin station makes parcels of its own.

    down     hub -> station                                    deliver
    direct   station -> later station of the same loop         direct
    up       stations -> hub (-> other hub) -> cabinet         collect, (trunk,) deliver
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from marketplace.kernel.errors import N_
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import CELL_MAX_G, CELL_ML, Size, fits, size_for
from orders.errors import Unreachable

CABINET = "cabinet_site"
STATION = "station"
#: loose goods fill this share of a cell's volume (the same allowance as units.size_for)
FILL_PERCENT = 70


class Way(StrEnum):
    """How a parcel reaches its destination."""

    DOWN = "down"
    DIRECT = "direct"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Item:
    """What one line puts on the road.

    `origin_uuid` is the place that hands it over: its station (up) or its hub (down).
    """

    key: UUID
    zone: str
    category: str
    band: Band
    size: Size
    gross_g: int
    volume_ml: int
    hub_uuid: UUID
    origin_uuid: UUID
    locker_allowed: bool = True
    product: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """The place a buyer chose; `hub_uuid` is the hub whose vans serve it."""

    place_uuid: UUID
    kind: str
    hub_uuid: UUID


@dataclass(frozen=True, slots=True)
class Collect:
    """What one station hands to the van for a parcel."""

    place_uuid: UUID
    gross_g: int
    volume_ml: int


@dataclass(frozen=True, slots=True)
class Parcel:
    way: Way
    zone: str
    category: str
    band: Band
    hub_uuid: UUID
    items: tuple[Item, ...]
    collects: tuple[Collect, ...]

    @property
    def gross_g(self) -> int:
        return sum(item.gross_g for item in self.items)

    @property
    def volume_ml(self) -> int:
        return sum(item.volume_ml for item in self.items)

    @property
    def size(self) -> Size:
        """The smallest cell that takes all of it: by volume and weight, and never under its largest piece."""
        by_bulk = size_for(self.volume_ml, self.gross_g)
        return max((by_bulk, *(item.size for item in self.items)), key=list(Size).index)


def way_for(*, direction: str, item: Item, destination: Destination) -> Way:
    """The legs that carry `item` to `destination`. Raises Unreachable with the reason by name."""
    if direction == "down":
        return _down_way(item, destination)
    if destination.kind == STATION:
        return _direct_way(item, destination)
    if destination.kind != CABINET:
        raise Unreachable("kind_not_served", N_("暂不支持送到这类地点"))
    if not item.locker_allowed:
        raise Unreachable(
            "not_in_lockers", N_("%(product)s不能放入智能柜，请选择站点自提"), product=item.product
        )
    if not fits(item.size, Size.L) or size_for(item.volume_ml, item.gross_g) is Size.NONE:
        raise Unreachable(
            "too_big", N_("%(product)s太大或太重，放不进任何格口，请减少数量或选择站点"), product=item.product
        )
    return Way.UP


def split(*, direction: str, items: Sequence[Item], destination: Destination) -> list[Parcel]:
    """Parcels for one destination, in a fixed order. Raises Unreachable when an item cannot get there."""
    groups: dict[tuple[Way, str, str, UUID, UUID | None], list[Item]] = {}
    for item in items:
        way = way_for(direction=direction, item=item, destination=destination)
        origin = item.origin_uuid if way is Way.DIRECT else None
        groups.setdefault((way, item.zone, item.category, item.hub_uuid, origin), []).append(item)
    return [
        _parcel(way, bundle)
        for (way, *_), members in groups.items()
        for bundle in _bundles(members, one_cell=destination.kind == CABINET)
    ]


def _down_way(item: Item, destination: Destination) -> Way:
    if destination.kind != STATION:
        raise Unreachable("kind_not_served", N_("下行商品只送到站点"))
    if item.hub_uuid != destination.hub_uuid:
        raise Unreachable("other_county", N_("%(product)s不从本县配送中心发货"), product=item.product)
    return Way.DOWN


def _direct_way(item: Item, destination: Destination) -> Way:
    if item.origin_uuid == destination.place_uuid:
        raise Unreachable("same_station", N_("%(product)s就产自这个站点，请到站购买"), product=item.product)
    if item.hub_uuid != destination.hub_uuid:
        raise Unreachable(
            "other_county_station",
            N_("%(product)s产自外县，暂不送到站点，请选择智能柜"),
            product=item.product,
        )
    return Way.DIRECT


def _bundles(members: Iterable[Item], *, one_cell: bool) -> list[list[Item]]:
    """First fit, largest first: as few bundles as this simple rule finds, each with a shared band."""
    bundles: list[list[Item]] = []
    for item in sorted(members, key=lambda item: (-item.volume_ml, -item.gross_g, item.key)):
        home = next((bundle for bundle in bundles if _goes_with(bundle, item, one_cell=one_cell)), None)
        if home is None:
            bundles.append([item])
        else:
            home.append(item)
    return bundles


def _goes_with(bundle: list[Item], item: Item, *, one_cell: bool) -> bool:
    if shared_band([*bundle, item]) is None:
        return False
    if not one_cell:
        return True
    volume_ml = sum(member.volume_ml for member in bundle) + item.volume_ml
    gross_g = sum(member.gross_g for member in bundle) + item.gross_g
    return volume_ml <= CELL_ML[Size.L] * FILL_PERCENT // 100 and gross_g <= CELL_MAX_G


def shared_band(items: Sequence[Item]) -> Band | None:
    """The range of °C that all of them bear; None when they share none."""
    band: Band | None = items[0].band
    for item in items[1:]:
        band = band.strictest(item.band) if band is not None else None
    return band


def _parcel(way: Way, bundle: list[Item]) -> Parcel:
    band = shared_band(bundle)
    if band is None:
        raise ValueError("a bundle without a shared band")
    per_origin: dict[UUID, list[Item]] = {}
    for item in bundle:
        per_origin.setdefault(item.origin_uuid, []).append(item)
    collects = tuple(
        Collect(
            place_uuid=place,
            gross_g=sum(item.gross_g for item in items),
            volume_ml=sum(item.volume_ml for item in items),
        )
        for place, items in sorted(per_origin.items())
    )
    first = bundle[0]
    return Parcel(
        way=way,
        zone=first.zone,
        category=first.category,
        band=band,
        hub_uuid=first.hub_uuid,
        items=tuple(bundle),
        collects=() if way is Way.DOWN else collects,
    )
