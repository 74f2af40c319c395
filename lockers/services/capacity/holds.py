"""Capacity holds: a counted place at a pickup point for one arrival day, before any door has a name.

Race: two carts take the last place. Holds of one place are counted under an advisory lock on that place, so
the second counts what the first has taken.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from lockers.capacity import HORIZON_DAYS, STAYS, Cells, Stays, expected_on, fits, room_for
from lockers.errors import HoldGone, NoRoom
from lockers.models import Allocation, Cabinet, CapacityHold, HoldStatus
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.models.capacity import LIVE_HOLD
from lockers.protocol.allocation import Need, suits
from lockers.services.capacity.dwell import stays_at
from lockers.services.sites.cabinets import SIZES, cell_classes
from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

ANY_BAND = Band(-100.0, 100.0)


class Arrivals(dict[date, dict[Need, int]]):
    """Parcels by day and class at one place, and how long they stay there."""

    stays: Stays = STAYS


def free_cells(*, place_uuids: Sequence[UUID], slot_date: date) -> dict[UUID, dict[tuple[str, str], int]]:
    """Per place: how many more parcels of each (zone, size) it takes on that day, for goods that like it."""
    cells = cell_classes(place_uuids)
    arrivals = arrivals_at(place_uuids)
    return {
        place: {
            (need.zone, need.size.value): _room(need, slot_date, arrivals[place], cells[place])
            for need in _offers(cells[place])
        }
        for place in place_uuids
    }


def room_now(
    *, place_uuids: Sequence[UUID], zone: str, size: str, min_c: float | None, max_c: float | None
) -> dict[UUID, str]:
    """Per place why it takes no such parcel today; empty where it does."""
    need, today = Need(Size(size), zone, band_of(min_c, max_c)), clock.today()
    cells, arrivals = cell_classes(place_uuids), arrivals_at(place_uuids)
    return {
        place: ""
        if _room(need, today, arrivals[place], cells[place]) > 0
        else _why_not(place, need, cells[place])
        for place in place_uuids
    }


def hold_capacity(
    *,
    reference: UUID,
    place_uuids: Sequence[UUID],
    zone: str,
    size: str,
    min_c: float | None,
    max_c: float | None,
    slot_date: date,
    expires_at: datetime,
    movable: bool = False,
) -> CapacityHold:
    """One hold at the first of the places (in order of preference) that has room on that day.

    A repeat for the same reference gives the living hold. Raises NoRoom with a reason per place.
    """
    need = Need(Size(size), zone, band_of(min_c, max_c))
    with transaction.atomic():
        lock_key(f"hold:{reference}")
        living = _living(reference)
        if living is not None:
            return living
        # Order of locks: places by uuid, so that two carts with other preferences do not wait in a circle.
        for place in sorted(place_uuids):
            lock_key(f"cells:{place}")
        cells, arrivals = cell_classes(place_uuids), arrivals_at(place_uuids)
        reasons: dict[UUID, str] = {}
        for place in place_uuids:
            if _room(need, slot_date, arrivals[place], cells[place]) > 0:
                return _create(reference, place, place_uuids, need, slot_date, expires_at, movable)
            reasons[place] = _why_not(place, need, cells[place])
        asked = {"zone": zone, "size": size, "places": {str(place): why for place, why in reasons.items()}}
        raise NoRoom(params=asked)


def firm_hold(*, reference: UUID) -> CapacityHold:
    """The hold outlives its expiry from now on. Raises HoldGone when it was given back before."""
    with transaction.atomic():
        hold = _locked(reference)
        if hold.status == HoldStatus.PENDING:
            hold.status = HoldStatus.FIRM
            hold.save(update_fields=["status"])
        return hold


def release_hold(*, reference: UUID) -> None:
    """Give the place back; quietly when there is none or a parcel lies in its cell already."""
    CapacityHold.objects.filter(LIVE_HOLD, reference=reference).update(status=HoldStatus.RELEASED)


def move_hold(*, reference: UUID, place_uuid: UUID) -> CapacityHold:
    """To another place that the recipient agreed to. Raises HoldGone, NoRoom; on refusal nothing changes."""
    with transaction.atomic():
        hold = _locked(reference)
        if hold.place_uuid == place_uuid:
            return hold
        if not hold.movable or str(place_uuid) not in hold.place_uuids:
            raise NoRoom(params={"places": {str(place_uuid): "not_agreed"}})
        lock_key(f"cells:{place_uuid}")
        cells = cell_classes([place_uuid])[place_uuid]
        need = need_of(hold)
        if _room(need, hold.slot_date, arrivals_at([place_uuid])[place_uuid], cells) < 1:
            reason = _why_not(place_uuid, need, cells)
            raise NoRoom(params={"places": {str(place_uuid): reason}})
        hold.place_uuid = place_uuid
        hold.save(update_fields=["place_uuid"])
        return hold


def use_hold(reference: UUID) -> None:
    """Its parcel has a compartment now; the allocation counts from here on."""
    CapacityHold.objects.filter(LIVE_HOLD, reference=reference).update(status=HoldStatus.USED)


def expire_due_holds() -> int:
    """Due work: pending holds past their expiry give their place back; how many."""
    due = CapacityHold.objects.filter(status=HoldStatus.PENDING, expires_at__lte=clock.now())
    return int(due.update(status=HoldStatus.EXPIRED))


def _create(
    reference: UUID,
    place: UUID,
    choices: Sequence[UUID],
    need: Need,
    day: date,
    expires_at: datetime,
    movable: bool,
) -> CapacityHold:
    hold: CapacityHold = CapacityHold.objects.create(
        reference=reference,
        place_uuid=place,
        place_uuids=[str(each) for each in choices],
        movable=movable and len(choices) > 1,
        zone=need.zone,
        size=need.size.value,
        min_c=need.band.min_c,
        max_c=need.band.max_c,
        slot_date=day,
        expires_at=expires_at,
        held_at=clock.now(),
    )
    return hold


def _room(need: Need, day: date, arrivals: Arrivals, cells: Cells) -> int:
    """Room on the day itself, and on the days after it on which today's parcels may still be there."""
    room = room_for(need, expected_on(day, arrivals, arrivals.stays), cells)
    if room == 0:
        return 0
    for later in (day + timedelta(days=n) for n in range(1, HORIZON_DAYS)):
        on_day = arrivals.get(day, {})
        with_one_more = {**arrivals, day: {**on_day, need: on_day.get(need, 0) + 1}}
        expected = expected_on(later, with_one_more, arrivals.stays)
        if any(arrived > day for arrived in arrivals) and not fits(expected, cells):
            return 0
    return room


