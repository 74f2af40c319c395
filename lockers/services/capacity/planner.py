"""What the route planner may count on and may move: cells left for its parcels, and their movable holds."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from uuid import UUID

from django.db import transaction

from lockers.capacity import HORIZON_DAYS, expected_on, fits
from lockers.errors import NoRoom
from lockers.models import CapacityHold
from lockers.models.capacity import LIVE_HOLD
from lockers.protocol.allocation import Cell, Need, suits
from lockers.services.capacity.holds import arrivals_at, need_of
from lockers.services.sites.cabinets import cell_classes
from marketplace.database.locks import lock_key
from marketplace.kernel.units import Size

_RANK = (Size.S, Size.M, Size.L)


def cells_left(
    *, place_uuids: Sequence[UUID], day: date, own_references: Collection[UUID]
) -> dict[UUID, dict[Cell, int]]:
    """Cells per class that stay for the parcels with these references, whose own holds do not count.

    Everybody else's parcels, expected at the stated risk, take the smallest cells that suit them.
    """
    cells, arrivals = cell_classes(place_uuids), arrivals_at(place_uuids)
    own = CapacityHold.objects.filter(LIVE_HOLD, reference__in=own_references, place_uuid__in=place_uuids)
    for hold in own:
        needs = arrivals[hold.place_uuid].get(hold.slot_date, {})
        if needs.get(need_of(hold), 0):
            needs[need_of(hold)] -= 1
    return {
        place: _less(dict(cells[place]), expected_on(day, arrivals[place], arrivals[place].stays))
        for place in place_uuids
    }


def held_places(*, references: Collection[UUID]) -> dict[UUID, UUID]:
    """Place by reference of the living holds among these."""
    holds = CapacityHold.objects.filter(LIVE_HOLD, reference__in=references)
    return dict(holds.values_list("reference", "place_uuid"))


def move_holds(
    *, places: Mapping[UUID, UUID], agreed: Mapping[UUID, Collection[UUID]] = MappingProxyType({})
) -> int:
    """Move the movable holds of these references to these places, all or none; gives the number moved.

    `agreed`: by reference further places that the recipient agreed to, for when his own cannot be served.

    Raises NoRoom when a hold may not go there, or when the parcels of one place do not fit together on the
    day or on a later day on which they may still be there.
    """
    with transaction.atomic():
        holds = list(CapacityHold.objects.filter(LIVE_HOLD, reference__in=list(places)).order_by("pk"))
        moving = [hold for hold in holds if hold.place_uuid != places[hold.reference]]
        touched = {hold.place_uuid for hold in moving} | {places[hold.reference] for hold in moving}
        for place in sorted(touched):
            lock_key(f"cells:{place}")
        for hold in moving:
            target = places[hold.reference]
            chosen = hold.movable and str(target) in hold.place_uuids
            if not chosen and target not in agreed.get(hold.reference, ()):
                raise NoRoom(params={"places": {str(target): "not_agreed"}})
            CapacityHold.objects.filter(LIVE_HOLD, pk=hold.pk).update(place_uuid=target)
        _require_room(sorted(touched), {hold.slot_date for hold in moving})
        return len(moving)


def _require_room(place_uuids: Sequence[UUID], days: Collection[date]) -> None:
    cells, arrivals = cell_classes(place_uuids), arrivals_at(place_uuids)
    for place in place_uuids:
        for day in sorted({day + timedelta(days=n) for day in days for n in range(HORIZON_DAYS)}):
            if not fits(expected_on(day, arrivals[place], arrivals[place].stays), cells[place]):
                raise NoRoom(params={"places": {str(place): "full"}})


def _less(cells: dict[Cell, int], needs: Mapping[Need, int]) -> dict[Cell, int]:
    """The cells without those that `needs` take, large parcels first, each into the smallest that suits."""
    for need, count in sorted(needs.items(), key=lambda item: -_RANK.index(item[0].size)):
        left = count
        for cell in sorted((c for c in cells if suits(need, c)), key=lambda c: _RANK.index(c.size)):
            taken = min(left, cells[cell])
            cells[cell] -= taken
            left -= taken
    return cells
