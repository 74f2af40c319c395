"""What the server wants a cabinet to hold: `down/cfg`, retained, whole, with a growing version number.

`known` says up to which message of the device the server had read when it wrote this. Whatever the device did
after that message it knows better, and keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockers.protocol.allocation import AllocationState, Cell
from lockers.protocol.codes import LiveGroup
from lockers.protocol.commands import sign, verified
from lockers.protocol.envelope import read_time, wire_time
from lockers.protocol.errors import Malformed, Refused
from lockers.protocol.policy import DepositPolicy
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size


@dataclass(frozen=True, slots=True)
class Placed:
    """One allocation as a cabinet holds it; `door` None while a sealed token leaves the choice to it."""

    allocation: str
    group: LiveGroup
    state: AllocationState
    door: int | None
    collect_until: datetime
    policy: DepositPolicy

    def as_wire(self) -> dict[str, Any]:
        return {
            "id": self.allocation,
            "door": self.door,
            "group": self.group.group,
            "n": self.group.counter,
            "tag": self.group.tag.hex(),
            "state": self.state.value,
            "until": wire_time(self.collect_until),
            "policy": self.policy.as_wire(),
        }

    @classmethod
    def from_wire(cls, plain: Mapping[str, Any]) -> "Placed":
        return cls(
            allocation=str(plain["id"]),
            group=LiveGroup(int(plain["group"]), int(plain["n"]), bytes.fromhex(plain["tag"])),
            state=AllocationState(plain["state"]),
            door=None if plain["door"] is None else int(plain["door"]),
            collect_until=read_time(plain["until"]),
            policy=DepositPolicy.from_wire(plain["policy"]),
        )


@dataclass(frozen=True, slots=True)
class Config:
    device: str
    generation: int
    version: int
    known: tuple[int, int]  # (boot, seq) read by the server when this was written
    cells: tuple[Cell, ...] = ()
    blocked: frozenset[int] = frozenset()
    placed: tuple[Placed, ...] = ()
    qr_keys: tuple[bytes, ...] = ()  # Ed25519 public keys, raw; two during a rotation


def sign_config(config: Config, *, key: bytes) -> bytes:
    plain = {
        "v": 1,
        "dev": config.device,
        "gen": config.generation,
        "version": config.version,
        "known": list(config.known),
        "cells": [cell_as_wire(cell) for cell in config.cells],
        "blocked": sorted(config.blocked),
        "placed": [each.as_wire() for each in config.placed],
        "qr_keys": [each.hex() for each in config.qr_keys],
    }
    return sign(plain, key=key)


def read_config(payload: bytes, *, key: bytes, device: str, generation: int) -> Config:
    """Raises Malformed or Refused (`bad_mac`, `wrong_device`, `old_generation`)."""
    plain = verified(payload, key=key)
    try:
        config = Config(
            device=plain["dev"],
            generation=plain["gen"],
            version=int(plain["version"]),
            known=(int(plain["known"][0]), int(plain["known"][1])),
            cells=tuple(cell_from_wire(each) for each in plain["cells"]),
            blocked=frozenset(int(each) for each in plain["blocked"]),
            placed=tuple(Placed.from_wire(each) for each in plain["placed"]),
            qr_keys=tuple(bytes.fromhex(each) for each in plain["qr_keys"]),
        )
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise Malformed(f"not a configuration: {error}") from None
    if config.device != device:
        raise Refused("for another device", code="wrong_device")
    if config.generation != generation:
        raise Refused(f"generation {config.generation}, this is {generation}", code="old_generation")
    return config


def cell_as_wire(cell: Cell) -> dict[str, Any]:
    return {
        "door": cell.door,
        "size": cell.size.value,
        "zone": cell.zone,
        "min_c": cell.band.min_c,
        "max_c": cell.band.max_c,
    }


def cell_from_wire(plain: Mapping[str, Any]) -> Cell:
    return Cell(
        door=int(plain["door"]),
        size=Size(plain["size"]),
        zone=str(plain["zone"]),
        band=Band(plain["min_c"], plain["max_c"]),
    )
