"""Whose cell it is, and which further parcels of that recipient go into it (G9).

A cell with parcels has one Occupancy; the database lets no living allocation into a cell of another group.
Order of locks: the place's advisory lock, allocations, then the cell's occupancy.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from lockers.errors import CabinetSilent, CompartmentBusy, NoRoom
from lockers.events import StorageExtended
from lockers.models import Allocation, Compartment, Delegation, Occupancy, PickupGroup
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol.allocation import AllocationState, Need, choose_cell
from lockers.protocol.doors import DoorState
from lockers.protocol.parcel import COLLECTABLE
from lockers.services.parcels.groups import group_of, open_pickup_group
from lockers.services.sites.cabinets import offered, touch_config
from lockers.services.sites.storage_rules import terms_here
from lockers.sharing import Lying, may_join
from marketplace.custody.models import HandlingUnit
from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size
from marketplace.outbox.publishing import publish


def claim(compartment: Compartment, group: PickupGroup) -> None:
    """The cell is this group's until its last parcel has left. Raises CompartmentBusy when it is another's.

    Race: a pick-up empties the cell meanwhile; both hold the occupancy's row, so it is either still there for
    us or made anew.
    """
    living, _ = Occupancy.objects.select_for_update().get_or_create(
        compartment=compartment, defaults={"group": group}
    )
    if living.group_id != group.pk:
        raise CompartmentBusy(field="stop_id")


def vacate(compartment_id: int) -> None:
    """A parcel has left the cell: nobody's any more when it was the last."""
    living = Occupancy.objects.select_for_update().filter(compartment=compartment_id).first()
    if living and not Allocation.objects.filter(LIVE_ALLOCATION, compartment=compartment_id).exists():
        living.delete()


def rehouse(allocation: Allocation, compartment: Compartment) -> None:
    """Name another cell for it. Raises CompartmentBusy."""
    old = allocation.compartment_id
    claim(compartment, allocation.group)
    allocation.compartment = compartment
    allocation.save(update_fields=["compartment"])
    vacate(old)


def give_up(allocation: Allocation) -> None:
    """End what was only promised; the caller holds its lock and knows that nothing was left there."""
    allocation.state, allocation.ended_at = AllocationState.FREE, clock.now()
    allocation.save(update_fields=["state", "ended_at"])
    vacate(allocation.compartment_id)
    touch_config([allocation.compartment.cabinet_id])


def revive(allocation: Allocation, compartment: Compartment) -> None:
    """Promise a cell again to what had been given up; the cabinet knows it by that name. Raises
    CompartmentBusy.
    """
    claim(compartment, allocation.group)
    allocation.compartment, allocation.ended_at = compartment, None
    allocation.state = AllocationState.RESERVED
    allocation.save(update_fields=["compartment", "ended_at", "state"])
    touch_config([compartment.cabinet_id])


def mates_of(allocation: Allocation) -> QuerySet[Allocation]:
    """The other parcels that live in its cell."""
    found: QuerySet[Allocation] = Allocation.objects.filter(
        LIVE_ALLOCATION, compartment=allocation.compartment_id
    ).exclude(pk=allocation.pk)
    return found


def group_for(*, reference: UUID, recipient_uuid: UUID | None, zone: str, place_uuid: UUID) -> PickupGroup:
    """The group whose code is to open the parcel's door: its own once it has one, else that of the parcels
    which lie there for the same recipient in the same zone.

    While he sends a friend for those, a new parcel has a code of its own: the friend was not sent for it.
    """
    if recipient_uuid is not None and group_of(reference) is None:
        friends = Delegation.objects.filter(ended_at=None).values("group")
        waiting = Allocation.objects.filter(
            _waits(), group__recipient_uuid=recipient_uuid, group__zone=zone
        ).filter(compartment__cabinet__site__place__uuid=place_uuid)
        found = waiting.exclude(group__in=friends).select_related("group").order_by("-pk").first()
        if found is not None:
            group: PickupGroup = found.group
            return group
    return open_pickup_group(
        reference=reference, recipient_uuid=recipient_uuid, recipient_label="", zone=zone
    )


