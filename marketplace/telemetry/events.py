from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class BreachOpened:
    type: ClassVar[str] = "telemetry.BreachOpened"

    breach: UUID
    asset_kind: str
    asset: UUID
    zone: str
    started_at: datetime
    peak_c: float


@dataclass(frozen=True, slots=True)
class BreachClosed:
    """`withdrawn`: it turned out that there was none."""

    type: ClassVar[str] = "telemetry.BreachClosed"

    breach: UUID
    asset_kind: str
    asset: UUID
    zone: str
    started_at: datetime
    ended_at: datetime
    peak_c: float
    withdrawn: bool
