"""The siting report: how near the cabinets are, what they turned away, where another one would help (G13)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

from django.db.models import Count, F, Sum
from django.utils.translation import gettext

from lockers.errors import NoRoom
from lockers.models import Cabinet, TurnedAway
from lockers.services.access import counties_of
from lockers.services.oversight.utilisation import MOST_DAYS
from lockers.siting import Candidate, Demand, ReachBand, nearest_m, rank, reach_bands
from marketplace.accounts.models import DeliveryConsent
from marketplace.custody.models import CustodyEvent
from marketplace.documents.sheets import Value, csv_file
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.principal import Principal
from marketplace.places.models import Place, PlaceKind

#: a point is near within this: the city's yardstick is the area within 2 km of a cabinet
NEAR_M = 2_000
_COLUMNS = (
    N_("地点"), N_("建议"), N_("到站自取件数"), N_("满柜未收件数"), N_("最近柜点（米）"),
    N_("可省路程（公里）"), N_("经度"), N_("纬度"),
)  # fmt: skip
_KINDS = {"more": N_("加柜"), "new": N_("新设柜点")}
MOST_CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class Siting:
    """`reach_m`: per station the great circle to the nearest cabinet, ascending."""

    stations: int
    reach_m: list[int]
    turned_away: int
    candidates: list[Candidate]
    buyers: list[ReachBand]

    @property
    def median_m(self) -> int | None:
        return round(median(self.reach_m)) if self.reach_m else None

    @property
    def near_share(self) -> float | None:
        return sum(m <= NEAR_M for m in self.reach_m) / self.stations if self.stations else None


def siting(*, principal: Principal, start: datetime, end: datetime) -> Siting:
    """The counties whose cabinets the asker operates, or that he reviews. A fixed number of queries.

    Raises InvalidInput for a stretch that is upside down or longer than a quarter.
    """
    if not timedelta() < end - start <= timedelta(days=MOST_DAYS):
        raise InvalidInput(N_("时间段应在一个季度以内"), field="start")
    demands = _demands(principal, start, end)
    stations = [each for each in demands if not each.has_cabinet]
    ways = {each.place: way for each in stations if (way := nearest_m(each, demands)) is not None}
    return Siting(
        stations=len(stations),
        reach_m=sorted(ways.values()),
        turned_away=sum(each.turned_away for each in demands),
        candidates=rank(demands)[:MOST_CANDIDATES],
        buyers=reach_bands(_ways_of_buyers(ways | {each.place: 0 for each in demands if each.has_cabinet})),
    )


def siting_csv(*, principal: Principal, start: datetime, end: datetime) -> bytes:
    report = siting(principal=principal, start=start, end=end)
    columns = [gettext(word) for word in _COLUMNS]
    rows: Iterable[tuple[Value, ...]] = (
        (
            each.demand.name,
            gettext(_KINDS[each.kind]),
            each.demand.fetched,
            each.demand.turned_away,
            each.nearest_m,
            str(each.saved_km),
            str(each.demand.at.lon),
            str(each.demand.at.lat),
        )
        for each in report.candidates
    )
    return csv_file(columns=columns, rows=rows)


def note_turned_away(error: NoRoom) -> None:
    """A checkout was refused: count it for each place that was full. Call it after the refusal's rollback."""
    zone, size = error.params.get("zone"), error.params.get("size")
    if not zone or not size:
        return
    for place, why in sorted(error.params["places"].items()):
        if why != "full":
            continue
        row, _ = TurnedAway.objects.get_or_create(
            place_uuid=UUID(place), zone=zone, size=size, day=clock.today()
        )
        TurnedAway.objects.filter(pk=row.pk).update(parcels=F("parcels") + 1)


def _counties(principal: Principal) -> frozenset[UUID] | None:
    operated = counties_of(principal)
    return None if operated is None else operated | principal.scopes("county_reviewer")


def _ways_of_buyers(ways: Mapping[UUID, int]) -> list[int]:
    """Per buyer the shortest way from a place that he agreed to be served at to the nearest cabinet: where he
    lives nobody writes down. `ways`: by place.
    """
    agreed = DeliveryConsent.objects.filter(withdrawn_at=None, place_uuid__in=ways)
    shortest: dict[int, int] = {}
    for user, place in agreed.values_list("user", "place_uuid"):
        shortest[user] = min(shortest.get(user, ways[place]), ways[place])
    return list(shortest.values())


def _demands(principal: Principal, start: datetime, end: datetime) -> list[Demand]:
    places = Place.objects.filter(kind__in=[PlaceKind.STATION, PlaceKind.CABINET_SITE])
    counties = _counties(principal)
    if counties is not None:
        places = places.filter(county__uuid__in=counties)
    rows = list(places.order_by("pk"))
    uuids = [place.uuid for place in rows]
    with_cabinet = set(
        Cabinet.objects.filter(withdrawn_at=None, site__place__uuid__in=uuids).values_list(
            "site__place__uuid", flat=True
        )
    )
    fetched = Counter(
        dict(
            CustodyEvent.objects.filter(
                place_uuid__in=uuids, to_kind="person", at__gte=start, at__lt=end, unit__kind="parcel"
            )
            .values_list("place_uuid")
            .annotate(Count("pk"))
        )
    )
    days = (start.astimezone(clock.SHANGHAI).date(), end.astimezone(clock.SHANGHAI).date())
    refused = Counter(
        dict(
            TurnedAway.objects.filter(place_uuid__in=uuids, day__range=days)
            .values_list("place_uuid")
            .annotate(Sum("parcels"))
        )
    )
    return [
        Demand(
            place=place.uuid,
            name=place.name,
            at=place.lon_lat,
            has_cabinet=place.uuid in with_cabinet,
            fetched=fetched[place.uuid],
            turned_away=refused[place.uuid],
        )
        for place in rows
    ]
