"""What a simulated cabinet is built as: identity, cells, cooled zones. From a JSON file or over the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockers.protocol.allocation import Cell
from lockers.protocol.config import cell_as_wire, cell_from_wire
from lockers.protocol.envelope import is_device_id
from lockers.protocol.errors import Malformed
from lockers.protocol.keys import KEY_BYTES


@dataclass(frozen=True, slots=True)
class Blueprint:
    device: str
    generation: int
    key: bytes = field(repr=False)
    cells: tuple[Cell, ...]
    cooled: dict[str, float] = field(default_factory=dict)  # zone -> set point °C; each has one probe
    qr_keys: tuple[bytes, ...] = ()

    def as_wire(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "generation": self.generation,
            "key": self.key.hex(),
            "cells": [cell_as_wire(cell) for cell in self.cells],
            "cooled": self.cooled,
            "qr_keys": [key.hex() for key in self.qr_keys],
        }

    @classmethod
    def from_wire(cls, plain: Mapping[str, Any]) -> "Blueprint":
        """Raises Malformed."""
        try:
            blueprint = cls(
                device=str(plain["device"]),
                generation=int(plain["generation"]),
                key=bytes.fromhex(plain["key"]),
                cells=tuple(cell_from_wire(each) for each in plain["cells"]),
                cooled={str(zone): float(c) for zone, c in plain.get("cooled", {}).items()},
                qr_keys=tuple(bytes.fromhex(key) for key in plain.get("qr_keys", [])),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed(f"not a cabinet: {error!r}") from None
        if not is_device_id(blueprint.device) or len(blueprint.key) < KEY_BYTES or blueprint.generation < 1:
            raise Malformed(f"not a cabinet: {blueprint.device!r}")
        if len({cell.door for cell in blueprint.cells}) != len(blueprint.cells):
            raise Malformed(f"{blueprint.device}: a door number twice")
        return blueprint
