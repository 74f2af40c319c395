from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PlanPublished:
    type: ClassVar[str] = "routing.PlanPublished"
    plan: UUID
    hub: UUID
    date: date
    wave: str


@dataclass(frozen=True, slots=True)
class ShipmentPlanned:
    """Every leg of the shipment that its waves decide is carried by a published plan."""

    type: ClassVar[str] = "routing.ShipmentPlanned"
    shipment: UUID
    reference: UUID
    place: UUID
    arrives_from: datetime | None
    arrives_until: datetime | None


@dataclass(frozen=True, slots=True)
class ShipmentUnserved:
    type: ClassVar[str] = "routing.ShipmentUnserved"
    shipment: UUID
    reference: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class RouteStarted:
    type: ClassVar[str] = "routing.RouteStarted"
    route: UUID
    hub: UUID


@dataclass(frozen=True, slots=True)
class RouteChanged:
    """A later version of the plan changed the stops of a tour; `courier` is who drives it already."""

    type: ClassVar[str] = "routing.RouteChanged"
    route: UUID
    hub: UUID
    courier: UUID | None
    cause: str


@dataclass(frozen=True, slots=True)
class StopCompleted:
    type: ClassVar[str] = "routing.StopCompleted"
    stop: UUID
    route: UUID


@dataclass(frozen=True, slots=True)
class RouteFinished:
    type: ClassVar[str] = "routing.RouteFinished"
    route: UUID
    hub: UUID


@dataclass(frozen=True, slots=True)
class ShipmentDelivered:
    """At a station's counter, or behind a door of a cabinet."""

    type: ClassVar[str] = "routing.ShipmentDelivered"
    shipment: UUID
    reference: UUID
    place: UUID
    at: datetime
