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


@dataclass(frozen=True, slots=True)
class BreachMerged:
    """Late readings show that it is one with an earlier breach, which holds its goods from now on."""

    type: ClassVar[str] = "telemetry.BreachMerged"

    breach: UUID
    into: UUID
    asset_kind: str
    asset: UUID
    zone: str


@dataclass(frozen=True, slots=True)
class ColdAlarmRaised:
    """`kind`: high, low or silent. Sooner than a breach: there is still time to act."""

    type: ClassVar[str] = "telemetry.ColdAlarmRaised"

    alarm: UUID
    asset_kind: str
    asset: UUID
    zone: str
    kind: str
    since: datetime
    worst_c: float | None


@dataclass(frozen=True, slots=True)
class ColdAlarmCleared:
    type: ClassVar[str] = "telemetry.ColdAlarmCleared"

    alarm: UUID
    asset_kind: str
    asset: UUID
    zone: str
    kind: str
    at: datetime
