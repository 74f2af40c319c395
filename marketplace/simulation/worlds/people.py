"""Farmers, villagers, buyers, and a user with demo telephone and PIN for everybody who signs in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marketplace.simulation.worlds import extents
from marketplace.simulation.worlds.draw import Names, Phones, pin, stream
from marketplace.simulation.worlds.network import Network
from marketplace.simulation.worlds.nouns import Buyer, Farmer, Membership, Station, User, Villager

LICENCES = ("business", "food", "pesticide", "salt", "seed")
SELLER_KINDS = ("household", "household", "household", "cooperative", "company", "trader")
#: villagers without a telephone
_NO_PHONE = 0.15


@dataclass(frozen=True, slots=True)
class People:
    farmers: tuple[Farmer, ...]
    villagers: tuple[Villager, ...]
    buyers: tuple[Buyer, ...]
    users: tuple[User, ...]


class _Builder:
    def __init__(self, extent: extents.Extent, seed: int, network: Network, phones: Phones) -> None:
        self.extent, self.network, self.phones = extent, network, phones
        self.rng = stream(seed, "people")
        self.names = Names(self.rng)
        self.users: list[User] = []

    def user(self, key: str, name: str, phone: str, *memberships: Membership) -> User:
        user = User(f"user:{key}", name, phone, pin(self.rng), memberships)
        self.users.append(user)
        return user

    def farmers(self) -> Iterator[Farmer]:
        """One after another over the stations; the seller kinds turn, so each county has all of them.

        Then one wholesaler at each hub that serves stations, for goods that go down.
        """
        stations = self.network.stations
        for number in range(self.extent.farmers):
            station = stations[number % len(stations)]
            kind = SELLER_KINDS[(number + number // len(stations)) % len(SELLER_KINDS)]
            farmer = Farmer(
                key=f"farmer:{number + 1:04d}",
                station=station.key,
                hub=station.hub,
                name=self.names.person(),
                phone=self.phones.mobile(),
                seller_kind=kind,
                licences=() if kind == "household" else ("business", "food"),
                consent_on_file=number % 4 != 3,
            )
            self.user(farmer.key, farmer.name, farmer.phone, Membership("farmer", "farmer", farmer.key))
            yield farmer
        for hub in dict.fromkeys(station.hub for station in stations):
            name, phone = f"{hub.removeprefix('hub:')}供销商贸", self.phones.mobile()
            yield Farmer(wholesaler_key(hub), None, hub, name, phone, "company", LICENCES, False)

    def villagers(self) -> Iterator[Villager]:
        for station in self.network.stations:
            for number in range(1, self.extent.villagers_per_station + 1):
                has_phone = self.rng.random() >= _NO_PHONE
                yield Villager(
                    key=f"villager:{station.key}:{number:02d}",
                    station=station.key,
                    name=self.names.person(),
                    phone=self.phones.mobile() if has_phone else None,
                    consent_on_file=number % 8 != 0,
                )

    def buyers(self, wanted: dict[str, int]) -> Iterator[Buyer]:
        """Town people per county code. Each agrees to every cabinet site of the county, favourite first."""
        for county, count in wanted.items():
            sites = [
                place.key
                for place in self.network.places
                if place.kind == "cabinet_site" and place.county == county
            ]
            for number in range(1, count + 1):
                key = f"buyer:{county}:{number:04d}"
                user = self.user(key, self.names.person(), self.phones.mobile())
                favourite = self.rng.randrange(len(sites)) if sites else 0
                yield Buyer(key, user.key, county, tuple(sites[favourite:] + sites[:favourite]))

    def neighbours(self, wanted: int) -> Iterator[Buyer]:
        """Buyers of the countryside who collect at stations: each agrees to all stations of one hub."""
        by_hub: dict[str, list[Station]] = {}
        for station in self.network.stations:
            by_hub.setdefault(station.hub, []).append(station)
        hubs = [hub for hub in self.network.hubs if hub.key in by_hub]
        for number in range(1, wanted + 1):
            hub = hubs[number % len(hubs)]
            key = f"buyer:{hub.county}:village:{number:04d}"
            user = self.user(key, self.names.person(), self.phones.mobile())
            yield Buyer(key, user.key, hub.county, tuple(station.place for station in by_hub[hub.key]))

    def staff(self) -> None:
        for station in self.network.stations:
            name, membership = self.names.person(), Membership("information_officer", "station", station.key)
            self.user(f"officer:{station.key}", name, station.phone, membership)
        for hub in self.network.hubs:
            self._person("hub_operator", "hub", hub.key)
            self._person("dispatcher", "hub", hub.key)
            self._person("cabinet_operator", "county", hub.county)
            self._person("county_reviewer", "county", hub.county)
        for vehicle in self.network.vehicles:
            membership = Membership("courier", "carrier", vehicle.carrier)
            self.user(f"courier:{vehicle.key}", self.names.person(), self.phones.mobile(), membership)
        for role, scope in (("city_viewer", "platform"), ("platform", "platform"), ("tester", "platform")):
            self._person(role, scope, None)

    def _person(self, role: str, scope_kind: str, scope: str | None) -> None:
        key = f"{role}:{scope}" if scope else role
        self.user(key, self.names.person(), self.phones.mobile(), Membership(role, scope_kind, scope))


def wholesaler_key(hub: str) -> str:
    return f"wholesaler:{hub}"


def build(
    extent: extents.Extent, seed: int, network: Network, phones: Phones, town: dict[str, int], village: int
) -> People:
    """`town`: buyers wanted by county code; `village`: buyers who collect at stations."""
    builder = _Builder(extent, seed, network, phones)
    builder.staff()
    farmers = tuple(builder.farmers())
    villagers = tuple(builder.villagers())
    buyers = (*builder.buyers(town), *builder.neighbours(village))
    return People(farmers, villagers, buyers, tuple(builder.users))


def of_county(buyers: Sequence[Buyer], county: str) -> list[Buyer]:
    return [buyer for buyer in buyers if buyer.county == county and ":village:" not in buyer.key]
