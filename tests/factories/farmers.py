from itertools import count

from farmers.kinds import SellerKind
from farmers.models import AgentConsent, Farmer, Station, Villager
from farmers.services import seed
from marketplace.accounts.models import User
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub
from tests.factories.accounts import make_principal
from tests.factories.places import make_hub, make_place

_numbers = count(1)


def make_station(*, hub: Hub | None = None, name: str | None = None, officer: User | None = None) -> Station:
    number = next(_numbers)
    hub = hub or make_hub()
    return seed.create_station(
        code=f"3609-{number:04d}",
        name=name or f"第{number}站",
        place=make_place(county=hub.county, name=f"站点{number}"),
        hub=hub,
        officer=officer,
    )


def make_officer(station: Station) -> Principal:
    return make_principal("information_officer", "station", station.uuid)


def make_farmer(
    *,
    station: Station | None = None,
    name: str | None = None,
    seller_kind: str = SellerKind.HOUSEHOLD,
    licences: dict[str, str] | None = None,
    user: User | None = None,
    consent: bool = True,
) -> Farmer:
    """A farmer whose station may sell for him, unless `consent` is False."""
    number = next(_numbers)
    farmer = seed.create_farmer(
        name=name or f"农户{number}",
        phone=str(13_700_000_000 + number),
        seller_kind=seller_kind,
        station=station or make_station(),
        licences=licences,
        user=user,
    )
    if consent:
        seed.consent_to_sell(farmer)
    return farmer


def make_wholesaler(*, hub: Hub | None = None) -> Farmer:
    """Somebody who sells goods down from a hub, with every licence."""
    number = next(_numbers)
    return seed.create_farmer(
        name=f"批发商{number}",
        phone=str(13_700_000_000 + number),
        seller_kind=SellerKind.COMPANY,
        hub=hub or make_hub(),
        licences={"business": "B1", "food": "F1", "pesticide": "P1", "salt": "S1", "seed": "Z1"},
    )


def make_villager(
    *, station: Station | None = None, name: str | None = None, phone: str = "", consent: bool = True
) -> Villager:
    number = next(_numbers)
    villager = seed.create_villager(
        name=name or f"村民{number}", station=station or make_station(), phone=phone
    )
    if consent:
        seed.consent_to_buy(villager)
    return villager


def living_consent(farmer: Farmer) -> AgentConsent:
    consent: AgentConsent = farmer.consents.get(revoked_at=None)
    return consent
