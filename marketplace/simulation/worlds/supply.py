"""What can be bought: lots of the farmers, stock of downward goods at the hubs."""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from marketplace.kernel.temperature import Zone
from marketplace.simulation.worlds import wares
from marketplace.simulation.worlds.network import Network
from marketplace.simulation.worlds.nouns import Farmer, Hub, Lot, Product, Station
from marketplace.simulation.worlds.people import wholesaler_key

#: what a household grows itself; everything else is sold by cooperatives, firms and traders
_GROWN = (
    "奉新猕猴桃",
    "奉新大米",
    "宜春大米",
    "散养土鸡蛋",
    "时令叶菜",
    "上高紫皮大蒜",
    "樟树花生",
    "高安大米",
)
#: order in which the lots of firms and traders run through the zones, so that small worlds have all of them
_ZONE_TURN = (Zone.CHILLED, Zone.FROZEN, Zone.AMBIENT, Zone.COOL, Zone.CHILLED, Zone.AMBIENT)
_LOT_PIECES = (24, 60)
_LOT_KG = (20, 60)
STOCK_PIECES = 60


def lots(
    rng: random.Random, farmers: Sequence[Farmer], network: Network, day: date, zones: frozenset[Zone]
) -> Iterator[Lot]:
    """One lot for each household, two for other sellers; products in season that `zones` can keep."""
    hub = {hub.key: hub for hub in network.hubs}
    for_sale = [p for p in wares.products() if p.direction == "up" and p.in_season and p.zone in zones]
    turns = _Turns(for_sale)
    number = 0
    for farmer in farmers:
        if farmer.station is None:
            continue
        for product in _chosen(turns, for_sale, farmer, hub[farmer.hub]):
            number += 1
            yield Lot(
                key=f"lot:{number:04d}",
                product=product.name,
                seller=farmer.key,
                hub=farmer.hub,
                station=farmer.station,
                quantity=_quantity(rng, product),
                price_fen=product.price_fen * rng.randrange(90, 111) // 100,
                harvested_on=harvest_day(rng, product, day),
            )


def _chosen(turns: "_Turns", for_sale: Sequence[Product], farmer: Farmer, hub: Hub) -> list[Product]:
    if farmer.seller_kind != "household":
        return [turns.traded(), turns.traded()]
    county = hub.key.removeprefix("hub:")
    grown = [p for p in for_sale if p.name in _GROWN and p.county in (county, None)]
    return [turns.grown(county, grown)]


class _Turns:
    """Goes round the products, so that a world shows as many of them as it has lots."""

    def __init__(self, products: Sequence[Product]) -> None:
        by_zone: dict[Zone, list[Product]] = {}
        for product in products:
            by_zone.setdefault(product.zone, []).append(product)
        self._by_zone = by_zone
        self._zones = [zone for zone in _ZONE_TURN if zone in by_zone]
        self._turn = 0
        self._next: dict[object, int] = {}

    def traded(self) -> Product:
        zone = self._zones[self._turn % len(self._zones)]
        self._turn += 1
        return self._round(zone, self._by_zone[zone])

    def grown(self, county: str, products: Sequence[Product]) -> Product:
        return self._round(county, products)

    def _round(self, key: object, products: Sequence[Product]) -> Product:
        index = self._next.get(key, 0)
        self._next[key] = index + 1
        return products[index % len(products)]


def _quantity(rng: random.Random, product: Product) -> int:
    if product.unit == "g":
        return rng.randint(*_LOT_KG) * 1000
    return rng.randint(*_LOT_PIECES)


def harvest_day(rng: random.Random, product: Product, day: date) -> date:
    """Fresh goods are harvested on the eve; what keeps was packed within the last weeks."""
    shelf_life = product.shelf_life_days or wares.PERISHABLE_DAYS
    if shelf_life <= wares.PERISHABLE_DAYS:
        return day - timedelta(days=1)
    return day - timedelta(days=rng.randrange(1, min(21, shelf_life // 4)))


def stock(
    stations: Sequence[Station], hubs: Sequence[Hub], ordered: dict[tuple[str, str], int], day: date
) -> Iterator[Lot]:
    """All 42 goods at every hub that serves stations; `ordered`: pieces by (hub, product) of the day."""
    serving = {station.hub for station in stations}
    for hub in hubs:
        if hub.key not in serving:
            continue
        for product in wares.products():
            if product.direction == "down":
                yield Lot(
                    key=stock_key(hub.key, product.name),
                    product=product.name,
                    seller=wholesaler_key(hub.key),
                    hub=hub.key,
                    station=None,
                    quantity=STOCK_PIECES + 2 * ordered.get((hub.key, product.name), 0),
                    price_fen=product.price_fen,
                    harvested_on=day,
                )


def stock_key(hub: str, product: str) -> str:
    return f"stock:{hub}:{product}"
