"""The read model behind the place picker: origin hub x place x day, kept true by PlanPublished.

A row that is missing is asked of the router once and stored; a published plan has its hub's rows asked
again, so that the window shows what the newest plan can do.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from django.db.models import Q

from marketplace.kernel import clock
from marketplace.places.models import Hub, Place
from orders.models import Reach
from orders.services import road

#: rows of days gone by are of no use
KEEP = timedelta(days=2)


def reach(
    *, hubs: Collection[Hub], places: Collection[Place], day: date, keep: bool
) -> dict[tuple[int, int], Reach]:
    """{(hub pk, place pk): row} for all pairs; what is missing is asked of the router in one go per hub.

    `keep` stores the answers. The place picker does; the checkout does not, since buyers who store the
    same new row in long transactions would wait for each other.
    """
    rows = {
        (row.origin_hub_id, row.place_id): row
        for row in Reach.objects.filter(origin_hub__in=hubs, place__in=places, day=day)
    }
    for hub in hubs:
        missing = [place for place in places if (hub.pk, place.pk) not in rows]
        rows.update({(hub.pk, row.place_id): row for row in _ask(hub, missing, day, keep=keep)})
    return rows


def refresh_reach(*, hub: Hub, day: date) -> int:
    """Ask again for every pair of this hub, as origin or as the one that serves the place; gives the count.

    The plan for `day` tells what the days after it can do.
    """
    Reach.objects.filter(day__lt=clock.today() - KEEP).delete()
    served = Q(place__site__hub=hub) | Q(place__station__hub=hub)
    stale = Reach.objects.filter(Q(origin_hub=hub) | served, day__gt=day)
    pairs: dict[tuple[int, date], list[Place]] = {}
    for row in stale.select_related("place"):
        pairs.setdefault((row.origin_hub_id, row.day), []).append(row.place)
    hubs = Hub.objects.in_bulk([origin for origin, _ in pairs])
    return sum(len(_ask(hubs[origin], places, on, keep=True)) for (origin, on), places in pairs.items())


def _ask(hub: Hub, places: Iterable[Place], day: date, *, keep: bool) -> list[Reach]:
    wanted = {place.uuid: place for place in places}
    if not wanted:
        return []
    answers = road.reach(origin_hub_uuid=hub.uuid, place_uuids=list(wanted), day=day)
    rows = [
        Reach(
            origin_hub=hub,
            place=wanted[answer.place_uuid],
            day=day,
            feasible=answer.feasible,
            reason=answer.reason,
            arrives_from=answer.arrives_from,
            arrives_until=answer.arrives_until,
            co2_g=answer.co2_g,
            refreshed_at=clock.now(),
        )
        for answer in answers
    ]
    if keep:
        Reach.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["origin_hub", "place", "day"],
            update_fields=["feasible", "reason", "arrives_from", "arrives_until", "co2_g", "refreshed_at"],
        )
    return rows
