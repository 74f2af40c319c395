"""Dropping a parcel behind a door: what the courier does at a cabinet, and what the door reports."""

from uuid import UUID

from django.db import transaction

from lockers.errors import DEPOSIT_REFUSALS, DepositRefused
from lockers.models import Allocation, Cabinet
from lockers.protocol.policy import VALUABLE_FEN
from lockers.services.devices.commands import Actor
from lockers.services.parcels.drop_states import DropState, drop_state
from lockers.services.parcels.drops import DropPolicy, confirm_drop, misfit, open_for_drop
from marketplace.accounts.services.consents import has_delivery_consent
from marketplace.custody.errors import WrongHolder
from marketplace.custody.models import HandlingUnit
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import require_readable
from routing.errors import NotAtThisStop, StopNotReached
from routing.models import Leg, Shipment, Stop
from routing.services.access import stop_for, visible_routes
from routing.services.tours.outcomes import mark_delivered
from routing.states import LegKind, LegStatus, StopStatus

COLD_ZONES = frozenset({"chilled", "frozen"})


def open_compartment(
    *,
    principal: Principal,
    stop_uuid: UUID,
    unit_uuid: UUID,
    damaged: bool,
    weight_g: int,
    temperature_c: float | None = None,
) -> DropState:
    """Open the right door for a parcel on the van; a repeat opens the same one again.

    Cold goods need the reading of the courier's probe. Raises StopNotReached, NotAtThisStop, WrongHolder, and
    the refusals of lockers' open_for_drop (no consent, valuable, damaged, weight off, too warm, no room,
    cabinet silent); the door stays shut then.
    """
    require_readable(temperature_c)
    with transaction.atomic():
        stop = reached_stop(principal, stop_uuid)
        unit = HandlingUnit.by_uuid(unit_uuid, field="unit_id")
        shipment = dropped_here(stop, unit).shipment
        _require_droppable(shipment, temperature_c)
        if unit.holder_uuid not in (stop.route.vehicle.uuid, *_cabinets_at(stop)):
            raise WrongHolder(field="unit_id", params={"code": unit.code})
        ticket = open_for_drop(
            actor=Actor.user(principal.user_uuid),
            unit_uuid=unit.uuid,
            reference=shipment.reference,
            place_uuid=stop.place.uuid,
            zone=shipment.zone,
            size=unit.size,
            min_c=shipment.min_c,
            max_c=shipment.max_c,
            policy=DropPolicy(
                consent=_consents(shipment, stop),
                sender_agreement=shipment.sender_agreement,
                damaged=damaged,
                weight_g=weight_g,
                label_weight_g=unit.gross_g,
                measured_c=temperature_c,
            ),
            keep_until=shipment.keep_until,
            recipient_uuid=shipment.recipient_uuid,
            goods=shipment.category,
        )
        return drop_state(ticket_uuid=ticket.uuid)


def confirm(*, principal: Principal, drop_uuid: UUID) -> DropState:
    """The courier's word that the parcel lies behind the closed door: custody goes to the cabinet."""
    allocation = _allocation(principal, drop_uuid)
    confirm_drop(actor=Actor.user(principal.user_uuid), allocation=allocation)
    return drop_state(ticket_uuid=allocation.uuid)


def take_larger(*, principal: Principal, drop_uuid: UUID) -> DropState:
    """It does not fit: the next larger cell. Raises NoRoom."""
    ticket = misfit(actor=Actor.user(principal.user_uuid), allocation=_allocation(principal, drop_uuid))
    return drop_state(ticket_uuid=ticket.uuid)


def state_of(*, principal: Principal, drop_uuid: UUID) -> DropState:
    return drop_state(ticket_uuid=_allocation(principal, drop_uuid).uuid)


def note_deposited(*, reference: UUID, place_uuid: UUID) -> None:
    """A cabinet reports a parcel behind its door: the ride has ended. Hearing it twice changes nothing."""
    with transaction.atomic():
        leg = (
            Leg.objects.select_related("shipment")
            .filter(shipment__reference=reference, kind=LegKind.DELIVER)
            .exclude(status__in=[LegStatus.DONE, LegStatus.CANCELLED])
            .first()
        )
        if leg is not None:
            mark_delivered(leg=leg, place_uuid=place_uuid)


def reached_stop(principal: Principal, stop_uuid: UUID) -> Stop:
    """The stop at which the courier is, locked. Raises StopNotReached."""
    stop = stop_for(principal=principal, stop_uuid=stop_uuid)
    if stop.status != StopStatus.ARRIVED:
        raise StopNotReached(field="stop_id")
    return stop


def dropped_here(stop: Stop, unit: HandlingUnit) -> Leg:
    """The delivery of this unit at this stop. Raises NotAtThisStop."""
    task = (
        stop.tasks.filter(kind="drop", leg__shipment__reference=unit.reference, leg__kind=LegKind.DELIVER)
        .exclude(leg__status=LegStatus.CANCELLED)
        .select_related("leg__shipment")
        .first()
        if unit.reference is not None
        else None
    )
    if task is None:
        raise NotAtThisStop(field="unit_id", params={"code": unit.code})
    leg: Leg = task.leg
    return leg


def _require_droppable(shipment: Shipment, temperature_c: float | None) -> None:
    """What a door cannot know: the value, and that somebody measured."""
    if shipment.value_fen > VALUABLE_FEN and not shipment.sender_agreement:
        raise DepositRefused(DEPOSIT_REFUSALS["valuable"], field="unit_id", code="valuable")
    if shipment.zone in COLD_ZONES and temperature_c is None:
        raise DepositRefused(DEPOSIT_REFUSALS["no_reading"], field="temperature_c", code="no_reading")


def _cabinets_at(stop: Stop) -> list[UUID]:
    """A repeat after the deposit finds the parcel in a cabinet of this very place."""
    return list(Cabinet.objects.filter(site__place=stop.place).values_list("uuid", flat=True))


def _consents(shipment: Shipment, stop: Stop) -> bool:
    """The recipient's live consent; for a parcel without account the address that the sender named."""
    if shipment.recipient_uuid is None:
        return True
    return has_delivery_consent(shipment.recipient_uuid, stop.place.uuid)


def _allocation(principal: Principal, drop_uuid: UUID) -> Allocation:
    """The drop, for a courier whose routes carry its parcel. Raises NotFound naming `drop_id`."""
    allocation: Allocation | None = Allocation.objects.filter(uuid=drop_uuid).first()
    if allocation is None:
        raise NotFound(field="drop_id")
    carrying = visible_routes(principal=principal).filter(
        stops__tasks__kind="drop", stops__tasks__leg__shipment__reference=allocation.reference
    )
    if not carrying.exists():
        raise NotFound(field="drop_id")
    return allocation
