"""Facts of the lockers. `reference` is what the parcel fulfils; lockers do not know what that is."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ParcelDeposited:
    type: ClassVar[str] = "lockers.ParcelDeposited"

    allocation: UUID
    reference: UUID
    unit: UUID
    cabinet: UUID
    compartment: str  # its label
    place: UUID
    group: UUID  # whose code opens the door
    until: datetime  # end of the free storage period
    at: datetime


@dataclass(frozen=True, slots=True)
class ParcelCollected:
    type: ClassVar[str] = "lockers.ParcelCollected"

    allocation: UUID
    reference: UUID
    unit: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class ParcelOverdue:
    """Its free storage period has ended; the door stays shut and the courier takes it out."""

    type: ClassVar[str] = "lockers.ParcelOverdue"

    allocation: UUID
    reference: UUID
    unit: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class ParcelRemoved:
    """Taken out by courier or operator; `overdue` when its recipient did not come, with the fee he owes."""

    type: ClassVar[str] = "lockers.ParcelRemoved"

    allocation: UUID
    reference: UUID
    unit: UUID
    at: datetime
    overdue: bool = False
    fee_fen: int = 0


@dataclass(frozen=True, slots=True)
class CodeLockedOut:
    type: ClassVar[str] = "lockers.CodeLockedOut"

    cabinet: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class ParcelsHeld:
    type: ClassVar[str] = "lockers.ParcelsHeld"

    cabinet: UUID
    zone: str
    references: list[UUID]
    breach: UUID


@dataclass(frozen=True, slots=True)
class ParcelsReleased:
    """A person decided about held parcels: `release` gives them to the recipients, `discard` does not."""

    type: ClassVar[str] = "lockers.ParcelsReleased"

    cabinet: UUID
    zone: str
    references: list[UUID]
    breach: UUID
    decision: str


@dataclass(frozen=True, slots=True)
class RecorderAlarmRaised:
    """About a recorder itself (silence, clock, battery), not about what it measured."""

    type: ClassVar[str] = "lockers.RecorderAlarmRaised"

    device: str
    asset_kind: str
    asset: UUID | None
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    type: ClassVar[str] = "lockers.AlarmRaised"

    cabinet: UUID
    compartment: str | None
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ParcelDueSoon:
    """Its storage period ends soon and nobody has come for it."""

    type: ClassVar[str] = "lockers.ParcelDueSoon"

    allocation: UUID
    reference: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class StorageExtended:
    type: ClassVar[str] = "lockers.StorageExtended"

    allocation: UUID
    reference: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class ParcelPutBack:
    """The recipient opened the door, refused the parcel and left it there: a person inspects it."""

    type: ClassVar[str] = "lockers.ParcelPutBack"

    allocation: UUID
    reference: UUID
    unit: UUID
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class InspectionDecided:
    """A person has looked: `release` gives it to the recipient, `return` sends it back with the courier."""

    type: ClassVar[str] = "lockers.InspectionDecided"

    allocation: UUID
    reference: UUID
    reason: str
    decision: str


@dataclass(frozen=True, slots=True)
class ParcelHeldForInspection:
    """Nobody knows how warm it was for more than an hour: a person decides."""

    type: ClassVar[str] = "lockers.ParcelHeldForInspection"

    allocation: UUID
    reference: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceRevoked:
    """A person ended a device's identity; it needs a new token."""

    type: ClassVar[str] = "lockers.DeviceRevoked"

    device: str
    reason: str
