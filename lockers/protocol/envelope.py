"""The envelope that every message of a device travels in, and its codec.

A payload is one envelope (a JSON object) or a batch (a JSON array of envelopes of one device), at most
64 KiB. An unknown `type` is kept: the server stores and acknowledges what it does not understand yet. An
unknown `v` is refused: nothing inside it can be trusted to mean what it meant. So is what no table can hold
and no calendar reckon with: NUL characters, years outside YEARS, a `mono` past MONO_MOST_S.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from lockers.protocol.errors import Malformed, TooLarge, UnknownVersion

VERSION = 1
SIZE_LIMIT_BYTES = 64 * 1024
# Messages that are not journalled (heartbeat, retained states) carry this seq; journalled ones start at 1.
UNJOURNALLED = 0

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_BIGGEST = 2**63 - 1
# A reset clock says 1970 or 2000; what is further off cannot be moved into another zone without overflow.
YEARS = range(1900, 2200)
MONO_MOST_S = 1e10
_NUL = b"\\u0000"  # as JSON spells it


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message of a device. (dev, boot, seq) is its identity; `mid` only tells transport duplicates.

    `ts` is the device's clock, `mono` its monotonic seconds since start; neither orders messages, (boot, seq)
    does. `tx` ties all messages of one command or one opening together.
    """

    dev: str
    boot: int
    seq: int
    mid: str
    ts: datetime
    mono: float
    type: str
    body: dict[str, Any] = field(default_factory=dict)
    tx: str | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        return (self.dev, self.boot, self.seq)


def is_device_id(text: str) -> bool:
    return _DEVICE.fullmatch(text) is not None


def wire_time(at: datetime) -> str:
    """UTC with milliseconds and Z, as the wire writes every time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: object) -> datetime:
    if not isinstance(text, str):
        raise Malformed("a time is a string")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"not a time: {text[:40]!r}") from None
    if at.tzinfo is None:
        raise Malformed("a time needs its zone")
    return at


def encode(envelope: Envelope) -> bytes:
    """One envelope as bytes; raises TooLarge."""
    return _limited(orjson.dumps(_plain(envelope)))


def encode_batch(envelopes: Sequence[Envelope]) -> bytes:
    return _limited(orjson.dumps([_plain(each) for each in envelopes]))


def join_batch(encoded: Sequence[bytes]) -> bytes:
    """A batch out of envelopes that are already encoded, as a device keeps them."""
    return _limited(b"[" + b",".join(encoded) + b"]")


def decode(payload: bytes) -> Envelope:
    """The one envelope of a payload; raises an EnvelopeError."""
    return _envelope(_loaded(payload))


def decode_batch(payload: bytes) -> list[Envelope]:
    """All envelopes of a payload, in the order written. One unreadable member refuses the whole batch."""
    loaded = _loaded(payload)
    if not isinstance(loaded, list):
        return [_envelope(loaded)]
    envelopes = [_envelope(each) for each in loaded]
    if len({each.dev for each in envelopes}) > 1:
        raise Malformed("a batch holds one device's messages")
    return envelopes


def _limited(payload: bytes) -> bytes:
    if len(payload) > SIZE_LIMIT_BYTES:
        raise TooLarge(f"{len(payload)} bytes, at most {SIZE_LIMIT_BYTES}")
    return payload


def _plain(envelope: Envelope) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "v": VERSION,
        "mid": envelope.mid,
        "dev": envelope.dev,
        "boot": envelope.boot,
        "seq": envelope.seq,
        "ts": wire_time(envelope.ts),
        "mono": envelope.mono,
        "type": envelope.type,
        "body": envelope.body,
    }
    if envelope.tx is not None:
        plain["tx"] = envelope.tx
    return plain


def _loaded(payload: bytes) -> object:
    _limited(payload)
    try:
        loaded = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
    if _NUL in payload and _holds_nul(loaded):
        raise Malformed("a text holds NUL")
    return loaded


def _envelope(plain: object) -> Envelope:
    if not isinstance(plain, dict):
        raise Malformed("an envelope is an object")
    version = plain.get("v")
    if version != VERSION or isinstance(version, bool):
        raise UnknownVersion(f"version {version!r}")
    device, kind = _text(plain, "dev", limit=32), _text(plain, "type", limit=40)
    if not is_device_id(device):
        raise Malformed(f"not a device id: {device!r}")
    if _TYPE.fullmatch(kind) is None:
        raise Malformed(f"not a message type: {kind!r}")
    body = plain.get("body", {})
    if not isinstance(body, dict):
        raise Malformed("body is an object")
    return Envelope(
        dev=device,
        boot=_whole(plain, "boot", least=1),
        seq=_whole(plain, "seq", least=0),
        mid=_text(plain, "mid", limit=64),
        ts=_device_time(plain.get("ts")),
        mono=_seconds(plain, "mono"),
        type=kind,
        body=body,
        tx=None if plain.get("tx") is None else _text(plain, "tx", limit=64),
    )


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any("\0" in name or _holds_nul(each) for name, each in value.items())
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def _device_time(text: object) -> datetime:
    at = read_time(text)
    if at.year not in YEARS:
        raise Malformed(f"the year {at.year} is outside {YEARS.start} to {YEARS.stop - 1}")
    return at


def _text(plain: dict[str, Any], name: str, *, limit: int) -> str:
    value = plain.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise Malformed(f"{name} is a text of 1 to {limit} characters")
    return value


def _whole(plain: dict[str, Any], name: str, *, least: int) -> int:
    value = plain.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _BIGGEST:
        raise Malformed(f"{name} is a whole number from {least}")
    return value


def _seconds(plain: dict[str, Any], name: str) -> float:
    value = plain.get(name)
    if (
        not isinstance(value, (int, float))
        or isinstance(value, bool)
        or not math.isfinite(value)
        or not 0 <= value <= MONO_MOST_S
    ):
        raise Malformed(f"{name} is a number of seconds from 0 to {MONO_MOST_S:.0f}")
    return float(value)
