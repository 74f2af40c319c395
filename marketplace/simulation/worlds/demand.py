"""What people order on the eve of the day: buyers produce, villagers goods."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from marketplace.kernel.geo import great_circle_m
from marketplace.kernel.temperature import Zone
from marketplace.kernel.units import Size, size_for
from marketplace.simulation.worlds import destinations, wares
from marketplace.simulation.worlds.destinations import Wanted
from marketplace.simulation.worlds.draw import shares
from marketplace.simulation.worlds.extents import Extent
from marketplace.simulation.worlds.network import Network
from marketplace.simulation.worlds.nouns import (
    Buyer,
    BuyerOrder,
    Line,
    Lot,
    Product,
    Station,
    Villager,
    VillagerOrder,
)
from marketplace.simulation.worlds.supply import stock_key

_LINES = ((1, 2, 3), (50, 30, 20))
_ANY = 0.9
"""Buyers who leave the choice among their places to the planner, for a discount."""
_TOGETHER = {Zone.AMBIENT: 0.6, Zone.FROZEN: 0.35, Zone.COOL: 0.2}
"""How often a buyer of chilled goods puts goods of this zone into the same cart."""
PARCEL_MAX_G, PARCEL_MAX_ML = 12_000, 13_000
_LARGE_ML = 100_000
NEIGHBOUR_M = 15_000


@dataclass(frozen=True, slots=True)
class Basket:
    """The parcels of one future order: zones, and the site its buyer prefers (None: a station counter)."""

    zones: tuple[Zone, ...]
    site: str | None


def baskets(rng: random.Random, parcels: Sequence[Wanted]) -> list[Basket]:
    """Group parcels for one site into orders of one to three zones; those for counters stay single."""
    by_site: dict[str | None, Counter[Zone]] = {}
    for parcel in parcels:
        by_site.setdefault(parcel.site, Counter())[parcel.zone] += 1
    found: list[Basket] = []
    for site, zones in by_site.items():
        if site is None:
            found += [Basket((zone,), None) for zone in zones.elements()]
            continue
        while zones[Zone.CHILLED]:
            together = [Zone.CHILLED]
            together += [z for z, share in _TOGETHER.items() if zones[z] and rng.random() < share]
            zones.subtract(together)
            found.append(Basket(tuple(together), site))
        found += [Basket((zone,), site) for zone in zones.elements()]
    rng.shuffle(found)
    return found


class Buying:
    """Turns baskets into orders over the lots of a world."""

    def __init__(
        self, rng: random.Random, network: Network, lots: Sequence[Lot], buyers: Sequence[Buyer]
    ) -> None:
        self.rng, self.network = rng, network
        self.product = {product.name: product for product in wares.products()}
        self.cells = destinations.site_cells(network)
        self.county = {place.key: place.county for place in network.places}
        self.station = {station.key: station for station in network.stations}
        self.buyers = buyers
        self.left = {lot.key: lot.quantity for lot in lots}
        self.lots: dict[tuple[str, Zone], list[Lot]] = {}
        for lot in lots:
            self.lots.setdefault((lot.hub, self.product[lot.product].zone), []).append(lot)

    def orders(self, found: Sequence[Basket]) -> Iterator[BuyerOrder]:
        """Each town buyer places one order or a few in turn; each village buyer one."""
        turn: Counter[str] = Counter()
        village = [buyer for buyer in self.buyers if ":village:" in buyer.key]
        for number, basket in enumerate(found, start=1):
            key = f"order:{number:04d}"
            if basket.site is None:
                buyer = village[turn["village"] % len(village)]
                turn["village"] += 1
                yield self._direct(key, buyer, basket.zones[0])
                continue
            county = self.county[basket.site]
            town = [b for b in self.buyers if b.county == county and ":village:" not in b.key]
            buyer = town[turn[county] % len(town)]
            turn[county] += 1
            yield self._to_cabinet(key, buyer, basket)

    def _to_cabinet(self, key: str, buyer: Buyer, basket: Basket) -> BuyerOrder:
        assert basket.site is not None
        lines: list[Line] = []
        for zone in basket.zones:
            hubs = [hub for hub, z in self.lots if z == zone]
            lines += self._parcel(self.lots[self.rng.choice(hubs), zone])
        others = [
            p for p in buyer.consents if p != basket.site and all(self.cells[p][z] for z in basket.zones)
        ]
        places = (basket.site, *others) if self.rng.random() < _ANY else (basket.site,)
        return BuyerOrder(key, buyer.key, tuple(lines), places)

    def _direct(self, key: str, buyer: Buyer, zone: Zone) -> BuyerOrder:
        """From one station to the counter of another not far, so that one loop may pass both."""
        homes = {station.place: station for station in self.network.stations}
        options = [homes[place] for place in buyer.consents]
        lots = [lot for lot in self.lots[options[0].hub, zone] if self.left[lot.key] > 0]
        origin = self.station[self.rng.choice(lots).station or ""]
        near = nearest(origin, options, self.network)
        destination = self.rng.choice(near[:3])
        lines = self._parcel([lot for lot in lots if lot.station == origin.key])
        return BuyerOrder(key, buyer.key, tuple(lines), (destination.place,))

    def _parcel(self, lots: Sequence[Lot]) -> list[Line]:
        """One to three lots whose goods fit one small parcel, from as many farmers."""
        wanted = self.rng.choices(*_LINES)[0]
        grams = volume = 0
        lines: list[Line] = []
        for lot in self.rng.sample(lots, len(lots)):
            product = self.product[lot.product]
            quantity = self.rng.randrange(1, 5) * 500 if product.unit == "g" else self.rng.choice((1, 1, 2))
            if self.left[lot.key] < quantity:
                continue
            more_g, more_ml = bulk(product, quantity)
            too_big = grams + more_g > PARCEL_MAX_G or volume + more_ml > PARCEL_MAX_ML
            if lines and (too_big or (product.size is not Size.S and len(lines) > 0)):
                continue
            lines.append(Line(lot.key, quantity))
            grams, volume = grams + more_g, volume + more_ml
            self.left[lot.key] -= quantity
            if len(lines) == wanted:
                break
        if not lines:
            raise ValueError("the lots of this zone are sold out: the world offers too little for its demand")
        return lines


def bulk(product: Product, quantity: int) -> tuple[int, int]:
    """(grams, millilitres) of a quantity: grams of weighed goods, pieces of others."""
    if product.unit == "g":
        return quantity, product.volume_ml * quantity // 1000
    return product.gross_g * quantity, product.volume_ml * quantity


def nearest(station: Station, others: Sequence[Station], network: Network) -> list[Station]:
    """The other stations, nearest first."""
    at = {place.key: place.at for place in network.places}
    rest = [other for other in others if other.key != station.key]
    return sorted(rest, key=lambda other: great_circle_m(at[station.place], at[other.place]))


def villager_orders(
    rng: random.Random, extent: Extent, network: Network, villagers: Sequence[Villager]
) -> Iterator[VillagerOrder]:
    """One good each; together they fill the vans that the loops need to `extent.van_fill`."""
    at_station: dict[str, list[Villager]] = {}
    for villager in villagers:
        at_station.setdefault(villager.station, []).append(villager)
    per_hub: Mapping[str, list[Station]] = _by_hub(network)
    counts = shares(rng, extent.demand.down, list(at_station), spread=4.0)
    at = {place.key: place.at for place in network.places}
    number = 0
    for hub, stations in per_hub.items():
        total = sum(counts[station.key] for station in stations)
        picked = iter(goods(rng, total, _ambient_ml(extent, network, hub) * extent.van_fill))
        for station in stations:
            near = [
                other.place
                for other in nearest(station, stations, network)
                if great_circle_m(at[station.place], at[other.place]) <= NEIGHBOUR_M
            ]
            for _ in range(counts[station.key]):
                number += 1
                also = tuple(near[:2]) if rng.random() < extent.demand.neighbours else ()
                yield VillagerOrder(
                    key=f"villager-order:{number:04d}",
                    villager=rng.choice(at_station[station.key]).key,
                    station=station.key,
                    lines=(Line(stock_key(hub, next(picked).name), 1),),
                    payment="alipay" if rng.random() < extent.demand.by_alipay else "cash",
                    also_at=also,
                )


def _by_hub(network: Network) -> dict[str, list[Station]]:
    found: dict[str, list[Station]] = {}
    for station in network.stations:
        found.setdefault(station.hub, []).append(station)
    return found


def _ambient_ml(extent: Extent, network: Network, hub: str) -> int:
    """Ambient space of the vans that the village loops of a hub are meant to need."""
    vans = [vehicle for vehicle in network.vehicles if vehicle.hub == hub and not vehicle.trunk]
    needed = extent.vans_needed.get(hub.removeprefix("hub:"), len(vans))
    spaces = (space for van in vans[-needed:] for space in van.compartments)
    return sum(space.volume_ml for space in spaces if space.zone is Zone.AMBIENT)


def goods(rng: random.Random, count: int, target_ml: float) -> list[Product]:
    """`count` goods of about `target_ml` together: small ones by choice, then swapped until the sum fits.

    At most one is a pesticide, which no van that carries food may take: the planner must say so.
    """
    offered = [p for p in wares.products() if p.direction == "down" and p.cargo != "pesticide"]
    weights = [0.15 if product.volume_ml >= _LARGE_ML else 1.0 for product in offered]
    picked = rng.choices(offered, weights, k=count)
    for _ in range(40 * count):
        total = sum(product.volume_ml for product in picked)
        if abs(total - target_ml) <= 0.02 * target_ml:
            break
        index, other = rng.randrange(count), rng.choices(offered, weights)[0]
        if (other.volume_ml > picked[index].volume_ml) == (total < target_ml):
            picked[index] = other
    if count > 100:
        picked[rng.randrange(count)] = next(p for p in wares.products() if p.cargo == "pesticide")
    return picked


def weight_and_size(
    products: Mapping[str, Product], contents: Sequence[tuple[str, int]]
) -> tuple[int, int, Size]:
    """Grams, millilitres and cell size of a parcel of (product, quantity)."""
    bulks = [bulk(products[name], quantity) for name, quantity in contents]
    grams, volume = sum(b[0] for b in bulks), sum(b[1] for b in bulks)
    sizes = [size_for(volume, grams), *(products[name].size for name, _ in contents)]
    return grams, volume, max(sizes, key=list(Size).index)
