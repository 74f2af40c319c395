"""Lots as their own people see them."""

from uuid import UUID

from catalog.models import Lot
from catalog.services.search import lots_with_everything
from farmers.models import Station
from farmers.services.access import FARMER, OFFICER
from marketplace.kernel.errors import Forbidden
from marketplace.kernel.principal import Principal

MAX_LOTS = 500


def lots_of_station(*, principal: Principal, station_uuid: UUID) -> list[Lot]:
    """All lots of a station for its officer, his own for a farmer of it; newest first, at most 500.

    Raises NotFound, Unauthenticated, Forbidden naming `station_id`.
    """
    principal.require_signed_in()
    station = Station.by_uuid(station_uuid, field="station_id")
    lots = lots_with_everything().filter(station=station)
    if not principal.has(OFFICER, station.uuid):
        own = principal.scopes(FARMER)
        if not station.farmers.filter(uuid__in=own).exists():
            raise Forbidden(field="station_id")
        lots = lots.filter(seller__uuid__in=own)
    return list(lots.order_by("-id")[:MAX_LOTS])
