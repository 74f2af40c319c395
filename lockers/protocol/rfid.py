"""Noisy reads of crate tags, folded: one sighting per (tag, antenna, window of 10 s). Pure.

A sighting is a join of what was read: which seconds of its window, when first and last, how loud at best.
Joining is commutative, associative and idempotent, so that any order, any repetition and any batching of the
same reads gives the same sightings. Believed is a tag that was read in two seconds of a window at least: a
crate that is carried past an aerial, or a reflection, is read once.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lockers.protocol.envelope import read_time
from lockers.protocol.errors import Malformed

WINDOW_S = 10
BELIEVED_SECONDS = 2
#: dBm; what is quieter is a tag in the next room
QUIETEST_DBM = -75
MOST_ANTENNAS = 64
_EPC = re.compile(r"[0-9A-F]{24}")

Key = tuple[str, int, datetime]


@dataclass(frozen=True, slots=True)
class Read:
    """A reader heard a tag of 96 bits (24 hexadecimal digits) once."""

    epc: str
    antenna: int
    at: datetime
    dbm: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """`seconds`: bit n stands for second n of the window that starts at `window`."""

    epc: str
    antenna: int
    window: datetime
    seconds: int
    first_at: datetime
    last_at: datetime
    dbm: int

    @property
    def key(self) -> Key:
        return self.epc, self.antenna, self.window

    @property
    def believed(self) -> bool:
        return self.seconds.bit_count() >= BELIEVED_SECONDS


def epc_of(text: object) -> str:
    """The number of a tag, in capitals; raises Malformed."""
    epc = text.strip().upper() if isinstance(text, str) else ""
    if _EPC.fullmatch(epc) is None:
        raise Malformed("a tag's number has 24 hexadecimal digits")
    return epc


def read_from(plain: object) -> Read:
    """{epc, antenna, at, dbm}; raises Malformed."""
    if not isinstance(plain, Mapping):
        raise Malformed("a read is an object")
    return Read(
        epc=epc_of(plain.get("epc")),
        antenna=_whole(plain, "antenna", 1, MOST_ANTENNAS),
        at=read_time(plain.get("at")),
        dbm=_whole(plain, "dbm", -120, 0),
    )


def fold(reads: Iterable[Read]) -> list[Sighting]:
    """The sightings of these reads, by key. Quiet ones are no reads."""
    found: dict[Key, Sighting] = {}
    for read in reads:
        if read.dbm < QUIETEST_DBM:
            continue
        seconds = int(read.at.timestamp())
        window = datetime.fromtimestamp(seconds - seconds % WINDOW_S, UTC)
        bit = 1 << (seconds % WINDOW_S)
        one = Sighting(read.epc, read.antenna, window, bit, read.at, read.at, read.dbm)
        known = found.get(one.key)
        found[one.key] = one if known is None else joined(known, one)
    return [found[key] for key in sorted(found)]


def joined(one: Sighting, other: Sighting) -> Sighting:
    """Of the same key."""
    return replace(
        one,
        seconds=one.seconds | other.seconds,
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
        dbm=max(one.dbm, other.dbm),
    )


def _whole(plain: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = plain.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Malformed(f"{name} is a whole number from {least} to {most}")
    return value
