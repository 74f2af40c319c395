"""What a recipient may do about a parcel in a cabinet: see it, keep it longer, send a friend, open, refuse.

A group's reference is what the outside calls the parcel. Somebody else's is not found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from lockers.capacity import expected_on, fits
from lockers.errors import EXTENSION_REFUSALS, CannotExtend, NotCollectable, WrongCabinet
from lockers.events import StorageExtended
from lockers.models import Allocation, Command, Delegation, PickupGroup
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.periods import Extension, extension
from lockers.protocol.allocation import AllocationState, Need
from lockers.protocol.commands import Action
from lockers.protocol.messages import Purpose
from lockers.protocol.parcel import COLLECTABLE, IN_CABINET, MOVES, Outcome, ParcelState
from lockers.services.capacity.holds import arrivals_at
from lockers.services.capacity.sharing import mates_of
from lockers.services.devices.commands import Actor, send_command
from lockers.services.parcels.groups import pickup_code, reissue_code
from lockers.services.parcels.openings import outcome_of
from lockers.services.sites.cabinets import cell_classes, touch_config
from marketplace.accounts.models import User
from marketplace.accounts.services.sign_in import checked_phone
from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.clock import SHANGHAI
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.texts import require_text
from marketplace.messages.services import send
from marketplace.outbox.publishing import publish

HELD_BESIDE = Allocation.objects.filter(state=AllocationState.BLOCKED)


@dataclass(frozen=True, slots=True)
class WaitingParcel:
    """A parcel in a cabinet as its recipient, or the friend he sends, sees it."""

    allocation: Allocation
    mine: bool
    delegation: Delegation | None

    @property
    def collectable(self) -> bool:
        return is_collectable(self.allocation)


def is_collectable(allocation: Allocation) -> bool:
    """Whether a code opens its door now: not while something is held that lies in the same cell."""
    in_time = allocation.collect_until > clock.now()
    lies = allocation.state == AllocationState.LOADED and allocation.parcel_state in COLLECTABLE
    if not (lies and in_time):
        return False
    held = getattr(allocation, "held_beside", None)
    return not (HELD_BESIDE.filter(compartment=allocation.compartment_id).exists() if held is None else held)


def waiting_parcels(*, principal: Principal, reference: UUID | None = None) -> list[WaitingParcel]:
    """Parcels in cabinets that the asker may collect: his own, and those a friend sends him for."""
    principal.require_signed_in()
    allocations = _in_cabinets()
    if reference is not None:
        allocations = allocations.filter(reference=reference)
    sent_for = Delegation.objects.filter(phone=_phone_of(principal), ended_at=None).values("group_id")
    his = Q(group__recipient_uuid=principal.user_uuid) | Q(group__in=sent_for)
    rows = list(allocations.filter(his).order_by("collect_until", "pk"))
    living = {each.group_id: each for each in Delegation.objects.filter(
        ended_at=None, group__in=[row.group_id for row in rows]
    )}  # fmt: skip
    return [
        WaitingParcel(row, row.group.recipient_uuid == principal.user_uuid, living.get(row.group_id))
        for row in rows
    ]


def possible_extension(allocation: Allocation) -> Extension:
    """What one tap would give it and what lies beside it; `reason` also: not_collectable, cell_needed."""
    if not is_collectable(allocation):
        return Extension(None, "not_collectable")
    together = [
        extension(
            allocation.compartment.zone,
            each.collect_until,
            extensions=each.extensions,
            keep_until=each.keep_until,
        )
        for each in (allocation, *_lying_beside(allocation))
    ]
    # Who cannot stay longer is named first; else the shortest of the new periods is everybody's.
    wanted = min(together, key=lambda each: (each.until is not None, each.until or allocation.collect_until))
    if wanted.until is not None and _is_needed(allocation, wanted.until):
        return Extension(None, "cell_needed")
    return wanted


def extend_storage(*, principal: Principal, reference: UUID) -> WaitingParcel:
    """One more period for all in the cell, free of charge, once. Raises NotFound, NotCollectable,
    CannotExtend.

    Race: a cart takes the cell while its recipient asks for it; both count under the place's lock.
    """
    with transaction.atomic():
        allocation = _own(principal, reference)
        lock_key(f"cells:{allocation.compartment.cabinet.site.place.uuid}")
        possible = possible_extension(allocation)
        if possible.reason == "not_collectable":
            raise NotCollectable(field="reference")
        if possible.until is None:
            raise CannotExtend(EXTENSION_REFUSALS[possible.reason], field="reference", code=possible.reason)
        for each in (allocation, *_lying_beside(allocation).select_for_update(of=("self",))):
            _extend(each, possible.until, principal)
        touch_config([allocation.compartment.cabinet_id])
    return _as_seen(principal, allocation)


def _extend(allocation: Allocation, until: datetime, principal: Principal) -> None:
    if allocation.parcel_state == ParcelState.REMINDED:
        MOVES.check(allocation.parcel_state, ParcelState.READY)
        allocation.parcel_state = ParcelState.READY
    allocation.collect_until = allocation.free_until = until
    allocation.reminded_at = None
    allocation.extensions += 1
    allocation.save(
        update_fields=["parcel_state", "collect_until", "free_until", "extensions", "reminded_at"]
    )
    publish(
        StorageExtended(allocation=allocation.uuid, reference=allocation.reference, until=until),
        aggregate_kind="allocation",
        aggregate_uuid=allocation.uuid,
        actor_uuid=principal.user_uuid,
    )


def _lying_beside(allocation: Allocation) -> QuerySet[Allocation]:
    """What can be collected from the same cell with it."""
    return (
        mates_of(allocation)
        .filter(state=AllocationState.LOADED, parcel_state__in=sorted(COLLECTABLE))
        .order_by("pk")
    )


def delegate_pickup(*, principal: Principal, reference: UUID, name: str, phone: str) -> WaitingParcel:
    """Send a friend: he hears code, place and period at his phone. One friend at a time.

    The same friend again changes nothing. Raises NotFound, NotCollectable, BadPhone, InvalidInput.
    """
    who, number = require_text(name, most=60, field="name"), checked_phone(phone)
    with transaction.atomic():
        allocation = _own(principal, reference)
        if not is_collectable(allocation):
            raise NotCollectable(field="reference")
        living = _living(allocation.group)
        if living is not None and living.phone == number:
            return _as_seen(principal, allocation)
        if living is not None:
            _end(living)
        assert principal.user_uuid is not None  # else nothing would be his own
        Delegation.objects.create(
            group=allocation.group, name=who, phone=number, given_by=principal.user_uuid, given_at=clock.now()
        )
        allocation.group.refresh_from_db()
        _tell_code("parcel_for_friend", allocation, phone=number)
    return _as_seen(principal, allocation)


def end_delegation(*, principal: Principal, reference: UUID) -> WaitingParcel:
    """Send nobody: the friend's code ends, the recipient gets a new one. Twice is the same."""
    with transaction.atomic():
        allocation = _own(principal, reference)
        living = _living(allocation.group)
        if living is not None:
            _end(living)
            allocation.group.refresh_from_db()
    return _as_seen(principal, allocation)


