"""Hubs at county seats, stations at townships and villages, cabinets in towns, vehicles."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import time

from marketplace.kernel.geo import LonLat
from marketplace.kernel.temperature import ZONE_BANDS, Zone
from marketplace.kernel.units import Size
from marketplace.simulation.worlds import extents, sources
from marketplace.simulation.worlds.draw import Phones, stream
from marketplace.simulation.worlds.nouns import (
    Cabinet,
    Carrier,
    Cell,
    Compartment,
    Hub,
    Place,
    Site,
    Station,
    Township,
    Vehicle,
)
from marketplace.simulation.worlds.terrain import Terrain

GRADES = ("standard", "standard", "specialised", "simple")
_ESTATES = ("明月花园", "秀江名邸", "桂花苑", "翠竹小区", "阳光家园", "锦绣新城", "滨江华府", "荷塘人家")
_OFFICES = ("政务中心", "创业大厦", "人民医院", "职业学院", "高新科技园", "商贸中心")


@dataclass(frozen=True, slots=True)
class Network:
    places: tuple[Place, ...]
    hubs: tuple[Hub, ...]
    stations: tuple[Station, ...]
    sites: tuple[Site, ...]
    cabinets: tuple[Cabinet, ...]
    carriers: tuple[Carrier, ...]
    vehicles: tuple[Vehicle, ...]


class _Builder:
    def __init__(self, extent: extents.Extent, seed: int, phones: Phones) -> None:
        self.extent, self.seed, self.phones = extent, seed, phones
        self.places: list[Place] = []
        self.hubs: list[Hub] = []
        self.stations: list[Station] = []
        self.sites: list[Site] = []
        self.cabinets: list[Cabinet] = []
        self.carriers: list[Carrier] = []
        self.vehicles: list[Vehicle] = []

    def county(self, name: str, want: extents.Places) -> None:
        county = next(county for county in sources.counties() if county.name == name)
        terrain = Terrain(county, sources.townships())
        hub = self._hub(name, terrain)
        self._stations(name, want.stations, hub, terrain)
        self._sites(name, want, hub, terrain)
        self._fleet(name, want.vans, hub)

    def _hub(self, name: str, terrain: Terrain) -> Hub:
        rng = stream(self.seed, "hub", name)
        place = Place(
            key=f"place:hub:{name}",
            kind="hub",
            name=f"{name}共配中心",
            address=f"{name}物流园路",
            county=terrain.county.code,
            township=None,
            at=terrain.around(rng, sources.seats()[name], 500, 2_000),
            opens=time(5, 30),
            closes=time(21, 0),
            synthetic=True,
        )
        hub = Hub(f"hub:{name}", place.name, place.key, place.county, is_city=name == self.extent.city_hub)
        self.places.append(place)
        self.hubs.append(hub)
        return hub

    def _stations(self, county: str, wanted: int, hub: Hub, terrain: Terrain) -> None:
        rng = stream(self.seed, "stations", county)
        names = {township.code: township.name for township in sources.townships()}
        for number, site in enumerate(station_sites(rng, wanted, terrain), start=1):
            key = f"{county}:{number:03d}"
            name = f"{site.name}益农信息社"
            self.places.append(
                Place(
                    key=f"place:station:{key}",
                    kind="station",
                    name=name,
                    address=f"{county}{names[site.township]}{site.village or ''}",
                    county=hub.county,
                    township=site.township,
                    at=site.at,
                    opens=time(6, 30),
                    closes=time(19, 0),
                    synthetic=site.village is not None,
                )
            )
            self.stations.append(
                Station(
                    key=f"station:{key}",
                    code=f"{hub.county}{number:03d}",
                    name=name,
                    grade=rng.choice(GRADES),
                    place=f"place:station:{key}",
                    hub=hub.key,
                    phone=self.phones.mobile(),
                    has_fridge=True,
                    has_freezer=number % 2 == 1,
                )
            )

    def _sites(self, county: str, want: extents.Places, hub: Hub, terrain: Terrain) -> None:
        rng = stream(self.seed, "sites", county)
        for number in range(1, want.sites + 1):
            kind, name = ("estate", _ESTATES) if number % 2 else ("office", _OFFICES)
            label = f"{county[:2]}{name[(number - 1) // 2 % len(name)]}" + (
                "" if number <= 12 else f"{number}号点"
            )
            key = f"{county}:{number:02d}"
            self.places.append(
                Place(
                    key=f"place:site:{key}",
                    kind="cabinet_site",
                    name=label,
                    address=f"{county}{label}东门",
                    county=hub.county,
                    township=None,
                    at=terrain.around(rng, sources.seats()[county], 300, 2_500),
                    opens=time(0, 0),
                    closes=time(23, 59),
                    synthetic=True,
                )
            )
            self.sites.append(Site(f"site:{key}", f"place:site:{key}", hub.key, kind))
            self._cabinets(key, number, want, label)

    def _cabinets(self, key: str, number: int, want: extents.Places, label: str) -> None:
        site = f"site:{key}"
        if number <= want.parcel_lockers:
            cells = tuple(parcel_cells(self.extent.locker_cells))
            self.cabinets.append(
                Cabinet(f"cabinet:P:{key}", self._device(), f"{label}快件箱", "parcel", site, cells)
            )
        if number <= want.cold_cabinets:
            is_first_cold = not any(cabinet.kind == "cold" for cabinet in self.cabinets)
            cells = tuple(cold_cells(cool=2 if self.extent.cool and is_first_cold else 0))
            self.cabinets.append(
                Cabinet(f"cabinet:C:{key}", self._device(), f"{label}冷柜", "cold", site, cells)
            )

    def _device(self) -> str:
        return f"L{4001 + len(self.cabinets)}"

    def _fleet(self, county: str, vans: int, hub: Hub) -> None:
        carrier = Carrier(f"carrier:{county}", f"{county[:2]}通达快递")
        self.carriers.append(carrier)
        for number in range(1, vans + 1):
            has_cool = self.extent.cool and number == 1 and len(self.hubs) == 1
            make = light_truck if self.extent.light_trucks and number % 2 == 0 else van
            self.vehicles.append(make(hub, carrier, number, has_cool=has_cool))
        if self.extent.city_hub is not None and not hub.is_city:
            self.vehicles.append(trunk_truck(hub, carrier))


@dataclass(frozen=True, slots=True)
class StationSite:
    name: str
    township: str
    village: str | None
    at: LonLat


def station_sites(rng: random.Random, wanted: int, terrain: Terrain) -> Iterator[StationSite]:
    """Township seats first (at their real points), then villages scattered around them (synthetic)."""
    names = {township.code: township.name for township in sources.townships()}
    seats = list(terrain.known_townships)
    rng.shuffle(seats)
    for code in seats[:wanted]:
        yield StationSite(names[code], code, None, terrain.point(code))
    villages = [v for v in sources.villages() if v.county == terrain.county.code]
    for village in rng.sample(villages, max(0, wanted - len(seats))):
        short = village.name.removesuffix("村委会").removesuffix("民委员会").removesuffix("村")
        yield StationSite(
            f"{names[village.township]}{short}村",
            village.township,
            village.name,
            terrain.scatter(rng, village.township),
        )


def parcel_cells(count: int) -> Iterator[Cell]:
    """A main unit of 20 cells (2 L, 5 M, 13 S), then sides of 26 (2 L, 6 M, 18 S); ambient."""
    units = [(2, 5, 13)] + [(2, 6, 18)] * ((count - 20) // 26)
    if sum(map(sum, units)) != count:
        raise ValueError(f"no locker has {count} cells: 20 and then 26 for each side")
    for letter, (large, medium, small) in zip("ABCDEFGHI", units, strict=False):
        sizes = [Size.L] * large + [Size.M] * medium + [Size.S] * small
        for number, size in enumerate(sizes, start=1):
            yield Cell(f"{letter}{number:02d}", Zone.AMBIENT, size, ZONE_BANDS[Zone.AMBIENT])


def cold_cells(cool: int) -> Iterator[Cell]:
    """12 chilled and 6 frozen cells of 60 l; `cool` of the chilled ones may be kept cool instead."""
    zones = [Zone.COOL] * cool + [Zone.CHILLED] * (12 - cool) + [Zone.FROZEN] * 6
    for number, zone in enumerate(zones, start=1):
        yield Cell(f"K{number:02d}", zone, Size.M, ZONE_BANDS[zone])


def van(hub: Hub, carrier: Carrier, number: int, *, has_cool: bool) -> Vehicle:
    """An electric van of 4.8 m³ and 1,090 kg with an ambient space and cold boxes."""
    spaces = [
        (Zone.AMBIENT, ZONE_BANDS[Zone.AMBIENT], 3_600_000 - 300_000 * has_cool, 800_000 - 60_000 * has_cool),
        (Zone.CHILLED, ZONE_BANDS[Zone.CHILLED], 800_000, 190_000),
        (Zone.FROZEN, ZONE_BANDS[Zone.FROZEN], 400_000, 100_000),
    ]
    if has_cool:
        spaces.insert(1, (Zone.COOL, ZONE_BANDS[Zone.COOL], 300_000, 60_000))
    return Vehicle(
        key=f"vehicle:{hub.key}:{number:02d}",
        hub=hub.key,
        carrier=carrier.key,
        plate=f"赣C·D{hub.county[-2:]}{number:03d}",
        name=f"{hub.name.removesuffix('共配中心')}{number}号车",
        trunk=False,
        shift_start=time(6, 30),
        shift_end=time(19, 0),
        fixed_cost_fen=18_000,
        cost_fen_per_km=70,
        cost_fen_per_h=3_000,
        speed_km_h=35,
        compartments=tuple(Compartment(*space) for space in spaces),
    )


def light_truck(hub: Hub, carrier: Carrier, number: int, *, has_cool: bool = False) -> Vehicle:
    """A chilled light truck of 12 m³ and 1,500 kg for the loops of large counties."""
    small = van(hub, carrier, number, has_cool=has_cool)
    spaces = (
        (Zone.AMBIENT, 9_000_000, 1_100_000),
        (Zone.CHILLED, 2_000_000, 280_000),
        (Zone.FROZEN, 1_000_000, 120_000),
    )
    return replace(
        small,
        fixed_cost_fen=26_000,
        cost_fen_per_km=120,
        compartments=tuple(
            Compartment(zone, ZONE_BANDS[zone], volume, weight) for zone, volume, weight in spaces
        ),
    )


def trunk_truck(hub: Hub, carrier: Carrier) -> Vehicle:
    """A chilled light truck of 16 m³ and 1,500 kg on the fixed leg between a county hub and the city hub."""
    spaces = ((Zone.AMBIENT, 9_000_000, 800_000), (Zone.COOL, 1_000_000, 100_000))
    cold = ((Zone.CHILLED, 4_000_000, 400_000), (Zone.FROZEN, 2_000_000, 200_000))
    return Vehicle(
        key=f"vehicle:{hub.key}:trunk",
        hub=hub.key,
        carrier=carrier.key,
        plate=f"赣C·T{hub.county[-2:]}001",
        name=f"{hub.name.removesuffix('共配中心')}干线车",
        trunk=True,
        shift_start=time(13, 30),
        shift_end=time(18, 0),
        fixed_cost_fen=30_000,
        cost_fen_per_km=160,
        cost_fen_per_h=3_500,
        speed_km_h=50,
        compartments=tuple(
            Compartment(z, ZONE_BANDS[z], volume, weight) for z, volume, weight in spaces + cold
        ),
    )


def build(extent: extents.Extent, seed: int, phones: Phones) -> Network:
    """The fixed things of a world. Phones are given out in a fixed order."""
    builder = _Builder(extent, seed, phones)
    for county, want in extent.places.items():
        builder.county(county, want)
    return Network(
        tuple(builder.places),
        tuple(builder.hubs),
        tuple(builder.stations),
        tuple(builder.sites),
        tuple(builder.cabinets),
        tuple(builder.carriers),
        tuple(builder.vehicles),
    )


def terrains(names: Sequence[str], townships: Sequence[Township]) -> dict[str, Terrain]:
    """County code -> its ground, for tests that ask whether points lie inside."""
    return {c.code: Terrain(c, townships) for c in sources.counties() if c.name in names}
