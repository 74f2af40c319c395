"""Commands and configuration, signed for one device in one generation.

A command carries who wants it and why, its `tx` ("do it once"; a repeat keeps it) and its expiry in wire
time. Never retained, so that no replay can open a door later.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from lockers.protocol.envelope import SIZE_LIMIT_BYTES, read_time, wire_time
from lockers.protocol.errors import Malformed, Refused, TooLarge

EXPIRES_AFTER = timedelta(seconds=30)


class Action(StrEnum):
    OPEN = "open"  # door, purpose, allocation
    TRY_CODE = "try_code"  # code, entry: the phone's way to the keypad, with the keypad's lock-out
    BLINK = "blink"  # door
    LOCK_OUT = "lock_out"  # door: out of service
    RESTORE = "restore"  # door
    REBOOT = "reboot"
    REPORT = "report"  # say the state of all doors, and a heartbeat
    REKEY = "rekey"  # sealed: the device's key under another root (keys.seal_new_key)


@dataclass(frozen=True, slots=True)
class Command:
    device: str
    generation: int
    tx: str
    action: Action
    actor: str
    reason: str
    issued_at: datetime
    expires_at: datetime
    args: dict[str, Any] = field(default_factory=dict)
    boot: int | None = None  # the start that it is meant for; None: whichever runs


def sign_command(command: Command, *, key: bytes) -> bytes:
    """The payload of `down/cmd`."""
    if not command.actor or not command.reason:
        raise Malformed("a command names its actor and its reason")
    plain = {
        "v": 1,
        "dev": command.device,
        "gen": command.generation,
        "tx": command.tx,
        "action": command.action.value,
        "actor": command.actor,
        "reason": command.reason,
        "issued": wire_time(command.issued_at),
        "expires": wire_time(command.expires_at),
        "args": command.args,
    }
    if command.boot is not None:
        plain["boot"] = command.boot
    return sign(plain, key=key)


def read_command(payload: bytes, *, key: bytes, device: str, generation: int) -> Command:
    """Raises Malformed or Refused (`bad_mac`, `wrong_device`, `old_generation`). For expiry: check_timely."""
    plain = verified(payload, key=key)
    try:
        command = Command(
            device=plain["dev"],
            generation=plain["gen"],
            tx=str(plain["tx"]),
            action=Action(plain["action"]),
            actor=str(plain["actor"]),
            reason=str(plain["reason"]),
            issued_at=read_time(plain["issued"]),
            expires_at=read_time(plain["expires"]),
            args=dict(plain["args"]),
            boot=None if plain.get("boot") is None else int(plain["boot"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Malformed(f"not a command: {error}") from None
    if command.device != device:
        raise Refused("for another device", code="wrong_device")
    if command.generation != generation:
        raise Refused(f"generation {command.generation}, this is {generation}", code="old_generation")
    return command


def check_timely(command: Command, *, wall: datetime, started_at: datetime, boot: int) -> None:
    """Raises Refused (`expired`, `before_start`): power coming back never executes what came before it.

    An order that names its start is held to that, since a clock that the power cut has reset proves nothing.
    """
    if wall >= command.expires_at:
        raise Refused("expired", code="expired")
    if command.boot is not None and command.boot != boot:
        raise Refused(f"for start {command.boot}, this is {boot}", code="before_start")
    if command.boot is None and command.issued_at < started_at:
        raise Refused("issued before this start", code="before_start")


def sign(plain: Mapping[str, Any], *, key: bytes) -> bytes:
    """JSON with a `mac` over its sorted spelling."""
    payload = orjson.dumps({**plain, "mac": _mac(plain, key)})
    if len(payload) > SIZE_LIMIT_BYTES:
        raise TooLarge(f"{len(payload)} bytes, at most {SIZE_LIMIT_BYTES}")
    return payload


def verified(payload: bytes, *, key: bytes) -> dict[str, Any]:
    """The signed object; raises Malformed, or Refused with code `bad_mac`."""
    try:
        plain = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise Malformed("not an object")
    mac = plain.pop("mac", None)
    if not isinstance(mac, str) or not hmac.compare_digest(mac.encode(), _mac(plain, key).encode()):
        raise Refused("mac does not hold", code="bad_mac")
    return plain


def _mac(plain: Mapping[str, Any], key: bytes) -> str:
    return hmac.new(key, orjson.dumps(dict(plain), option=orjson.OPT_SORT_KEYS), hashlib.sha256).hexdigest()