def resend_code(*, principal: Principal, reference: UUID) -> WaitingParcel:
    """Tell the recipient again. Raises NotFound, NotCollectable."""
    with transaction.atomic():
        allocation = _own(principal, reference)
        if not is_collectable(allocation):
            raise NotCollectable(field="reference")
        _tell_code("parcel_ready", allocation, user_uuid=principal.user_uuid)
    return _as_seen(principal, allocation)


def open_for_recipient(*, principal: Principal, reference: UUID, device: str) -> Command:
    """Open by phone, standing before the cabinet: its number is on the door. Also for the friend he sends.

    An account is proof enough, so this knows no lock-out; the opening is collected when the door closes.
    Raises NotFound, NotCollectable, WrongCabinet.
    """
    with transaction.atomic():
        allocation = _mine(principal, reference)
        if not is_collectable(allocation):
            raise NotCollectable(field="reference")
        controller = allocation.compartment.cabinet.device
        if device.strip().casefold() != controller.device.casefold():
            raise WrongCabinet(field="device")
        command = send_command(
            device=controller,
            action=Action.OPEN,
            actor=Actor.user(principal.user_uuid),
            reason="recipient",
            compartment=allocation.compartment,
            allocation=allocation,
            purpose=Purpose.ASSIST,
        )
        allocation.opening_tx = command.uuid
        allocation.save(update_fields=["opening_tx"])
    return command


