"""The tester's console: business time, what is in flight, and a hand at the simulated cabinets."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from django.conf import settings
from django.db.models import F

from lockers.models import Command, CommandStatus, Compartment, Device, DeviceMessage
from marketplace.database.business_time import read_setting, set_business_time
from marketplace.database.models import Heartbeat
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, NotFound
from marketplace.outbox.delivery import undelivered
from marketplace.outbox.management.commands.drain import SWEEP
from marketplace.outbox.models import OutboxEvent
from marketplace.simulation.errors import CabinetDark, CabinetsAway, DoorIsShut, NoSuchFault
from orders.payments.services.due import in_flight as payments_in_flight
from routing.services.waves.queueing import due_waves

#: sign that business time was moved, beside the drain's sign that it has looked for due work
MOVED = "business time"
CONTROL_TIMEOUT_S = 10.0
#: deliveries looked at for the latest one
_LATEST = 200


@dataclass(frozen=True, slots=True)
class Clock:
    business_now: datetime
    frozen: bool


@dataclass(frozen=True, slots=True)
class Quiescence:
    """What is under way. Business time may move when all counts are zero."""

    outbox_pending: int
    commands_in_flight: int
    tasks_in_flight: int
    due_work: int
    gateway_pending: int

    @property
    def quiet(self) -> bool:
        return not (
            self.outbox_pending
            or self.commands_in_flight
            or self.tasks_in_flight
            or self.due_work
            or self.gateway_pending
        )


def test_clock() -> Clock:
    clock.refresh()
    return Clock(business_now=clock.now(), frozen=read_setting().frozen_at is not None)


def set_test_clock(*, at: datetime | None, frozen: bool) -> Clock:
    """Move business time for all processes, and note when (wire time). Never backwards: what was done then
    would lie in the future. Raises Conflict.
    """
    if at is not None and at < test_clock().business_now:
        raise Conflict(N_("业务时间不能倒退"), code="clock_backwards", field="at")
    Heartbeat.objects.update_or_create(process=MOVED, defaults={"at": clock.wall()})
    set_business_time(at=at, frozen=frozen)
    return test_clock()


def quiescence() -> Quiescence:
    """Counted now. Work that the queue, the devices or the gateway have been given counts until it ended."""
    return Quiescence(
        outbox_pending=undelivered(),
        commands_in_flight=_commands() + _cabinets(),
        tasks_in_flight=_tasks(),
        due_work=len(due_waves()) + (0 if _swept() else 1),
        gateway_pending=payments_in_flight(),
    )


def cabinet_fault(*, cabinet_uuid: UUID, fault: str, on: bool) -> None:
    """Break or mend a simulated cabinet. Raises NotFound, NoSuchFault, CabinetsAway."""
    device = _device(cabinet_uuid)
    answer = _control("POST", f"/cabinets/{device}/fault", {"fault": fault, "on": on})
    if answer.status_code == httpx.codes.CONFLICT:
        raise NoSuchFault(field="fault", params={"why": answer.json().get("text", fault)})
    _expect(answer)


def type_at_keypad(*, cabinet_uuid: UUID, digits: str) -> dict[str, Any]:
    """Type a code, take what lies behind the doors that open, push them shut: {ok, reason, doors}.

    Raises NotFound, CabinetDark, CabinetsAway.
    """
    device = _device(cabinet_uuid)
    answer = _control("POST", f"/cabinets/{device}/visit", {"code": digits})
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise CabinetDark(field="cabinet_id")
    found: dict[str, Any] = _expect(answer)
    return found


def put_into_compartment(*, cabinet_uuid: UUID, compartment: str, parcel: str) -> None:
    """The courier's hand: lay a parcel behind the open door with this label and push the door shut.

    Raises NotFound, DoorIsShut, CabinetsAway.
    """
    device = _device(cabinet_uuid)
    found = Compartment.objects.filter(cabinet__uuid=cabinet_uuid, label=compartment).first()
    if found is None:
        raise NotFound(field="compartment")
    answer = _control("POST", f"/cabinets/{device}/doors/{found.door}/put", {"parcel": parcel, "shut": True})
    if answer.status_code == httpx.codes.CONFLICT:
        raise DoorIsShut(field="compartment")
    _expect(answer)


def _commands() -> int:
    """Orders without an answer, messages without their effect, cabinets that have not heard the news."""
    waiting = Command.objects.filter(status__in=[CommandStatus.PENDING, CommandStatus.SENT]).count()
    unheard = Device.objects.filter(online=True, config_applied__lt=F("config_version")).count()
    return waiting + unheard + DeviceMessage.objects.filter(handled_at=None, failed="").count()


def _cabinets() -> int:
    """What the simulated cabinets have not got rid of; one more while their clocks lag behind ours."""
    if not settings.CABINET_CONTROL_URL or not Device.objects.filter(simulated=True).exists():
        return 0
    shown = _expect(_control("GET", "/quiet", None))
    frozen_at = read_setting().frozen_at
    lags = frozen_at is not None and datetime.fromisoformat(shown["at"]) != frozen_at
    return int(shown["outbox"]) + int(shown["moving"]) + int(lags)


def _tasks() -> int:
    """Tasks that wait in the queue and tasks that a worker has not finished (it acknowledges late)."""
    if settings.REDIS_URL.startswith("memory:"):
        return 0
    from redis import Redis

    address = urlsplit(settings.REDIS_URL)
    if address.scheme.endswith("socket"):
        client = Redis(unix_socket_path=address.path, socket_timeout=1)
    else:
        client = Redis.from_url(settings.REDIS_URL, socket_timeout=1)
    with client:
        return int(client.llen("celery")) + int(client.hlen("unacked"))


def _swept() -> bool:
    """Whether the drain has looked for due work since time was moved and since the latest delivery."""
    signs = dict(Heartbeat.objects.filter(process__in=[MOVED, SWEEP]).values_list("process", "at"))
    if SWEEP not in signs:
        return False
    latest = OutboxEvent.objects.order_by("-id").values_list("delivered_at", flat=True)[:_LATEST]
    changes = [at for at in (*latest, signs.get(MOVED)) if at is not None]
    return all(at <= signs[SWEEP] for at in changes)


def _device(cabinet_uuid: UUID) -> str:
    device: Device | None = Device.objects.filter(cabinet__uuid=cabinet_uuid, simulated=True).first()
    if device is None:
        raise NotFound(field="cabinet_id")
    return device.device


@cache
def _http() -> httpx.Client:
    """One client for all: making one reads every root certificate, and the console asks often."""
    return httpx.Client(timeout=CONTROL_TIMEOUT_S, trust_env=False)


def _control(method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
    try:
        return _http().request(method, settings.CABINET_CONTROL_URL + path, json=body)
    except (httpx.TransportError, httpx.UnsupportedProtocol) as error:
        raise CabinetsAway from error


def _expect(answer: httpx.Response) -> Any:
    if answer.status_code != httpx.codes.OK:
        raise CabinetsAway
    return answer.json()
