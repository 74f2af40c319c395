"""Where the produce of a day goes: parcels of each zone to cabinet sites and to station counters."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketplace.kernel.temperature import Zone
from marketplace.simulation.worlds.extents import Extent
from marketplace.simulation.worlds.network import Network

#: the busiest cabinets are at least 70 % full; the favourite site of a zone gets a little more
BUSIEST = 0.74
#: no cabinet is planned fuller than this, the last cells are for returns and larger days
FULLEST = 0.92


@dataclass(frozen=True, slots=True)
class Wanted:
    """One parcel of produce before anybody orders it; `site` is the first choice (None: a counter)."""

    zone: Zone
    site: str | None


def site_cells(network: Network) -> dict[str, Counter[Zone]]:
    """Cells per zone of each cabinet site, by its place."""
    place = {site.key: site.place for site in network.sites}
    cells: dict[str, Counter[Zone]] = {site.place: Counter() for site in network.sites}
    for cabinet in network.cabinets:
        cells[place[cabinet.site]].update(cell.zone for cell in cabinet.cells)
    return cells


def wanted(rng: random.Random, extent: Extent, network: Network) -> list[Wanted]:
    """Every upward parcel of the day. What the cold cells cannot take of the cold share goes down instead."""
    demand, cells = extent.demand, site_cells(network)
    up = up_by_zone(extent, network)
    found = [Wanted(Zone.CHILLED, None)] * demand.direct_chilled
    found += [Wanted(Zone.AMBIENT, None)] * demand.direct_ambient
    for zone, count in up.items():
        capacity = {place: counter[zone] for place, counter in cells.items() if counter[zone]}
        for place, parcels in allot(rng, count, capacity).items():
            found += [Wanted(zone, place)] * parcels
    rng.shuffle(found)
    return found


def up_by_zone(extent: Extent, network: Network) -> dict[Zone, int]:
    """Parcels for cabinets per zone; the direct ones come on top."""
    demand, cells = extent.demand, Counter[Zone]()
    for counter in site_cells(network).values():
        cells.update(counter)
    chilled = min(demand.chilled - demand.direct_chilled, int(cells[Zone.CHILLED] * FULLEST))
    frozen = min(demand.frozen, int(cells[Zone.FROZEN] * FULLEST))
    cool = min(demand.cool, cells[Zone.COOL])
    ambient = demand.up - demand.direct - chilled - frozen - cool
    return {Zone.CHILLED: chilled, Zone.FROZEN: frozen, Zone.COOL: cool, Zone.AMBIENT: ambient}


def allot(rng: random.Random, count: int, capacity: Mapping[str, int]) -> dict[str, int]:
    """Spread `count` parcels over places: the largest (last of equals) is the favourite, up to BUSIEST.

    The rest is spread by chance. Raises ValueError when they do not fit.
    """
    if count > sum(capacity.values()):
        raise ValueError(f"{count} parcels for {sum(capacity.values())} cells")
    if not count:
        return {}
    favourite = max(reversed(list(capacity)), key=lambda place: capacity[place])
    given = Counter({favourite: min(count, int(capacity[favourite] * BUSIEST + 0.999))})
    for limit in (FULLEST, 1.0):
        room = [p for p, cells in capacity.items() for _ in range(max(0, int(cells * limit) - given[p]))]
        given.update(rng.sample(room, min(len(room), count - given.total())))
    return dict(given)


def by_county(parcels: Sequence[Wanted], network: Network) -> Counter[str | None]:
    """How many parcels go to the cabinets of each county; None: to station counters."""
    county = {place.key: place.county for place in network.places}
    return Counter(county[parcel.site] if parcel.site else None for parcel in parcels)
