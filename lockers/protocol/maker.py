"""A maker's HTTP interface (docs/maker-http.md): its signature both ways, and its doors' events as envelopes.

A plain cabinet of a maker knows neither our envelope nor our codes: it opens on order and reports what its
doors did. Its platform numbers those reports per cabinet; report n becomes the messages 2n - 1 and 2n.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockers.protocol.commands import Action
from lockers.protocol.envelope import Envelope, read_time
from lockers.protocol.errors import Malformed, Refused
from lockers.protocol.messages import Kind, Result
from lockers.protocol.topics import Channel

TIME, NONCE, SIGN = "X-Time", "X-Nonce", "X-Sign"
#: a signed request counts this long before and after its time
SIGNED_FOR_S = 300
#: what a plain cabinet reports of a door, as the wire says it
FACTS: Mapping[str, str] = {
    "pulsed": Kind.DOOR_PULSED,
    "opened": Kind.DOOR_OPENED,
    "closed": Kind.DOOR_CLOSED,
    "jammed": Kind.DOOR_JAMMED,
    "ajar": Kind.DOOR_AJAR,
    "forced": Kind.DOOR_FORCED,
    "unknown": Kind.DOOR_UNKNOWN,
    "refused": "maker.refused",  # no such door, or out of service: nothing moved
}
_ENDS: Mapping[str, Result] = {
    "opened": Result.DONE,
    "jammed": Result.JAMMED,
    "unknown": Result.UNKNOWN,
    "refused": Result.REFUSED,
}
_ABOUT = ("purpose", "allocation")


def sign(key: bytes, *, path: str, at: datetime, nonce: str, body: bytes) -> dict[str, str]:
    """The headers of one POST."""
    seconds = int(at.timestamp())
    return {TIME: str(seconds), NONCE: nonce, SIGN: _mac(key, path, seconds, nonce, body)}


class Checked:
    """Whose requests are believed: signed, of now, and none twice."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._seen: dict[str, int] = {}

    def check(self, headers: Mapping[str, str], *, path: str, at: datetime, body: bytes) -> None:
        """`headers` by lower-case name. Raises Refused (`bad_mac`, `expired`, `repeated`)."""
        now = int(at.timestamp())
        try:
            seconds, nonce = int(headers[TIME.lower()]), headers[NONCE.lower()]
            shown = headers[SIGN.lower()].encode()
        except (KeyError, ValueError):
            raise Refused("not signed", code="bad_mac") from None
        if not 8 <= len(nonce) <= 64 or not hmac.compare_digest(
            shown, _mac(self._key, path, seconds, nonce, body).encode()
        ):
            raise Refused("signature does not hold", code="bad_mac")
        if abs(now - seconds) > SIGNED_FOR_S:
            raise Refused("signed at another time", code="expired")
        self._seen = {known: until for known, until in self._seen.items() if until >= now}
        if nonce in self._seen:
            raise Refused("seen before", code="repeated")
        self._seen[nonce] = seconds + SIGNED_FOR_S


def _mac(key: bytes, path: str, seconds: int, nonce: str, body: bytes) -> str:
    text = f"maker-v1\n{path}\n{seconds}\n{nonce}\n".encode() + hashlib.sha256(body).digest()
    return hmac.new(key, text, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Opening:
    """An order that a plain cabinet understands."""

    request: str
    door: int
    about: dict[str, str]


def as_opening(command: Mapping[str, Any]) -> Opening:
    """Of a `down/cmd`; raises Refused (`not_supported`) for what a plain cabinet cannot do."""
    if command.get("action") != Action.OPEN:
        raise Refused(f"a plain cabinet has no {command.get('action')}", code="not_supported")
    args = command["args"]
    about = {name: str(args[name]) for name in _ABOUT if name in args}
    if isinstance(args.get("placed"), Mapping):  # a deposit carries its allocation
        about["allocation"] = str(args["placed"]["id"])
    return Opening(request=str(command["tx"]), door=int(args["door"]), about=about)


def reported(device: str, event: Mapping[str, Any]) -> list[Envelope]:
    """The messages of one report {epoch, n, at, kind, door, request, about}. Raises Malformed.

    The second is the end of an order where the report ends one, else the report itself, kept as it came.
    """
    try:
        kind, n, boot = str(event["kind"]), int(event["n"]), int(event["epoch"])
        at, door = read_time(event["at"]), int(event["door"])
        tx = str(event["request"]) if event.get("request") else None
        about = {name: str(value) for name, value in dict(event.get("about") or {}).items() if name in _ABOUT}
        fact = FACTS[kind]
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"not a report: {error!r}") from None
    if n < 1 or boot < 1:
        raise Malformed("n and epoch are numbers from 1")
    body: dict[str, Any] = {"door": door, **about}
    first = Envelope(device, boot, 2 * n - 1, f"{boot}.{n}a", at, 0.0, str(fact), body, tx)
    ends = _ENDS.get(kind) if tx else None
    told = {"action": "open", "result": ends.value, **body} if ends else dict(event)
    ended = Kind.COMMAND_RESULT.value if ends else "maker.report"
    return [first, Envelope(device, boot, 2 * n, f"{boot}.{n}b", at, 0.0, ended, told, tx)]


def states(device: str, answer: Mapping[str, Any], *, at: datetime) -> list[tuple[Channel, Envelope]]:
    """What the state topics say, from the answer {online, epoch, n, doors} to a call. Raises Malformed."""
    try:
        boot, n = int(answer["epoch"]), int(answer["n"])
        doors = {str(int(door)): str(state) for door, state in dict(answer["doors"]).items()}
        online = bool(answer["online"])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"not a cabinet's state: {error!r}") from None
    conn = Envelope(device, boot, 0, f"{boot}.{n}c", at, 0.0, Kind.CONNECTION.value, {"online": online})
    told = {"doors": doors, "asof": [boot, 2 * n]}
    return [
        (Channel.CONNECTION, conn),
        (Channel.DOORS, Envelope(device, boot, 0, f"{boot}.{n}d", at, 0.0, Kind.DOOR_STATES.value, told)),
    ]
