"""Who works in the world of world.py, and who has the same roles elsewhere."""

from dataclasses import dataclass, field
from typing import Any

from farmers.models import EvidenceFile
from farmers.services.fields import add_plot
from marketplace.accounts.models import User
from marketplace.accounts.services.sign_in import principal_of
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock, ids
from marketplace.kernel.geo import LonLat
from marketplace.kernel.principal import Principal
from marketplace.places.models import Carrier
from tests.factories.accounts import make_principal
from tests.factories.catalog import make_hub_lot, make_van
from tests.factories.farmers import living_consent, make_farmer, make_officer, make_villager
from tests.factories.orders import (
    Market,
    make_buyer,
)
from tests.factories.places import make_county, make_hub, make_place, make_site


@dataclass
class World:
    market: Market
    people: dict[str, Principal] = field(default_factory=dict)
    strangers: dict[str, Principal] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def name(self, **things: Any) -> None:
        for name, thing in things.items():
            self.ids[name] = thing if isinstance(thing, str) else str(getattr(thing, "uuid", thing))

    @property
    def officer(self) -> Principal:
        return self.people["information_officer"]

    @property
    def packer(self) -> Principal:
        return self.people["hub_operator"]

    @property
    def courier(self) -> Principal:
        return self.people["courier"]


def staff(world: World) -> None:
    market = world.market
    van = market.hub.vehicles.filter(is_trunk=False).get()
    world.people = {
        "nobody": Principal(),
        "buyer": market.principal,
        "farmer": make_principal("farmer", "farmer", market.farmer.uuid),
        "information_officer": make_officer(market.station),
        "courier": make_principal("courier", "carrier", van.carrier.uuid),
        "hub_operator": make_principal("hub_operator", "hub", market.hub.uuid),
        "dispatcher": make_principal("dispatcher", "hub", market.hub.uuid),
        "cabinet_operator": make_principal("cabinet_operator", "county", market.town.county.uuid),
        "county_reviewer": make_principal("county_reviewer", "county", market.hub.county.uuid),
        "city_viewer": make_principal("city_viewer", "county", market.hub.county.uuid),
        "platform": make_principal("platform"),
        "tester": make_principal("tester"),
    }
    world.name(
        station=market.station,
        hub=market.hub,
        town=market.town,
        farmer=market.farmer,
        carrier=van.carrier,
        cabinet=market.cabinet,
        place=market.place,
        kiwi=market.kiwi,
        rice=market.rice,
        product=market.kiwi.product,
        consent=living_consent(market.farmer),
    )


def elsewhere(world: World) -> None:
    """The next station of the same hub; another county with its hub; another carrier; another buyer."""
    market = world.market
    hub = make_hub(county=make_county(code="360981", name="丰城市"))
    make_van(hub)
    farmer = make_farmer(station=market.second)
    carrier = Carrier.objects.create(name="外地快运")
    world.strangers = {
        "buyer": principal_of(make_buyer(market.place)),
        "farmer": make_principal("farmer", "farmer", farmer.uuid),
        "information_officer": make_officer(market.second),
        "courier": make_principal("courier", "carrier", carrier.uuid),
        "hub_operator": make_principal("hub_operator", "hub", hub.uuid),
        "dispatcher": make_principal("dispatcher", "hub", hub.uuid),
        "cabinet_operator": make_principal("cabinet_operator", "county", hub.county.uuid),
        "county_reviewer": make_principal("county_reviewer", "county", hub.county.uuid),
        "city_viewer": make_principal("city_viewer", "county", hub.county.uuid),
    }
    uploader = user_of(world.strangers["information_officer"])
    world.name(
        other_station=market.second,
        other_hub=hub,
        other_farmer=farmer,
        other_villager=make_villager(station=market.second),
        other_plot=make_plot(world.strangers["farmer"], farmer),
        other_goods=make_hub_lot(hub=hub),
        other_file=make_file(uploader),
        other_place=make_site(hub=market.town).place,
        other_crate=create_unit(
            kind="crate",
            zone="chilled",
            gross_g=9_000,
            volume_ml=1,
            size="none",
            holder=Holder("hub", hub.uuid),
        ),
        door=make_place(kind="door"),
    )


def user_of(principal: Principal) -> User:
    assert principal.user_uuid is not None
    found: User = User.objects.get(uuid=principal.user_uuid)
    return found


def make_plot(principal: Principal, farmer: Any) -> Any:
    return add_plot(principal=principal, farmer=farmer, name="东坡", at=LonLat(115.38, 28.7))


def make_file(uploader: User, purpose: str = "consent") -> EvidenceFile:
    file: EvidenceFile = EvidenceFile.objects.create(
        name=f"{purpose}/{ids.uuid7()}.jpg",
        purpose=purpose,
        sha256="0" * 64,
        uploaded_by=uploader,
        uploaded_at=clock.now(),
    )
    return file
