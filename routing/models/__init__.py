"""Rows of planning. `plans`: shipments, legs and what carries them; `sectors`: large waves on their way;
`breakdowns`: vans that stand."""

from routing.models.breakdowns import Breakdown
from routing.models.plans import (
    CityPart,
    CityRun,
    FixedStop,
    FixedTour,
    Leg,
    Plan,
    PlanInsight,
    PlanPicture,
    RoadClosure,
    RoadPair,
    Route,
    RouteChange,
    Shipment,
    ShipmentOption,
    Stop,
    StopTask,
    UnservedLeg,
    WaveRun,
    Waybill,
    WaybillBatch,
)
from routing.models.sectors import Sector, SectorRun

__all__ = [
    "Breakdown",
    "CityPart",
    "CityRun",
    "FixedStop",
    "FixedTour",
    "Leg",
    "Plan",
    "PlanInsight",
    "PlanPicture",
    "RoadClosure",
    "RoadPair",
    "Route",
    "RouteChange",
    "Sector",
    "SectorRun",
    "Shipment",
    "ShipmentOption",
    "Stop",
    "StopTask",
    "UnservedLeg",
    "WaveRun",
    "Waybill",
    "WaybillBatch",
]
