"""Reading stations and their people, in few statements whatever their number."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from farmers.models import AgentConsent, Farmer, Station, Villager
from farmers.services.access import require_people
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal


def find_station(station_uuid: UUID) -> Station:
    """A station's public face. Raises NotFound."""
    station: Station | None = (
        Station.objects.select_related("place__county", "county", "hub").filter(uuid=station_uuid).first()
    )
    if station is None:
        raise NotFound(field="id")
    return station


def farmers_of(*, principal: Principal, station: Station) -> list[Farmer]:
    """The station's farmers with their consents, by name. Raises Forbidden for others' stations."""
    require_people(principal, station)
    return list(_farmers().filter(station=station).order_by("name", "id"))


def villagers_of(*, principal: Principal, station: Station) -> list[Villager]:
    """The station's villagers with their consents, by name. Raises Forbidden for others' stations."""
    require_people(principal, station)
    villagers = Villager.objects.filter(station=station)
    return list(villagers.prefetch_related(_consents()).order_by("name", "id"))


def my_farmers(principal: Principal) -> list[Farmer]:
    """The farmers that the asker is himself."""
    principal.require_signed_in()
    return list(_farmers().filter(uuid__in=principal.scopes("farmer")).order_by("id"))


def _farmers() -> QuerySet[Farmer]:
    return Farmer.objects.select_related(
        "station__place__county", "station__county", "station__hub"
    ).prefetch_related(_consents())


def _consents() -> Prefetch[str]:
    return Prefetch(
        "consents",
        queryset=AgentConsent.objects.select_related("station", "farmer", "villager").order_by("-id"),
    )