def free_compartment(place_uuid: UUID, need: Need, *, without: Sequence[int]) -> Compartment:
    """A closed, unblocked compartment that is nobody's; the place's lock keeps two from choosing one."""
    lock_key(f"cells:{place_uuid}")
    cabinets = offered().filter(site__place__uuid=place_uuid)
    if not cabinets:
        raise CabinetSilent(field="stop_id")
    usable = (
        Compartment.objects.filter(cabinet__in=cabinets, blocked_at=None, door_state=DoorState.CLOSED)
        .filter(occupancy=None)
        .exclude(pk__in=without)
        .select_related("cabinet__device", "cabinet__site__place")
        .order_by("cabinet_id", "door")
    )
    cells = dict(enumerate(usable))  # doors of several cabinets, renumbered
    cell = choose_cell(need, [replace(each.cell, door=number) for number, each in cells.items()])
    if cell is None:
        raise NoRoom(field="stop_id", params={"places": {str(place_uuid): "full"}})
    chosen: Compartment = cells[cell.door]
    return chosen


def shared_cell(
    *,
    place_uuid: UUID,
    group: PickupGroup,
    unit_uuid: UUID,
    need: Need,
    goods: str,
    keep_until: datetime | None,
) -> Compartment | None:
    """The cell of the group that takes one more parcel; None when there is none, so that it gets its own.

    The caller holds the place's lock.
    """
    unit = HandlingUnit.objects.filter(uuid=unit_uuid).first()
    cells = Compartment.objects.filter(
        occupancy__group=group,
        cabinet__in=offered(),
        cabinet__site__place__uuid=place_uuid,
        blocked_at=None,
        door_state=DoorState.CLOSED,
    ).select_related("cabinet__device", "cabinet__site__place")
    if unit is None:
        return None
    further = Lying(need, goods, unit.volume_ml, unit.gross_g, keep_until)
    cell: Compartment
    for cell in cells.order_by("cabinet_id", "door"):
        there = _lying_in(cell)
        free = terms_here(cell).free
        if there and may_join(further, there, cell.cell, at=clock.now(), free=free):
            return cell
    return None


def stay_together(allocation: Allocation) -> None:
    """It was left beside others: all of them may stay as long as it, so that one visit fetches everything."""
    until = allocation.collect_until
    earlier = mates_of(allocation).filter(
        state=AllocationState.LOADED, parcel_state__in=sorted(COLLECTABLE), collect_until__lt=until
    )
    for mate in earlier.select_for_update(of=("self",)).order_by("pk"):
        mate.collect_until = mate.free_until = until
        mate.save(update_fields=["collect_until", "free_until"])
        publish(
            StorageExtended(allocation=mate.uuid, reference=mate.reference, until=until),
            aggregate_kind="allocation",
            aggregate_uuid=mate.uuid,
        )
        touch_config([allocation.compartment.cabinet_id])


def _waits() -> Q:
    """Named a cell, or to be collected from it."""
    lies = Q(
        state=AllocationState.LOADED, parcel_state__in=sorted(COLLECTABLE), collect_until__gt=clock.now()
    )
    return Q(state=AllocationState.RESERVED) | lies


def _lying_in(cell: Compartment) -> list[Lying] | None:
    """What lies in it; None when something must not be reached, or nobody knows how large it is."""
    living = Allocation.objects.filter(LIVE_ALLOCATION, compartment=cell)
    rows = list(living.filter(_waits()))
    units = HandlingUnit.objects.in_bulk([row.unit_uuid for row in rows], field_name="uuid")
    if len(rows) < living.count() or len(units) < len(rows):
        return None
    return [
        Lying(
            need=Need(Size(row.size), cell.zone, Band(row.min_c, row.max_c)),
            goods=row.goods,
            volume_ml=units[row.unit_uuid].volume_ml,
            weight_g=units[row.unit_uuid].gross_g,
            keep_until=row.keep_until,
        )
        for row in rows
    ]
