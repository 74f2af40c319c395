"""The day's shipments: those that follow from orders, and those of the large worlds, drawn without orders."""

import random
from collections.abc import Iterator, Mapping, Sequence

from marketplace.kernel.temperature import Zone
from marketplace.kernel.units import CELL_MAX_G, CELL_ML, Size, size_for
from marketplace.simulation.worlds import destinations, wares
from marketplace.simulation.worlds.demand import nearest, weight_and_size
from marketplace.simulation.worlds.draw import shares
from marketplace.simulation.worlds.extents import Extent
from marketplace.simulation.worlds.network import Network
from marketplace.simulation.worlds.nouns import BuyerOrder, Line, Lot, Shipment, Station, VillagerOrder

#: most minutes that goods may spend outside their zone on the way, all legs together (guess)
COLD_BUDGET_MIN = {Zone.COOL: 180, Zone.CHILLED: 120, Zone.FROZEN: 60}
#: mean volume and median weight of goods that fit a cell, share too large for any (domain.md d)
_MEAN_ML, _MEDIAN_G, _TOO_LARGE = 14_600, 1_500, 0.10


def of_buyer_order(
    order: BuyerOrder, lots: Mapping[str, Lot], station: Mapping[str, Station]
) -> Iterator[Shipment]:
    """One parcel per zone for a cabinet; for a station counter one per origin."""
    products = {product.name: product for product in wares.products()}
    groups: dict[tuple[Zone, str | None], list[Line]] = {}
    to_counter = order.places[0].startswith("place:station:")
    for line in order.lines:
        lot = lots[line.lot]
        origin = lot.station if to_counter else None
        groups.setdefault((products[lot.product].zone, origin), []).append(line)
    for number, ((zone, _), lines) in enumerate(groups.items(), start=1):
        contents = [(lots[line.lot].product, line.quantity) for line in lines]
        grams, volume, size = weight_and_size(products, contents)
        yield Shipment(
            key=f"shipment:{order.key}:{number}",
            direction="up",
            zone=zone,
            origins=tuple(sorted({station[lots[line.lot].station or ""].place for line in lines})),
            options=order.places,
            direct=to_counter,
            weight_g=grams,
            volume_ml=volume,
            size=size,
            cargo="food",
            value_fen=_value(lines, lots),
            cold_budget_min=COLD_BUDGET_MIN.get(zone),
            order=order.key,
        )


def of_villager_order(
    order: VillagerOrder,
    lots: Mapping[str, Lot],
    hub_place: Mapping[str, str],
    station: Mapping[str, Station],
) -> Shipment:
    products = {product.name: product for product in wares.products()}
    contents = [(lots[line.lot].product, line.quantity) for line in order.lines]
    grams, volume, size = weight_and_size(products, contents)
    return Shipment(
        key=f"shipment:{order.key}",
        direction="down",
        zone=products[contents[0][0]].zone,
        origins=(hub_place[lots[order.lines[0].lot].hub],),
        options=(station[order.station].place, *order.also_at),
        direct=False,
        weight_g=grams,
        volume_ml=volume,
        size=size,
        cargo=products[contents[0][0]].cargo,
        value_fen=_value(order.lines, lots),
        cold_budget_min=None,
        order=order.key,
    )


def _value(lines: Sequence[Line], lots: Mapping[str, Lot]) -> int:
    by_weight = {product.name for product in wares.products() if product.unit == "g"}
    return sum(
        lots[line.lot].price_fen * line.quantity // (1000 if lots[line.lot].product in by_weight else 1)
        for line in lines
    )


