"""Whose cabinets: operators of a county see and act on those of their county, the platform on all."""

from uuid import UUID

from django.db.models import QuerySet

from lockers.models import Cabinet
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal


def counties_of(principal: Principal) -> frozenset[UUID] | None:
    """Where the asker operates cabinets; None: everywhere."""
    return None if principal.has("platform") else principal.scopes("cabinet_operator")


def operated_cabinets(*, principal: Principal) -> QuerySet[Cabinet]:
    cabinets: QuerySet[Cabinet] = Cabinet.objects.filter(withdrawn_at=None)
    counties = counties_of(principal)
    return cabinets if counties is None else cabinets.filter(site__place__county__uuid__in=counties)


def operated_cabinet(*, principal: Principal, cabinet_uuid: UUID) -> Cabinet:
    """Raises NotFound, Forbidden."""
    found: Cabinet | None = (
        Cabinet.objects.select_related("site__place__county", "device").filter(uuid=cabinet_uuid).first()
    )
    if found is None:
        raise NotFound(field="cabinet_id")
    principal.require("cabinet_operator", found.site.place.county.uuid)
    return found
