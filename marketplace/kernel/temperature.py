"""Zones are labels; a band in °C is what keeps goods good (devices.md section 8, domain.md section e)."""

import math
from dataclasses import dataclass
from enum import StrEnum

from marketplace.kernel.errors import N_, InvalidInput


class Zone(StrEnum):
    AMBIENT = "ambient"
    COOL = "cool"
    CHILLED = "chilled"
    FROZEN = "frozen"


#: as people write them in a table
ZONES_BY_NAME = {"常温": Zone.AMBIENT, "阴凉": Zone.COOL, "冷藏": Zone.CHILLED, "冷冻": Zone.FROZEN}


@dataclass(frozen=True, slots=True)
class Band:
    """A closed range of °C."""

    min_c: float
    max_c: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min_c) and math.isfinite(self.max_c)) or self.min_c > self.max_c:
            raise ValueError(f"no temperature band: {self.min_c} to {self.max_c}")

    def lies_inside(self, other: "Band") -> bool:
        return other.min_c <= self.min_c and self.max_c <= other.max_c

    def holds(self, temperature_c: float) -> bool:
        return self.min_c <= temperature_c <= self.max_c

    def strictest(self, other: "Band") -> "Band | None":
        """The band both allow; None when they share nothing."""
        low, high = max(self.min_c, other.min_c), min(self.max_c, other.max_c)
        return Band(low, high) if low <= high else None


#: what a hand-held probe can show at goods
READABLE = Band(-40, 60)


def require_readable(temperature_c: float | None, field: str = "temperature_c") -> float | None:
    """The reading, or None where nobody measured. Raises InvalidInput for one that no probe gives."""
    if temperature_c is not None and not READABLE.holds(temperature_c):
        raise InvalidInput(N_("温度读数不合理"), field=field)
    return temperature_c


#: what a cell or compartment offers when nothing finer is measured (defaults)
ZONE_BANDS = {
    Zone.AMBIENT: Band(5, 30),
    Zone.COOL: Band(12, 15),
    Zone.CHILLED: Band(2, 4),
    Zone.FROZEN: Band(-22, -18),
}
