"""What a cabinet's host and operator see of its use, by size; and where cells are short (G13)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from lockers.models import Allocation, Compartment
from lockers.protocol.parcel import ParcelState
from lockers.services.access import operated_cabinets
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.principal import Principal

MOST_DAYS = 92


@dataclass(frozen=True, slots=True)
class CellUse:
    """`use` is the share of cell hours that were taken; `busiest` that of the busiest hour of the day."""

    cabinet: str
    place: str
    zone: str
    size: str
    cells: int
    parcels: int
    overdue: int
    use: float
    busiest_hour: int
    busiest: float
    median_hours: float | None


def utilisation(*, principal: Principal, start: datetime, end: datetime) -> list[CellUse]:
    """Per cabinet, zone and size, the fullest first: where a larger or a second cabinet would help most.

    Raises InvalidInput for a stretch that is upside down or longer than a quarter.
    """
    if not timedelta() < end - start <= timedelta(days=MOST_DAYS):
        raise InvalidInput(N_("时间段应在一个季度以内"), field="start")
    cells: dict[tuple[str, str, str, str], int] = {}
    owned = Compartment.objects.filter(cabinet__in=operated_cabinets(principal=principal))
    for row in owned.values_list("cabinet__name", "cabinet__site__place__name", "zone", "size"):
        cells[row] = cells.get(row, 0) + 1
    stays = _stays(principal, start, end)
    return sorted(
        (_use(key, count, stays.get(key, []), start, end) for key, count in cells.items()),
        key=lambda use: -use.busiest,
    )


@dataclass(frozen=True, slots=True)
class Stay:
    """One parcel in one cell."""

    cell: int
    came: datetime
    left: datetime
    late: bool


def _stays(
    principal: Principal, start: datetime, end: datetime
) -> dict[tuple[str, str, str, str], list[Stay]]:
    found: dict[tuple[str, str, str, str], list[Stay]] = {}
    rows = Allocation.objects.filter(
        compartment__cabinet__in=operated_cabinets(principal=principal),
        deposited_at__lt=end,
    ).exclude(ended_at__lte=start)
    for cabinet, place, zone, size, cell, came, left, state, until in rows.values_list(
        "compartment__cabinet__name",
        "compartment__cabinet__site__place__name",
        "compartment__zone",
        "compartment__size",
        "compartment",
        "deposited_at",
        "ended_at",
        "parcel_state",
        "collect_until",
    ):
        late = (left or clock.now()) > until or state == ParcelState.RETURNED
        stay = Stay(cell, came, left or clock.now(), late)
        found.setdefault((cabinet, place, zone, size), []).append(stay)
    return found


def taken(stays: Iterable[Stay], start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """The stretches within start..end in which cells were taken: of parcels that share one, once."""
    stretches: list[tuple[datetime, datetime]] = []
    last: Stay | None = None
    for stay in sorted(stays, key=lambda each: (each.cell, each.came)):
        came, left = max(stay.came, start), min(stay.left, end)
        if last is not None and last.cell == stay.cell and stretches and came <= stretches[-1][1]:
            came, left = stretches[-1][0], max(left, stretches.pop()[1])
        last = stay
        stretches.append((came, left))
    return stretches


def _use(
    key: tuple[str, str, str, str], cells: int, stays: list[Stay], start: datetime, end: datetime
) -> CellUse:
    clipped = taken(stays, start, end)
    taken_s = sum(max(0.0, (left - came).total_seconds()) for came, left in clipped)
    by_hour = [0.0] * 24
    for came, left in clipped:
        at = came
        while at < left:
            until = min(left, at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
            by_hour[at.astimezone(clock.SHANGHAI).hour] += (until - at).total_seconds()
            at = until
    busiest = max(range(24), key=by_hour.__getitem__)
    days = max(1.0, (end - start).total_seconds() / 86_400)
    hours = [(each.left - each.came).total_seconds() / 3600 for each in stays]
    cabinet, place, zone, size = key
    return CellUse(
        cabinet=cabinet,
        place=place,
        zone=zone,
        size=size,
        cells=cells,
        parcels=len(stays),
        overdue=sum(each.late for each in stays),
        use=taken_s / (cells * (end - start).total_seconds()),
        busiest_hour=busiest,
        busiest=min(1.0, by_hour[busiest] / (cells * days * 3600)),
        median_hours=median(hours) if hours else None,
    )
