"""Pickup codes: eight digits that the server derives and stores nowhere, and that a cabinet checks offline.

A pickup group is one recipient, one zone, one destination choice; several parcels share its code, and a move
to another cabinet keeps it. Raising the counter revokes the code. The server's code key makes the digits; a
cabinet holds, per live group, a tag under its own key, from which the digits cannot be computed: not hashes,
since 10^8 salted hashes are tried within a minute.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

DIGITS = 8
TAG_BYTES = 16
_BIGGEST_GROUP = 2**63 - 1
_BIGGEST_COUNTER = 2**16 - 1


def pickup_code(code_key: bytes, *, group: int, counter: int) -> str:
    """HMAC-SHA-256, dynamic truncation to 63 bits as in RFC 4226, mod 10^8; leading zeros kept."""
    digest = hmac.digest(code_key, b"pickup-v1" + _number(group, counter), hashlib.sha256)
    offset = digest[-1] & 15
    truncated = int.from_bytes(digest[offset : offset + 8], "big") & _BIGGEST_GROUP
    return f"{truncated % 10**DIGITS:0{DIGITS}d}"


def pickup_tag(tag_key: bytes, *, code: str, group: int, counter: int) -> bytes:
    """What a cabinet compares a typed code with; worth nothing without that cabinet's key."""
    return hmac.digest(tag_key, code.encode() + b"|" + _number(group, counter), hashlib.sha256)[:TAG_BYTES]


@dataclass(frozen=True, slots=True)
class LiveGroup:
    """A group with a parcel in this cabinet."""

    group: int
    counter: int
    tag: bytes


@dataclass(frozen=True, slots=True)
class Match:
    """`group` when exactly one live group answers; `ambiguous` when two do, and then neither opens."""

    group: int | None = None
    ambiguous: bool = False


def match_code(typed: str, live: Iterable[LiveGroup], *, tag_key: bytes) -> Match:
    """Every live group is compared, in constant time, whatever is typed."""
    well_formed = len(typed) == DIGITS and typed.isascii() and typed.isdigit()
    code = typed if well_formed else "-" * DIGITS
    found = {
        each.group
        for each in list(live)
        if hmac.compare_digest(
            pickup_tag(tag_key, code=code, group=each.group, counter=each.counter),
            each.tag,
        )
    }
    if not well_formed or not found:
        return Match()
    return Match(group=found.pop()) if len(found) == 1 else Match(ambiguous=True)


def matched(matches: Iterable[Match]) -> Match:
    """Of the same digits under several tag keys, as after a change of keys."""
    each = list(matches)
    found = {match.group for match in each if match.group is not None}
    if len(found) > 1 or any(match.ambiguous for match in each):
        return Match(ambiguous=True)
    return Match(group=found.pop()) if found else Match()


def _number(group: int, counter: int) -> bytes:
    if not 0 < group <= _BIGGEST_GROUP or not 0 <= counter <= _BIGGEST_COUNTER:
        raise ValueError(f"group {group}, counter {counter} out of range")
    return group.to_bytes(8, "big") + counter.to_bytes(4, "big")