class Bulk:
    """Shipments of the bench worlds: third-party waybills down, produce up, without orders behind them."""

    def __init__(self, rng: random.Random, extent: Extent, network: Network) -> None:
        self.rng, self.extent, self.network = rng, extent, network
        self.hub_place = {hub.key: hub.place for hub in network.hubs}
        self.county = {place.key: place.county for place in network.places}
        self.near = self._near()

    def _near(self) -> dict[str, list[Station]]:
        """Stations of the same hub by distance, at most eight."""
        found = {}
        for station in self.network.stations:
            same = [other for other in self.network.stations if other.hub == station.hub]
            found[station.key] = nearest(station, same, self.network)[:8]
        return found

    def draw(self) -> Iterator[Shipment]:
        parcels = destinations.wanted(self.rng, self.extent, self.network)
        for number, parcel in enumerate(parcels, start=1):
            if parcel.site is None:
                yield self._direct(f"shipment:up:{number:05d}", parcel.zone)
            else:
                yield self._up(f"shipment:up:{number:05d}", parcel.zone, parcel.site)
        yield from self._down()

    def _down(self) -> Iterator[Shipment]:
        demand = self.extent.demand
        up = destinations.up_by_zone(self.extent, self.network)
        chilled = demand.chilled - demand.direct_chilled - up[Zone.CHILLED]
        frozen = demand.frozen - up[Zone.FROZEN]
        zones = [Zone.CHILLED] * chilled + [Zone.FROZEN] * frozen
        zones += [Zone.AMBIENT] * (demand.down - len(zones))
        self.rng.shuffle(zones)
        by_key = {station.key: station for station in self.network.stations}
        counts = shares(self.rng, demand.down, list(by_key), spread=4.0)
        homes = [key for key, count in counts.items() for _ in range(count)]
        for number, (zone, key) in enumerate(zip(zones, homes, strict=True), start=1):
            station, also = by_key[key], []
            if self.rng.random() < demand.neighbours:
                also = [other.place for other in self.near[key][:2]]
            volume, grams, size = self._parcel(zone)
            origins, options = (self.hub_place[station.hub],), (station.place, *also)
            yield self._shipment(
                f"shipment:down:{number:05d}", "down", zone, origins, options, (volume, grams, size)
            )

    def _up(self, key: str, zone: Zone, site: str) -> Shipment:
        origin = self.rng.choice(self.network.stations)
        origins = {origin.place}
        while self.rng.random() < 0.25 and len(origins) < 3:
            origins.add(self.rng.choice(self.near[origin.key]).place)
        cells = destinations.site_cells(self.network)
        others = [
            p
            for p, zones in cells.items()
            if p != site and zones[zone] and self.county[p] == self.county[site]
        ]
        options = (
            (site, *self.rng.sample(others, min(2, len(others)))) if self.rng.random() < 0.8 else (site,)
        )
        return self._shipment(
            key, "up", zone, tuple(sorted(origins)), options, self._parcel(zone, small=True)
        )

    def _direct(self, key: str, zone: Zone) -> Shipment:
        origin = self.rng.choice(self.network.stations)
        options = (self.rng.choice(self.near[origin.key][:4]).place,)
        return self._shipment(
            key, "up", zone, (origin.place,), options, self._parcel(zone, small=True), direct=True
        )

    def _parcel(self, zone: Zone, *, small: bool = False) -> tuple[int, int, Size]:
        """(millilitres, grams, size): log-normal, mean 14.6 l, median 1.5 kg, a tenth too large."""
        volume = int(self.rng.lognormvariate(9.16, 0.9))
        grams = min(int(self.rng.lognormvariate(7.31, 0.8)), CELL_MAX_G)
        if small or zone is not Zone.AMBIENT:
            volume = min(volume * 3 // 4, CELL_ML[Size.M] * 7 // 10)  # produce and cold goods are compact
        elif self.rng.random() < _TOO_LARGE:
            return self.rng.randrange(80_000, 160_000), self.rng.randrange(5_000, 40_000), Size.NONE
        volume = min(max(volume, 300), CELL_ML[Size.L] * 7 // 10)
        return volume, max(grams, 100), size_for(volume, max(grams, 100))

    def _shipment(
        self, key: str, direction: str, zone: Zone, origins: tuple[str, ...], options: tuple[str, ...],
        parcel: tuple[int, int, Size], *, direct: bool = False,
    ) -> Shipment:  # fmt: skip
        volume, grams, size = parcel
        return Shipment(
            key=key,
            direction=direction,
            zone=zone,
            origins=origins,
            options=options,
            direct=direct,
            weight_g=grams,
            volume_ml=volume,
            size=size,
            cargo="food" if direction == "up" else "general",
            value_fen=self.rng.randrange(800, 20_000),
            cold_budget_min=COLD_BUDGET_MIN.get(zone),
            order=None,
        )
