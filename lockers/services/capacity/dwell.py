"""How long parcels really stay, by pickup point: what the overbooking of cells rests on."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Min

from lockers.capacity import STAYS, Stays, measured_stays
from lockers.models import Allocation, DwellShares
from lockers.protocol.parcel import ParcelState
from marketplace.kernel import clock

#: parcels of the last four weeks; fewer than this many say nothing yet
MEASURED_OVER = timedelta(days=28)
LEAST_PARCELS = 60
#: what left by itself or was taken out: both freed the cell
_LEFT = (ParcelState.COLLECTED, ParcelState.RETURNED)


def measure_dwell() -> int:
    """Due work: once a business day, the shares of every pickup point; how many were measured anew."""
    today = clock.today()
    if DwellShares.objects.filter(measured_on__gte=today).exists():
        return 0
    stayed: dict[UUID, list[int]] = {}
    # Parcels that left one cell at the same moment held it once, since the first of them came.
    rows = (
        Allocation.objects.filter(
            parcel_state__in=_LEFT, deposited_at__gte=clock.now() - MEASURED_OVER, ended_at__isnull=False
        )
        .values("compartment", "group", "ended_at")
        .annotate(came=Min("deposited_at"))
        .values_list("compartment__cabinet__site__place__uuid", "came", "ended_at")
    )
    for place, came, left in rows:
        days = left.astimezone(clock.SHANGHAI).date() - came.astimezone(clock.SHANGHAI).date()
        stayed.setdefault(place, []).append(days.days)
    for place, days_of in stayed.items():
        DwellShares.objects.update_or_create(
            place_uuid=place,
            defaults={
                "shares": _written(days_of),
                "parcels": len(days_of),
                "measured_on": today,
            },
        )
    return len(stayed)


def stays_at(place_uuids: Iterable[UUID]) -> Mapping[UUID, Stays]:
    """The shares of these places that were measured; the others have lockers.capacity.STAYS."""
    rows = DwellShares.objects.filter(place_uuid__in=list(place_uuids), parcels__gte=LEAST_PARCELS)
    return {
        place: {int(day): share for day, share in shares.items()}
        for place, shares in rows.values_list("place_uuid", "shares")
    }


def _written(days: Sequence[int]) -> dict[str, float]:
    stays = measured_stays(days, least=LEAST_PARCELS)
    return {str(day): round(share, 4) for day, share in (stays or STAYS).items()}
