"""The plan as a whole: who is served, which cells are used, service levels, promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from routing.solver.check.facts import TOLERANCE, Facts, clash, handlings, is_pair_collection, keeps
from routing.solver.problem import Shipment
from routing.solver.solution import Action, Handling, Visit
from routing.solver.terms import Direction, Goods, Size, Zone


def judge_service(facts: Facts) -> None:
    """Each shipment once in the plan or once among the unserved; each vehicle at most once."""
    acts: dict[str, Counter[Action]] = defaultdict(Counter)
    options: dict[str, set[str]] = defaultdict(set)
    for handling in handlings(facts.solution):
        acts[handling.shipment][handling.action] += 1
        options[handling.shipment].add(handling.option)
    left = Counter(entry.shipment for entry in facts.solution.unserved)
    for label in (acts.keys() | left.keys()) - facts.shipments.keys():
        facts.fault("unknown_shipment", label, "the problem does not know it")
    for label, shipment in facts.shipments.items():
        expected = Counter(_acts_of(shipment)) if not left[label] else Counter()
        if left[label] > 1 or acts[label] != expected:
            facts.fault("served_once", label, f"{dict(acts[label])}, unserved {left[label]} times")
        if len(options[label]) > 1:
            facts.fault("two_options", label, ", ".join(sorted(options[label])))
    for label, count in Counter(r.vehicle for r in facts.solution.routes).items():
        if count > 1:
            facts.fault("vehicle_twice", label, f"drives {count} routes")


def judge_cells(facts: Facts) -> None:
    """Cells at each place over all vehicles: size, zone, °C, number, and who lies beside whom."""
    used: Counter[tuple[str, Zone, Size]] = Counter()
    goods: dict[str, set[Goods]] = defaultdict(set)
    for visit, handling, shipment in _drops(facts):
        place, where = facts.places[visit.place], f"{visit.place}/{shipment.id}"
        if place.cells is None:
            if handling.cell is not None:
                facts.fault("cell_missing", where, "the place has no compartments")
            continue
        goods[place.id].add(shipment.goods)
        group = next((g for g in place.cells if g.zone == shipment.zone), None)
        if group is None or not keeps(group, shipment):
            facts.fault("cell_zone", where, f"no cell keeps {shipment.zone}")
        elif shipment.size is None or handling.cell is None or handling.cell < shipment.size:
            facts.fault("cell_size", where, f"size {shipment.size!r} into {handling.cell!r}")
        else:
            used[place.id, group.zone, handling.cell] += 1
    _count_cells(facts, used)
    for label, kinds in goods.items():
        if clash(kinds | facts.places[label].holds):
            facts.fault("segregation", label, ", ".join(sorted(kinds | facts.places[label].holds)))


def _drops(facts: Facts) -> Iterator[tuple[Visit, Handling, Shipment]]:
    for route in facts.solution.routes:
        for visit in route.visits:
            for handling in visit.handlings:
                shipment = facts.shipments.get(handling.shipment)
                if handling.action is Action.DROP and shipment and visit.place in facts.places:
                    yield visit, handling, shipment


def _count_cells(facts: Facts, used: Counter[tuple[str, Zone, Size]]) -> None:
    for (label, zone, size), count in used.items():
        for group in facts.places[label].cells or ():
            free = (group.small, group.medium, group.large)[size]
            if group.zone == zone and count > free:
                facts.fault("cells_full", f"{label}/{zone}/{size.name}", f"{count} parcels, {free} cells")


def judge_service_levels(facts: Facts) -> None:
    served: dict[str, int] = {}
    for handling in handlings(facts.solution):
        option = facts.option(handling)
        if option is not None:
            served[handling.shipment] = option.preference
    for level in facts.problem.objective.service_levels:
        good = sum(1 for preference in served.values() if preference <= level.preference)
        if good < level.share * len(served) - TOLERANCE:
            facts.fault("service_level", f"preference {level.preference}", f"{good} of {len(served)}")


def judge_locks(facts: Facts) -> None:
    """Each route begins with what was promised, in the promised order."""
    done = {r.vehicle: [_token(facts, h) for h in r.handlings()] for r in facts.solution.routes}
    for vehicle in facts.problem.vehicles:
        begin = done.get(vehicle.id, [])[: len(vehicle.locked)]
        if begin != list(vehicle.locked):
            facts.fault("locked", vehicle.id, f"begins with {begin}, promised {list(vehicle.locked)}")


def _token(facts: Facts, handling: Handling) -> str:
    shipment = facts.shipments.get(handling.shipment)
    pair = shipment is not None and is_pair_collection(shipment, handling)
    return handling.shipment if pair else handling.option


def judge_declared_cost(facts: Facts) -> None:
    if abs(facts.cost - facts.solution.cost) > TOLERANCE * max(1.0, facts.cost):
        facts.fault("cost", "plan", f"declared {facts.solution.cost!r}, counted {facts.cost!r}")


def _acts_of(shipment: Shipment) -> list[Action]:
    if shipment.direction is Direction.PAIR:
        return [Action.COLLECT, Action.DROP]
    return [Action.DROP if shipment.direction is Direction.DOWN else Action.COLLECT]