def arrivals_at(place_uuids: Sequence[UUID], *, without: int | None = None) -> dict[UUID, Arrivals]:
    """Per place and day: parcels that are to come (holds) and cells in which some lie (live allocations).

    Several parcels in one cell take one, since the last of them came. A cell whose parcels outstayed the
    horizon, or whose period was made longer, stays taken until somebody takes them out: it counts as of
    today. `without` is a cell that is not counted.
    """
    found = {place: Arrivals() for place in place_uuids}
    for place, stays in stays_at(place_uuids).items():
        found[place].stays = stays
    today = clock.today()
    for hold in CapacityHold.objects.filter(LIVE_HOLD, place_uuid__in=place_uuids):
        _count(found[hold.place_uuid], max(hold.slot_date, today), need_of(hold))
    allocations = Allocation.objects.filter(
        LIVE_ALLOCATION, compartment__cabinet__site__place__uuid__in=place_uuids, compartment__blocked_at=None
    ).select_related("compartment__cabinet__site__place")
    taken: dict[int, tuple[Allocation, date]] = {}
    for allocation in allocations.exclude(compartment=without):
        came = allocation.reserved_at.astimezone(clock.SHANGHAI).date()
        outstays = (today - came).days >= HORIZON_DAYS or allocation.collect_until <= clock.now()
        if outstays or allocation.extensions:  # its recipient said that he comes late
            came = today
        _, before = taken.get(allocation.compartment_id, (allocation, came))
        taken[allocation.compartment_id] = allocation, max(before, came)
    for allocation, came in taken.values():
        cell = allocation.compartment.cell
        place = allocation.compartment.cabinet.site.place.uuid
        _count(found[place], came, Need(cell.size, cell.zone, cell.band))
    return found


def _count(arrivals: Arrivals, day: date, need: Need) -> None:
    on_day = arrivals.setdefault(day, {})
    on_day[need] = on_day.get(need, 0) + 1


def _offers(cells: Cells) -> list[Need]:
    """One parcel class per (zone, size) that some cell takes, as picky as those cells allow."""
    zones = {cell.zone: cell.band for cell in cells}
    needs = [Need(size, zone, ANY_BAND) for zone in sorted(zones) for size in SIZES]
    return [need for need in needs if any(suits(need, cell) for cell in cells)]


def _why_not(place: UUID, need: Need, cells: Cells) -> str:
    if not Cabinet.objects.filter(site__place__uuid=place, withdrawn_at=None).exists():
        return "no_cabinet"
    if not cells:
        return "silent"
    return "full" if any(suits(need, cell) for cell in cells) else "no_such_cell"


def _living(reference: UUID) -> CapacityHold | None:
    holds = CapacityHold.objects.filter(LIVE_HOLD | Q(status=HoldStatus.USED), reference=reference)
    hold: CapacityHold | None = holds.order_by("-id").first()
    return hold


def _locked(reference: UUID) -> CapacityHold:
    holds = CapacityHold.objects.select_for_update().filter(LIVE_HOLD | Q(status=HoldStatus.USED))
    hold: CapacityHold | None = holds.filter(reference=reference).order_by("-id").first()
    if hold is None:
        raise HoldGone()
    return hold


def need_of(hold: CapacityHold) -> Need:
    return Need(Size(hold.size), hold.zone, Band(hold.min_c, hold.max_c))


def band_of(min_c: float | None, max_c: float | None) -> Band:
    return Band(ANY_BAND.min_c if min_c is None else min_c, ANY_BAND.max_c if max_c is None else max_c)
