"""How large each world is: the table of the four worlds, and the mix of their demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from marketplace.kernel.errors import N_, InvalidInput

#: Thursday; orders are placed on the Wednesday before. Kiwi, bamboo shoots and citrus are in season.
WORKING_DAY = date(2026, 11, 12)
DEFAULT_SEED = 1
PLAIN_SUFFIX = "-plain"


@dataclass(frozen=True, slots=True)
class Places:
    """What stands in one county; lockers and cold cabinets stand at the first of its `sites`."""

    stations: int
    vans: int
    sites: int = 0
    parcel_lockers: int = 0
    cold_cabinets: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """Shipments of the day. `direct` ones are part of the zone counts and go to another station's counter."""

    down: int
    up: int
    chilled: int
    frozen: int
    cool: int = 0
    direct_chilled: int = 0
    direct_ambient: int = 0
    neighbours: float = 0.4
    """Share of villagers' shipments that may be collected at a second station too."""
    by_alipay: float = 0.15
    """Share of villagers' orders paid by Alipay; the rest is paid in cash at the station."""

    @property
    def direct(self) -> int:
        return self.direct_chilled + self.direct_ambient


@dataclass(frozen=True, slots=True)
class Extent:
    """A world before any chance is drawn; `places` by county name."""

    places: Mapping[str, Places]
    city_hub: str | None
    locker_cells: int
    farmers: int
    villagers_per_station: int
    demand: Demand
    by_orders: bool
    """True: people place every shipment as an order; False: shipments only, for the router's bench."""
    cool: bool = False
    light_trucks: bool = False
    """Every second vehicle is a light truck of 12 m³: vans alone cannot take a county's day in one loop."""
    van_fill: float = 0.80
    """Load down as a share of the ambient space of the vans that the loops need."""
    vans_needed: Mapping[str, int] = field(default_factory=dict)


def _frozen(**counties: Places) -> Mapping[str, Places]:
    return MappingProxyType(dict(counties))


def _city() -> Mapping[str, Places]:
    stations = {
        "丰城市": 64, "高安市": 41, "袁州区": 39, "樟树市": 33, "宜丰县": 30,
        "上高县": 26, "万载县": 25, "奉新县": 20, "铜鼓县": 12, "靖安县": 10,
    }  # fmt: skip
    sites = {
        "丰城市": 10, "高安市": 8, "袁州区": 14, "樟树市": 7, "宜丰县": 5,
        "上高县": 5, "万载县": 5, "奉新县": 3, "铜鼓县": 2, "靖安县": 1,
    }  # fmt: skip
    vans = {
        "丰城市": 12, "高安市": 8, "袁州区": 9, "樟树市": 7, "宜丰县": 6,
        "上高县": 5, "万载县": 5, "奉新县": 4, "铜鼓县": 2, "靖安县": 2,
    }  # fmt: skip
    return MappingProxyType(
        {name: Places(stations[name], vans[name], sites[name], sites[name], sites[name]) for name in stations}
    )


EXTENTS: Mapping[str, Extent] = MappingProxyType(
    {
        "test": Extent(
            places=_frozen(
                奉新县=Places(stations=3, vans=1, sites=2, parcel_lockers=2),
                袁州区=Places(stations=3, vans=1, sites=2, parcel_lockers=2, cold_cabinets=2),
            ),
            city_hub="袁州区",
            locker_cells=20,
            farmers=12,
            villagers_per_station=6,
            demand=Demand(down=44, up=36, chilled=12, frozen=3, direct_chilled=2, direct_ambient=2),
            by_orders=True,
            vans_needed={"奉新县": 1, "袁州区": 1},
        ),
        "small": Extent(
            places=_frozen(
                奉新县=Places(stations=20, vans=4, sites=2, parcel_lockers=2, cold_cabinets=1),
                袁州区=Places(stations=0, vans=1, sites=2, parcel_lockers=2, cold_cabinets=2),
            ),
            city_hub="袁州区",
            locker_cells=46,
            farmers=60,
            villagers_per_station=8,
            demand=Demand(
                down=200, up=100, chilled=46, frozen=10, cool=2, direct_chilled=16, direct_ambient=2
            ),
            by_orders=True,
            cool=True,
            vans_needed={"奉新县": 3},
        ),
        "county": Extent(
            places=_frozen(樟树市=Places(stations=110, vans=14, sites=8, parcel_lockers=8, cold_cabinets=6)),
            city_hub=None,
            locker_cells=72,
            farmers=400,
            villagers_per_station=0,
            demand=Demand(
                down=3300, up=300, chilled=360, frozen=72, direct_chilled=10, direct_ambient=20
            ),
            by_orders=False,
            light_trucks=True,
        ),
        "city": Extent(
            places=_city(),
            city_hub="袁州区",
            locker_cells=72,
            farmers=2500,
            villagers_per_station=0,
            demand=Demand(
                down=9000, up=3000, chilled=1200, frozen=240, direct_chilled=60, direct_ambient=240
            ),
            by_orders=False,
            light_trucks=True,
        ),
    }
)  # fmt: skip


def extent_of(name: str) -> Extent:
    """The size of a world by its name, with or without "-plain". Raises InvalidInput for any other name."""
    extent = EXTENTS.get(name.removesuffix(PLAIN_SUFFIX))
    if extent is None or (name.endswith(PLAIN_SUFFIX) and extent.by_orders):
        known = ", ".join([*EXTENTS, *(n + PLAIN_SUFFIX for n, e in EXTENTS.items() if not e.by_orders)])
        raise InvalidInput(N_("没有这个世界，可选：%(known)s"), field="name", params={"known": known})
    return extent
