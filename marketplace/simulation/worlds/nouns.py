"""What a world is made of. Frozen, free of Django and of chance; every thing has a `key` unique in its world.

Keys name things to people ("station:奉新县:03"); `World.uuid(key)` gives the UUIDv7 under which the loader
stores it, so that a player who builds the same world knows the ids without asking.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, time
from functools import cached_property
from uuid import UUID

from marketplace.kernel.geo import LonLat
from marketplace.kernel.temperature import Band, Zone
from marketplace.kernel.units import Size


@dataclass(frozen=True, slots=True)
class County:
    code: str
    name: str
    outline: tuple[tuple[tuple[float, float], ...], ...]
    """Closed rings of (lon, lat)."""


@dataclass(frozen=True, slots=True)
class Township:
    code: str
    """The statistical bureau's code (NBS) where there is one, else that of civil affairs (MCA)."""
    code_nbs: str
    code_mca: str
    name: str
    county: str
    at: LonLat | None


@dataclass(frozen=True, slots=True)
class Place:
    key: str
    kind: str
    """hub, station or cabinet_site."""
    name: str
    address: str
    county: str
    """Codes of county and township."""
    township: str | None
    at: LonLat
    opens: time
    closes: time
    synthetic: bool
    """True when the point is ours: scattered near a real township, not surveyed."""


@dataclass(frozen=True, slots=True)
class Hub:
    key: str
    name: str
    place: str
    county: str
    is_city: bool


@dataclass(frozen=True, slots=True)
class Station:
    key: str
    code: str
    name: str
    grade: str
    """standard, specialised or simple."""
    place: str
    hub: str
    phone: str
    has_fridge: bool
    has_freezer: bool


@dataclass(frozen=True, slots=True)
class Site:
    key: str
    place: str
    hub: str
    site_kind: str
    """estate or office."""


@dataclass(frozen=True, slots=True)
class Cell:
    label: str
    zone: Zone
    size: Size
    band: Band


@dataclass(frozen=True, slots=True)
class Cabinet:
    key: str
    device: str
    name: str
    kind: str
    """parcel or cold."""
    site: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Compartment:
    """A part of a vehicle's load space."""

    zone: Zone
    band: Band
    volume_ml: int
    weight_g: int


