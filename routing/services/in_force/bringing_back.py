"""What lies in a broken van and cannot go on is fetched for the hub: one collection for each unit.

    requested -> planned    a van of the plan in force fetches it
    planned -> delivered    it is at its hub, with whatever van it came (`tour.finish_route`)
    planned -> unserved     nobody took it off the broken van, or no plan has room for it
    unserved -> planned     a later plan fetches it
    any -> cancelled        the van works again and keeps it

The shipment's reference is the unit; its leg is done when the unit has changed vans.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from django.db.models import Max

from marketplace.custody.models import HandlingUnit
from marketplace.kernel import clock
from routing.models import Breakdown, Leg, Shipment
from routing.services.in_force.standing import Standing
from routing.services.shipments.urgent import URGENT_BANDS
from routing.services.waves.building import shipment_of
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan as SolverPlan
from routing.solver.problem import fits_a_vehicle
from routing.solver.terms import Reason
from routing.states import SHIPMENT_MOVES, LegKind, LegStatus, ShipmentStatus


def bring_back(
    standing: Standing, breakdown: Breakdown, aboard: Iterable[HandlingUnit], going_on: Collection[UUID]
) -> None:
    """Put a collection for the hub into the plan for each unit that does not go on with another van."""
    served = {standing.loaded.problem.shipments[number].id for number in standing.plan.served()}
    references = {leg.shipment.reference for label, leg in standing.loaded.legs.items() if label in served}
    left = [unit for unit in aboard if unit.reference not in going_on or unit.reference not in references]
    legs = _legs(standing, breakdown, left)
    if not legs:
        return
    loaded = standing.loaded
    shipments = [shipment_of(leg, {}) for leg in legs]
    fitting = tuple(one for one in shipments if fits_a_vehicle(one, loaded.problem.vehicles))
    misfits = {one.id: Reason.CAPACITY.value for one in shipments if one not in fitting}
    standing.loaded = replace(
        loaded,
        problem=replace(loaded.problem, shipments=loaded.problem.shipments + fitting),
        legs={**loaded.legs, **{str(leg.uuid): leg for leg in legs}},
        misfits={**loaded.misfits, **misfits},
    )
    standing.stranded |= {str(leg.uuid): breakdown for leg in legs}
    # New shipments stand behind the others, so the nodes of the tours keep their numbers.
    grown = SolverPlan(Network.of(standing.loaded.problem))
    for vehicle, sequence in enumerate(standing.plan.sequences):
        refused = grown.set_route(vehicle, sequence)
        assert refused is None, f"a tour of a moment ago does not hold: {refused}"
    standing.plan = grown
    grown.insert_rest()


def _legs(standing: Standing, breakdown: Breakdown, units: list[HandlingUnit]) -> list[Leg]:
    """A shipment for the hub per unit, with a leg that starts where the van stands.

    A unit that was fetched from one broken van and lies in another has its shipment already, and gets a leg;
    one that had come to its hub meanwhile is open again.
    """
    loaded = standing.loaded
    open_rows = Shipment.objects.exclude(status=ShipmentStatus.CANCELLED)
    mine = open_rows.filter(reference__in=[unit.uuid for unit in units], deliver_on=loaded.day)
    SHIPMENT_MOVES.check(ShipmentStatus.DELIVERED, ShipmentStatus.REQUESTED)
    mine.filter(status=ShipmentStatus.DELIVERED).update(status=ShipmentStatus.REQUESTED)
    known: dict[UUID, Shipment] = {row.reference: row for row in mine}
    categories = _categories(units)
    made = Shipment.objects.bulk_create(
        Shipment(
            reference=unit.uuid,
            direction="up",
            origin_hub=loaded.hub,
            destination_hub=loaded.hub,
            deliver_on=loaded.day,
            zone=unit.zone,
            size=unit.size,
            weight_g=unit.gross_g,
            volume_ml=unit.volume_ml,
            min_c=URGENT_BANDS[unit.zone].min_c,
            max_c=URGENT_BANDS[unit.zone].max_c,
            category=categories.get(unit.reference, "food"),
            requested_at=clock.now(),
        )
        for unit in units
        if unit.uuid not in known
    )
    known |= {row.reference: row for row in made}
    last = dict(Leg.objects.filter(shipment__in=mine).values_list("shipment").annotate(Max("seq")))
    legs: list[Leg] = Leg.objects.bulk_create(
        Leg(
            shipment=known[unit.uuid],
            seq=last.get(known[unit.uuid].pk, 0) + 1,
            kind=LegKind.COLLECT,
            wave=loaded.wave,
            hub=loaded.hub,
            place=breakdown.place,
            weight_g=unit.gross_g,
            volume_ml=unit.volume_ml,
            status=LegStatus.OPEN,
        )
        for unit in units
    )
    return legs


def _categories(units: Iterable[HandlingUnit]) -> Mapping[UUID | None, str]:
    """What a parcel must not meet, from its own shipment; a crate holds food."""
    references = [unit.reference for unit in units if unit.reference is not None]
    rows = Shipment.objects.filter(reference__in=references).order_by("pk")
    return dict(rows.values_list("reference", "category"))
