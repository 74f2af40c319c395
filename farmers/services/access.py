"""Whose object is it: a station's officer acts for his own station, a farmer for himself."""

from uuid import UUID

from farmers.models import Farmer, Station, Villager
from marketplace.accounts.models import User
from marketplace.kernel.errors import Forbidden, NotFound
from marketplace.kernel.principal import Principal

OFFICER = "information_officer"
FARMER = "farmer"
REVIEWER = "county_reviewer"


def station_for(*, principal: Principal, station_uuid: UUID, field: str = "station_id") -> Station:
    """The station, for its officer. Raises NotFound or Forbidden naming `field`."""
    principal.require_signed_in()
    station: Station | None = (
        Station.objects.select_related("place", "county", "hub").filter(uuid=station_uuid).first()
    )
    if station is None:
        raise NotFound(field=field)
    if not principal.has(OFFICER, station.uuid):
        raise Forbidden(field=field)
    return station


def my_stations(principal: Principal) -> list[Station]:
    """Where the asker serves; all of them for the platform."""
    principal.require_signed_in()
    stations = Station.objects.select_related("place__county", "county", "hub").order_by("code")
    if not principal.has("platform"):
        stations = stations.filter(uuid__in=principal.scopes(OFFICER))
    return list(stations)


def may_see_people(principal: Principal, station: Station) -> bool:
    """Names and phones of a station's people: its officer, and the reviewer of its county."""
    return principal.has(OFFICER, station.uuid) or principal.has(REVIEWER, station.county.uuid)


def require_people(principal: Principal, station: Station) -> None:
    principal.require_signed_in()
    if not may_see_people(principal, station):
        raise Forbidden(field="station_id")


def farmer_of(station: Station, farmer_uuid: UUID, *, field: str = "farmer_id") -> Farmer:
    """A farmer of this station. Raises NotFound for anybody else's."""
    farmer: Farmer | None = Farmer.objects.filter(uuid=farmer_uuid, station=station).first()
    if farmer is None:
        raise NotFound(field=field)
    return farmer


def villager_of(station: Station, villager_uuid: UUID, *, field: str = "villager_id") -> Villager:
    """A villager of this station. Raises NotFound for anybody else's."""
    villager: Villager | None = Villager.objects.filter(uuid=villager_uuid, station=station).first()
    if villager is None:
        raise NotFound(field=field)
    return villager


def acting_user(principal: Principal) -> User | None:
    """The user row behind the principal; None for a process of ours."""
    return User.objects.get(uuid=principal.user_uuid) if principal.user_uuid else None