@dataclass(frozen=True, slots=True)
class Vehicle:
    key: str
    hub: str
    carrier: str
    plate: str
    name: str
    trunk: bool
    """A trunk truck runs between hubs on the fixed timetable and is not planned."""
    shift_start: time
    shift_end: time
    fixed_cost_fen: int
    cost_fen_per_km: int
    cost_fen_per_h: int
    speed_km_h: int
    compartments: tuple[Compartment, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Product:
    """What demand needs to know of a product; the catalogue's own rows hold the rest."""

    name: str
    """Also its key."""
    direction: str
    county: str | None
    """Name of the county of origin; None when it is grown everywhere or comes from outside."""
    zone: Zone
    band: Band
    shelf_life_days: int | None
    unit: str
    """g: sold by weight, price per kg; piece: price per piece."""
    gross_g: int
    """Of one piece, or of one kilogram when sold by weight."""
    volume_ml: int
    size: Size
    price_fen: int
    needs_certificate: bool
    cargo: str
    """food, pesticide or general: pesticide never rides with food."""
    in_season: bool
    """Harvested in the month of the world's day; always true for what keeps longer than a month."""


@dataclass(frozen=True, slots=True)
class Farmer:
    """A seller. Who grows stands at a station, who sells goods down stands at a hub."""

    key: str
    station: str | None
    hub: str
    name: str
    phone: str
    seller_kind: str
    licences: tuple[str, ...]
    consent_on_file: bool
    """False: the station records his consent when it first acts for him."""


@dataclass(frozen=True, slots=True)
class Villager:
    key: str
    station: str
    name: str
    phone: str | None
    """None: no telephone at all; such people sign for what they collect."""
    consent_on_file: bool


@dataclass(frozen=True, slots=True)
class Buyer:
    key: str
    user: str
    county: str
    consents: tuple[str, ...]
    """Places that he agreed to, standing; the first is his favourite."""


@dataclass(frozen=True, slots=True)
class Membership:
    role: str
    scope_kind: str
    scope: str | None
    """Key of the station, farmer, hub or carrier, or code of the county; None for the platform."""


@dataclass(frozen=True, slots=True)
class User:
    key: str
    name: str
    phone: str
    pin: str
    memberships: tuple[Membership, ...] = ()


@dataclass(frozen=True, slots=True)
class Lot:
    """Upward: what a farmer brings on the day. Downward: stock of a hub."""

    key: str
    product: str
    seller: str
    hub: str
    station: str | None
    quantity: int
    price_fen: int
    harvested_on: date


@dataclass(frozen=True, slots=True)
class Line:
    lot: str
    quantity: int


@dataclass(frozen=True, slots=True)
class BuyerOrder:
    key: str
    buyer: str
    lines: tuple[Line, ...]
    places: tuple[str, ...]
    """One place: "this place"; several: "any of mine", first choice first."""


@dataclass(frozen=True, slots=True)
class VillagerOrder:
    key: str
    villager: str
    station: str
    lines: tuple[Line, ...]
    payment: str
    """cash or alipay."""
    also_at: tuple[str, ...]
    """Stations nearby (their places) where the villager would collect as well."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One thing to carry on the day, as the router sees it."""

    key: str
    direction: str
    zone: Zone
    origins: tuple[str, ...]
    options: tuple[str, ...]
    direct: bool
    """From a station to a later stop of the same loop."""
    weight_g: int
    volume_ml: int
    size: Size
    cargo: str
    value_fen: int
    cold_budget_min: int | None
    order: str | None


@dataclass(frozen=True)
class World:
    name: str
    seed: int
    day: date
    plain: bool
    """No cold budget and no shared slots: for comparison with routers that model neither."""
    counties: tuple[County, ...]
    townships: tuple[Township, ...]
    places: tuple[Place, ...]
    hubs: tuple[Hub, ...]
    stations: tuple[Station, ...]
    sites: tuple[Site, ...]
    cabinets: tuple[Cabinet, ...]
    carriers: tuple[Carrier, ...]
    vehicles: tuple[Vehicle, ...]
    products: tuple[Product, ...]
    farmers: tuple[Farmer, ...]
    villagers: tuple[Villager, ...]
    buyers: tuple[Buyer, ...]
    users: tuple[User, ...]
    lots: tuple[Lot, ...]
    buyer_orders: tuple[BuyerOrder, ...]
    villager_orders: tuple[VillagerOrder, ...]
    shipments: tuple[Shipment, ...]

    def uuid(self, key: str) -> UUID:
        """The UUIDv7 of a thing: midnight (UTC) of the world's day, the rest drawn from seed and key."""
        digest = hashlib.sha256(f"{self.name.removesuffix('-plain')}|{self.seed}|{key}".encode()).digest()
        milliseconds = (self.day.toordinal() - date(1970, 1, 1).toordinal()) * 86_400_000
        number = milliseconds << 80 | int.from_bytes(digest[:10], "big")
        number = number & ~(0xF << 76) | 0x7 << 76
        return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)

    @cached_property
    def place(self) -> dict[str, Place]:
        return {place.key: place for place in self.places}

    @cached_property
    def product(self) -> dict[str, Product]:
        return {product.name: product for product in self.products}

    @cached_property
    def lot(self) -> dict[str, Lot]:
        return {lot.key: lot for lot in self.lots}

    @cached_property
    def villager(self) -> dict[str, Villager]:
        return {villager.key: villager for villager in self.villagers}

    @cached_property
    def user(self) -> dict[str, User]:
        return {user.key: user for user in self.users}

    @cached_property
    def station(self) -> dict[str, Station]:
        return {station.key: station for station in self.stations}

    @cached_property
    def hub(self) -> dict[str, Hub]:
        return {hub.key: hub for hub in self.hubs}
