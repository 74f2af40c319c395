"""Name and seed -> World."""

from collections import Counter
from dataclasses import replace

from marketplace.kernel.temperature import Zone
from marketplace.simulation.worlds import demand, destinations, network, people, sources, supply, wares
from marketplace.simulation.worlds.draw import Phones, stream
from marketplace.simulation.worlds.extents import DEFAULT_SEED, PLAIN_SUFFIX, WORKING_DAY, Extent, extent_of
from marketplace.simulation.worlds.network import Network
from marketplace.simulation.worlds.nouns import Lot, Shipment, World
from marketplace.simulation.worlds.people import People
from marketplace.simulation.worlds.shipments import Bulk, of_buyer_order, of_villager_order

#: orders of one buyer on one day, on average
_ORDERS_PER_BUYER = 1.5


def build(name: str, seed: int = DEFAULT_SEED) -> World:
    """The world of this name: the same for the same seed, on any machine.

    "county-plain" and "city-plain" are the bench worlds without cold budgets and shared cells.
    Raises InvalidInput for an unknown name.
    """
    extent, plain = extent_of(name), name.endswith(PLAIN_SUFFIX)
    phones = Phones()
    net = network.build(extent, seed, phones)
    world = (
        _with_orders(extent, seed, net, phones) if extent.by_orders else _in_bulk(extent, seed, net, phones)
    )
    shipments = world.shipments
    if plain:
        shipments = tuple(replace(shipment, cold_budget_min=None) for shipment in shipments)
    return replace(world, name=name, plain=plain, shipments=shipments)


def _with_orders(extent: Extent, seed: int, net: Network, phones: Phones) -> World:
    parcels = destinations.wanted(stream(seed, "destinations"), extent, net)
    found = demand.baskets(stream(seed, "baskets"), parcels)
    county = {place.key: place.county for place in net.places}
    orders = Counter(county[basket.site] for basket in found if basket.site)
    town = {code: max(1, round(count / _ORDERS_PER_BUYER)) for code, count in orders.items()}
    folk = people.build(extent, seed, net, phones, town, village=max(2, extent.demand.direct // 2))
    lots = tuple(supply.lots(stream(seed, "lots"), folk.farmers, net, WORKING_DAY, _kept_zones(net)))
    buying = demand.Buying(stream(seed, "orders"), net, lots, folk.buyers)
    buyer_orders = tuple(buying.orders(found))
    villager_orders = tuple(demand.villager_orders(stream(seed, "villagers"), extent, net, folk.villagers))
    hub = {station.key: station.hub for station in net.stations}
    asked = Counter(
        (hub[order.station], line.lot.rpartition(":")[2]) for order in villager_orders for line in order.lines
    )
    stock = tuple(supply.stock(net.stations, net.hubs, dict(asked), WORKING_DAY))
    by_key = {lot.key: lot for lot in (*lots, *stock)}
    station = {station.key: station for station in net.stations}
    hub_place = {hub.key: hub.place for hub in net.hubs}
    shipments = [s for order in buyer_orders for s in of_buyer_order(order, by_key, station)]
    shipments += [of_villager_order(order, by_key, hub_place, station) for order in villager_orders]
    world = _world(seed, net, folk, (*lots, *stock), tuple(shipments))
    return replace(world, buyer_orders=buyer_orders, villager_orders=villager_orders)


def _in_bulk(extent: Extent, seed: int, net: Network, phones: Phones) -> World:
    folk = people.build(extent, seed, net, phones, town={}, village=0)
    lots = supply.lots(stream(seed, "lots"), folk.farmers, net, WORKING_DAY, _kept_zones(net))
    stock = supply.stock(net.stations, net.hubs, {}, WORKING_DAY)
    return _world(seed, net, folk, (*lots, *stock), tuple(Bulk(stream(seed, "bulk"), extent, net).draw()))


def _kept_zones(net: Network) -> frozenset[Zone]:
    """Zones that both a cabinet and a van can keep."""
    cells = {cell.zone for cabinet in net.cabinets for cell in cabinet.cells}
    spaces = {space.zone for vehicle in net.vehicles if not vehicle.trunk for space in vehicle.compartments}
    return frozenset(cells & spaces)


def _world(
    seed: int, net: Network, folk: People, lots: tuple[Lot, ...], shipments: tuple[Shipment, ...]
) -> World:
    return World(
        name="",
        seed=seed,
        day=WORKING_DAY,
        plain=False,
        counties=sources.counties(),
        townships=sources.townships(),
        places=net.places,
        hubs=net.hubs,
        stations=net.stations,
        sites=net.sites,
        cabinets=net.cabinets,
        carriers=net.carriers,
        vehicles=net.vehicles,
        products=wares.products(),
        farmers=folk.farmers,
        villagers=folk.villagers,
        buyers=folk.buyers,
        users=folk.users,
        lots=lots,
        buyer_orders=(),
        villager_orders=(),
        shipments=shipments,
    )