def refuse_parcel(*, principal: Principal, reference: UUID, reason: str) -> WaitingParcel:
    """Said while the door is open: the parcel stays, a person inspects it. Afterwards it is collected.

    Raises NotFound (also once the door has closed), NotCollectable when he has not opened by phone.
    """
    why = require_text(reason, most=200, field="reason")
    with transaction.atomic():
        allocation = _mine(principal, reference)
        if allocation.opening_tx is None or outcome_of(allocation) is not Outcome.OPEN:
            raise NotCollectable(field="reference")
        allocation.put_back_tx, allocation.put_back_reason = allocation.opening_tx, why
        allocation.save(update_fields=["put_back_tx", "put_back_reason"])
    return _as_seen(principal, allocation)


def _in_cabinets() -> QuerySet[Allocation]:
    held = Exists(HELD_BESIDE.filter(compartment=OuterRef("compartment")))
    lying = Allocation.objects.filter(LIVE_ALLOCATION, parcel_state__in=sorted(IN_CABINET))
    found: QuerySet[Allocation] = lying.annotate(held_beside=held).select_related(
        "group", "fee_rule", "compartment__cabinet__device", "compartment__cabinet__site__place__county"
    )
    return found


def _own(principal: Principal, reference: UUID) -> Allocation:
    """The recipient's own parcel, locked."""
    return _locked(reference, [principal.user_uuid], "")


def _mine(principal: Principal, reference: UUID) -> Allocation:
    """His own, or one that a friend sends him for; locked."""
    return _locked(reference, [principal.user_uuid], _phone_of(principal))


def _locked(reference: UUID, recipients: Sequence[UUID | None], phone: str) -> Allocation:
    for allocation in _in_cabinets().select_for_update(of=("self",)).filter(reference=reference):
        if allocation.group.recipient_uuid is not None and allocation.group.recipient_uuid in recipients:
            return allocation
        living = _living(allocation.group)
        if phone and living is not None and living.phone == phone:
            return allocation
    raise NotFound(field="reference")


def _as_seen(principal: Principal, allocation: Allocation) -> WaitingParcel:
    mine = allocation.group.recipient_uuid == principal.user_uuid
    return WaitingParcel(allocation, mine, _living(allocation.group))


def _phone_of(principal: Principal) -> str:
    """The phone of his account; of a process none."""
    if principal.user_uuid is None:
        return ""
    phones = User.objects.filter(uuid=principal.user_uuid).values_list("phone", flat=True)
    return phones.first() or ""


def _living(group: PickupGroup) -> Delegation | None:
    found: Delegation | None = group.delegations.filter(ended_at=None).first()
    return found


def _end(delegation: Delegation) -> None:
    delegation.ended_at = clock.now()
    delegation.save(update_fields=["ended_at"])
    reissue_code(reference=delegation.group.reference)


def _tell_code(
    template: str, allocation: Allocation, *, user_uuid: UUID | None = None, phone: str = ""
) -> None:
    place = allocation.compartment.cabinet.site.place
    if phone:
        user_uuid = User.objects.filter(phone=phone).values_list("uuid", flat=True).first()
    send(
        template=template,
        params={
            "code": pickup_code(allocation.group),
            "place": place.name,
            "address": place.address,
            "until": _minute(allocation.collect_until),
            "who": allocation.group.recipient_label,
        },
        to_user_uuid=user_uuid,
        to_phone="" if user_uuid else phone,
        reference=allocation.reference,
    )


def _minute(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M")


def _is_needed(allocation: Allocation, until: datetime) -> bool:
    """Whether somebody's parcel would find no cell on a day that this one then stays longer."""
    cell, place = allocation.compartment.cell, allocation.compartment.cabinet.site.place.uuid
    cells, arrivals = (
        cell_classes([place])[place],
        arrivals_at([place], without=allocation.compartment_id)[place],
    )
    need = Need(cell.size, cell.zone, cell.band)
    day, last = clock.today(), until.astimezone(SHANGHAI).date()
    while day <= last:
        needs = expected_on(day, arrivals, arrivals.stays)
        needs[need] = needs.get(need, 0) + 1
        if day in arrivals and not fits(needs, cells):
            return True
        day += timedelta(days=1)
    return False
