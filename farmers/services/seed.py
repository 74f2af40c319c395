"""Building a world: the same rows that people would register, without a person at the counter.

For the world generator and its tests; nothing here asks for rights.
"""

from collections.abc import Mapping, Sequence

from farmers.kinds import EvidenceKind, Grade, SellerKind, ServiceKind
from farmers.models import AgentConsent, Farmer, Station, Villager
from farmers.services.consents import create_consent
from farmers.services.registration import add_licence
from marketplace.accounts.models import User
from marketplace.accounts.services.memberships import grant
from marketplace.kernel import clock
from marketplace.places.models import Hub, Place


def create_station(
    *,
    code: str,
    name: str,
    place: Place,
    hub: Hub,
    grade: str = Grade.STANDARD,
    services: Sequence[str] = tuple(ServiceKind.values),
    phone: str = "",
    has_fridge: bool = True,
    has_freezer: bool = False,
    officer: User | None = None,
) -> Station:
    """A station at a place; `officer` becomes its information officer."""
    station: Station = Station.objects.create(
        code=code,
        name=name,
        place=place,
        county=place.county,
        hub=hub,
        grade=grade,
        services=list(services),
        phone=phone,
        has_fridge=has_fridge,
        has_freezer=has_freezer,
    )
    if officer is not None:
        grant(
            user=officer,
            role="information_officer",
            scope_kind="station",
            scope_uuid=station.uuid,
            scope_label=station.name,
        )
    return station


def create_farmer(
    *,
    name: str,
    phone: str,
    seller_kind: str = SellerKind.HOUSEHOLD,
    station: Station | None = None,
    hub: Hub | None = None,
    user: User | None = None,
    licences: Mapping[str, str] | None = None,
) -> Farmer:
    """A seller at a station, or at a hub for goods that go down; `licences` maps kind to number."""
    farmer: Farmer = Farmer.objects.create(
        name=name,
        phone=phone,
        seller_kind=seller_kind,
        station=station,
        hub=hub,
        user=user,
        own_produce_declared_at=clock.now() if seller_kind == SellerKind.HOUSEHOLD else None,
        registered_at=clock.now(),
    )
    for kind, number in (licences or {}).items():
        add_licence(farmer=farmer, kind=kind, number=number)
    if user is not None:
        grant(user=user, role="farmer", scope_kind="farmer", scope_uuid=farmer.uuid, scope_label=name)
    return farmer


def create_villager(*, name: str, station: Station, phone: str = "", user: User | None = None) -> Villager:
    villager: Villager = Villager.objects.create(
        name=name, phone=phone, station=station, user=user, registered_at=clock.now()
    )
    return villager


def consent_to_sell(farmer: Farmer) -> AgentConsent:
    """代卖 by the farmer's own station, on a printed form."""
    assert farmer.station is not None
    return create_consent(
        station=farmer.station, farmer=farmer, evidence_kind=EvidenceKind.PRINTED_FORM, recorded_by=None
    )


def consent_to_buy(villager: Villager) -> AgentConsent:
    """代买 by the villager's own station, on a printed form."""
    return create_consent(
        station=villager.station, villager=villager, evidence_kind=EvidenceKind.PRINTED_FORM, recorded_by=None
    )
