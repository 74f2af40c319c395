"""Orders to devices: a row first, sent after the commit by the ingest process, resolved by the device's
answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from lockers.errors import ReasonMissing
from lockers.models import Allocation, Command, CommandStatus, Compartment, Device
from lockers.protocol import keys
from lockers.protocol.commands import EXPIRES_AFTER, Action, sign_command
from lockers.protocol.commands import Command as WireCommand
from lockers.protocol.messages import Purpose
from lockers.services.devices.root_keys import locker_of, other_locker_of
from lockers.services.sites.cabinets import notify
from marketplace.kernel import clock

COMMAND_CHANNEL = "lockers_command"
UNRESOLVED = Q(status__in=[CommandStatus.PENDING, CommandStatus.SENT])


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, as the device's log and ours name him."""

    label: str
    uuid: UUID | None = None

    @classmethod
    def user(cls, uuid: UUID | None) -> "Actor":
        return cls(label=f"user:{uuid}", uuid=uuid)


def send_command(
    *,
    device: Device,
    action: Action,
    actor: Actor,
    reason: str,
    compartment: Compartment | None = None,
    allocation: Allocation | None = None,
    purpose: Purpose | None = None,
    args: dict[str, Any] | None = None,
) -> Command:
    """Record an order in the caller's transaction; it expires 30 s later in wire time. Raises
    ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing(field="reason")
    about: dict[str, Any] = dict(args or {})
    if compartment is not None:
        about["door"] = compartment.door
    if purpose is not None:
        about["purpose"] = purpose.value
    if allocation is not None:
        about["allocation"] = str(allocation.uuid)
    wall = clock.wall()
    command: Command = Command.objects.create(
        device=device,
        compartment=compartment,
        allocation=allocation,
        action=action.value,
        purpose=purpose.value if purpose else "",
        args=about,
        actor_uuid=actor.uuid,
        actor_label=actor.label[:60],
        reason=reason[:200],
        issued_at=wall,
        expires_at=wall + EXPIRES_AFTER,
        business_at=clock.now(),
    )
    notify(COMMAND_CHANNEL)
    return command


def resolve_command(*, tx: str, result: str, reason: str) -> Command | None:
    """The device's answer; the first one counts. None for an opening that nobody ordered from here."""
    try:
        uuid = UUID(tx)
    except ValueError:
        return None
    command: Command | None = Command.objects.filter(uuid=uuid).first()
    if command is not None and command.status != CommandStatus.ENDED:
        command.status, command.ended_at = CommandStatus.ENDED, clock.wall()
        command.result, command.result_reason = result, reason[:60]
        command.save(update_fields=["status", "ended_at", "result", "result_reason"])
    return command


def expire_commands() -> int:
    """Orders past their wire time without an answer: the device did not act, or cannot say; how many."""
    due = Command.objects.filter(UNRESOLVED, expires_at__lte=clock.wall())
    return int(due.update(status=CommandStatus.EXPIRED, ended_at=clock.wall()))


def commands_in_flight() -> int:
    return int(Command.objects.filter(UNRESOLVED, expires_at__gt=clock.wall()).count())


def signed_pending(*, carrier: str = "") -> Iterator[tuple[Command, bytes, float]]:
    """(order, payload, seconds until it expires) of what was not sent yet, oldest first."""
    wall = clock.wall()
    waiting = Command.objects.filter(
        status=CommandStatus.PENDING, expires_at__gt=wall, device__carrier=carrier
    ).order_by("id")
    for command in waiting.select_related("device"):
        yield command, signed(command), (command.expires_at - wall).total_seconds()


def signed(command: Command) -> bytes:
    """The payload of `down/cmd`, for the present generation of its device."""
    device = command.device
    locker = locker_of(device)
    order = WireCommand(
        device=device.device,
        generation=device.generation,
        tx=str(command.uuid),
        action=Action(command.action),
        actor=command.actor_label,
        reason=command.reason,
        issued_at=command.issued_at,
        expires_at=command.expires_at,
        args=_args(command),
        boot=device.boot if device.boot and not device.carrier else None,
    )
    return sign_command(order, key=keys.command_key(locker))


def _args(command: Command) -> dict[str, Any]:
    """A new key stands in no row: it is sealed when the order is signed."""
    device, new_key = command.device, other_locker_of(command.device)
    if command.action != Action.REKEY or new_key is None:
        return dict(command.args)
    sealed = keys.seal_new_key(
        new_key, old_key=locker_of(device), device=device.device, generation=device.generation
    )
    return {"sealed": sealed}


def mark_sent(command: Command) -> None:
    """An answer may have come in between: only what is still pending becomes sent."""
    Command.objects.filter(pk=command.pk, status=CommandStatus.PENDING).update(
        status=CommandStatus.SENT, sent_at=clock.wall()
    )
