"""A device's request over HTTPS: its messages in, acknowledged after their commit; what waits for it out.

The fallback of the same wire: the same envelopes, marks, commands and configuration. A device asks now and
then what waits for it; an order that MQTT has taken too is obeyed once, by its `tx`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import Q

from lockers.errors import RequestRefused
from lockers.models import Command, CommandStatus, Device
from lockers.protocol import keys, requests
from lockers.protocol.errors import Malformed, ProtocolError, Refused
from lockers.protocol.topics import Channel, Topic
from lockers.services.devices.commands import mark_sent, signed
from lockers.services.devices.config import signed_config
from lockers.services.devices.root_keys import locker_of, other_locker_of
from lockers.services.messages.intake import Ack, Arrived, take_in
from marketplace.kernel import clock

UPWARD = frozenset({Channel.TELEMETRY, Channel.EVENTS, Channel.HEARTBEAT, Channel.DOORS, Channel.CONNECTION})
MOST_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message for the device, as MQTT would bring it."""

    channel: Channel
    payload: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    acks: tuple[Ack, ...]
    waiting: tuple[Waiting, ...]


def authenticate(header: str, body: bytes) -> Device:
    """Whose request it is. Raises RequestRefused, without saying what was wrong.

    The number is taken in its own statement before anything else happens: a repeat finds it used.
    """
    try:
        signed_by = requests.read_header(header)
        device: Device | None = Device.objects.filter(device=signed_by.device, revoked_at=None).first()
        if device is None:
            raise RequestRefused
        _check(device, signed_by, body)
    except ProtocolError as error:
        raise RequestRefused from error
    earlier = Q(request_boot__lt=signed_by.boot) | Q(
        request_boot=signed_by.boot, request_number__lt=signed_by.number
    )
    taken = Device.objects.filter(earlier, pk=device.pk, generation=device.generation, revoked_at=None)
    if taken.update(request_boot=signed_by.boot, request_number=signed_by.number) == 0:
        raise RequestRefused
    return device


def _check(device: Device, signed_by: requests.Signed, body: bytes) -> None:
    """Under the root that it has come to; while that is being changed, under either. Raises Refused."""
    other = other_locker_of(device)
    try:
        requests.check(signed_by, key=keys.request_key(locker_of(device)), body=body)
    except Refused:
        if other is None:
            raise
        requests.check(signed_by, key=keys.request_key(other), body=body)


def read_body(device: Device, body: bytes) -> tuple[list[Arrived], int]:
    """{"messages": [{"channel", "payload"}], "config": version held}; raises Malformed."""
    try:
        plain = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
    messages = plain.get("messages") if isinstance(plain, dict) else None
    if not isinstance(messages, list) or len(messages) > MOST_MESSAGES:
        raise Malformed(f"messages is a list of at most {MOST_MESSAGES}")
    config = plain.get("config", 0)
    if not isinstance(config, int) or isinstance(config, bool):
        raise Malformed("config is the version held")
    return [_arrived(device, each) for each in messages], config


def _arrived(device: Device, plain: object) -> Arrived:
    channel = plain.get("channel") if isinstance(plain, Mapping) else None
    if not isinstance(plain, Mapping) or channel not in UPWARD:
        raise Malformed("a message has an upward channel and a payload")
    topic = Topic(device.device, Channel(channel))
    return Arrived(str(topic), orjson.dumps(plain.get("payload")))


def answer(device: Device, messages: Sequence[Arrived], *, config: int) -> Answer:
    """Store, commit, and only then say what is stored; with it what waits for the device."""
    acks = take_in(messages).acks
    device.refresh_from_db()
    return Answer(acks=acks, waiting=(*_configuration(device, config), *_orders(device)))


def _configuration(device: Device, held: int) -> list[Waiting]:
    if device.cabinet_id is None or held == device.config_version:
        return []
    return [Waiting(Channel.CONFIG, signed_config(device))]


def _orders(device: Device) -> list[Waiting]:
    """Also those that MQTT has been given: it may be what does not get through."""
    open_orders = Command.objects.filter(
        device=device,
        status__in=[CommandStatus.PENDING, CommandStatus.SENT],
        expires_at__gt=clock.wall(),
    )
    waiting = []
    for command in open_orders.select_related("device").order_by("id"):
        waiting.append(Waiting(Channel.COMMAND, signed(command)))
        mark_sent(command)
    return waiting


def as_json(answered: Answer) -> dict[str, Any]:
    return {
        "acks": [{"boot": each.boot, "upto": each.upto} for each in answered.acks],
        "down": [
            {"channel": each.channel.value, "payload": orjson.loads(each.payload)}
            for each in answered.waiting
        ],
    }
