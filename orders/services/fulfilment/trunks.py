"""What rides between hubs on a day, as a hub's board shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q

from marketplace.custody.models import HandlingUnit
from marketplace.places.models import Hub
from routing.models import Leg
from routing.states import LegKind, LegStatus


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """`status`: waiting at the first hub, under_way, or done once the other hub has everything."""

    date: date
    status: str
    from_hub: Hub
    to_hub: Hub
    units: Sequence[HandlingUnit]


def trunk_rows(hub: Hub, day: date) -> list[TrunkRow]:
    """One row per pair of hubs that this hub sends to or receives from, in two queries."""
    legs = (
        Leg.objects.filter(Q(hub=hub) | Q(to_hub=hub), kind=LegKind.TRUNK, shipment__deliver_on=day)
        .exclude(status=LegStatus.CANCELLED)
        .select_related(
            "shipment", "hub__place__county", "hub__county", "to_hub__place__county", "to_hub__county"
        )
        .order_by("pk")
    )
    pairs: dict[tuple[int, int | None], list[Leg]] = {}
    for leg in legs:
        pairs.setdefault((leg.hub_id, leg.to_hub_id), []).append(leg)
    units = _units({leg.shipment.reference for group in pairs.values() for leg in group})
    return [_row(day, group, units) for group in pairs.values()]


def _row(day: date, legs: Sequence[Leg], units: dict[UUID, HandlingUnit]) -> TrunkRow:
    first = legs[0]
    assert first.to_hub is not None  # a trunk has two ends
    riding = [units[leg.shipment.reference] for leg in legs if leg.shipment.reference in units]
    if all(leg.status == LegStatus.DONE for leg in legs):
        status = "done"
    elif any(unit.holder_kind == "vehicle" for unit in riding):
        status = "under_way"
    else:
        status = "waiting"
    return TrunkRow(date=day, status=status, from_hub=first.hub, to_hub=first.to_hub, units=riding)


def _units(references: set[UUID]) -> dict[UUID, HandlingUnit]:
    found = HandlingUnit.objects.filter(reference__in=references, kind="parcel").prefetch_related("contents")
    return {unit.reference: unit for unit in found if unit.reference is not None}
