"""Who sees a breach: the people of the county where its asset stands, and the city."""

from uuid import UUID

from django.db.models import QuerySet

from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub
from marketplace.telemetry.models import Alarm, Breach

COUNTY_ROLES = ("cabinet_operator", "county_reviewer", "city_viewer")
HUB_ROLES = ("hub_operator", "dispatcher")


def visible_alarms(*, principal: Principal) -> QuerySet[Alarm]:
    """Cold alarms of the counties whose cabinets the asker operates or that he reviews, the latest first."""
    alarms: QuerySet[Alarm] = Alarm.objects.select_related("probe").order_by("-raised_at", "-pk")
    if principal.has("platform"):
        return alarms
    counties = principal.scopes("cabinet_operator") | principal.scopes("county_reviewer")
    return alarms.filter(probe__county_uuid__in=counties)


def visible_breaches(*, principal: Principal) -> QuerySet[Breach]:
    """Breaches that were not withdrawn, of the asker's counties; a role without scope sees all."""
    breaches: QuerySet[Breach] = Breach.objects.filter(withdrawn_at=None)
    unbounded = any(grant.role in COUNTY_ROLES and grant.scope_uuid is None for grant in principal.grants)
    if principal.has("platform") or unbounded:
        return breaches
    counties = frozenset[UUID]().union(*(principal.scopes(role) for role in COUNTY_ROLES))
    hubs = frozenset[UUID]().union(*(principal.scopes(role) for role in HUB_ROLES))
    if hubs:
        counties |= set(Hub.objects.filter(uuid__in=hubs).values_list("county__uuid", flat=True))
    return breaches.filter(probe__county_uuid__in=counties)
