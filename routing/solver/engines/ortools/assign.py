"""CP-SAT: one alternative per shipment within the nested cells, near what has to be visited anyway."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ortools.sat.python import cp_model

from routing.solver.core.network import Alternative, Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.core.schedule import Timetable, timetable
from routing.solver.engines.base import Watch
from routing.solver.terms import CONFLICTS, Goods, Size

#: Share of the run's seconds that the assignment may take.
SHARE = 0.25
#: Deterministic time per iteration of the run's limit, when it has no seconds.
DETERMINISTIC_PER_ITERATION = 0.05
#: Model costs are integers in this part of a fen.
PRECISION = 10

Choice = tuple[int, Alternative]


def assign(net: Network, plan: Plan, *, watch: Watch, seed: int) -> dict[int, Alternative]:
    """Alternative by shipment. What the plan already serves (promises) is left out and keeps its cells.

    The cost of a shipment's value, its choice, and an estimate of the detour that each new place costs.
    """
    model = cp_model.CpModel()
    choices = {choice: model.new_bool_var("") for choice in _reachable(net, plan)}
    if not choices:
        return {}
    by_shipment = defaultdict[int, list[Choice]](list)
    for choice in choices:
        by_shipment[choice[0]].append(choice)
    for mine in by_shipment.values():
        model.add_at_most_one(choices[c] for c in mine)
    _cells(net, plan, model, choices)
    _cabinet_goods(net, model, choices)
    _fleet_volume(net, model, choices)
    _levels(net, model, choices)
    terms = list(_values(net, choices)) + list(_places(net, plan, model, choices))
    model.minimize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = 1
    if watch.limits.iterations is not None:
        solver.parameters.max_deterministic_time = DETERMINISTIC_PER_ITERATION * watch.limits.iterations
    if watch.limits.seconds is not None:
        solver.parameters.max_time_in_seconds = watch.left(at_most=SHARE * watch.limits.seconds)
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return {}
    return {shipment: chain for (shipment, chain), var in choices.items() if solver.boolean_value(var)}


def _reachable(net: Network, plan: Plan) -> Iterator[Choice]:
    """Alternatives that some vehicle could serve alone."""
    served = plan.served()
    for shipment, chains in enumerate(net.alternatives):
        if shipment in served:
            continue
        for chain in chains:
            for vehicle in range(len(net.problem.vehicles)):
                if all(net.may_carry(vehicle, node) for node in chain) and isinstance(
                    timetable(net, vehicle, chain), Timetable
                ):
                    yield shipment, chain
                    break


def _drop(net: Network, choice: Choice) -> int | None:
    """The node at which the choice puts a shipment down, unless it is collected for the hub."""
    node = choice[1][-1]
    return node if net.nodes[node].kind in (Kind.DELIVER, Kind.DROP) else None


def _cells(net: Network, plan: Plan, model: cp_model.CpModel, choices: dict[Choice, cp_model.IntVar]) -> None:
    """For each place, zone and size: parcels of that size or larger <= cells that take it, still free."""
    needing = defaultdict[tuple[int, str, int], list[cp_model.IntVar]](list)
    for choice, var in choices.items():
        node, shipment = _drop(net, choice), net.problem.shipments[choice[0]]
        if node is None or net.problem.places[net.nodes[node].place].cells is None:
            continue
        for level in range((shipment.size or Size.S) + 1):
            needing[net.nodes[node].place, shipment.zone, level].append(var)
    for (place, zone, level), variables in needing.items():
        group = next(g for g in net.problem.places[place].cells or () if g.zone == zone)
        used = plan.cells.used.get((place, group.zone), [0, 0, 0])[level]
        model.add(sum(variables) <= group.at_least(Size(level)) - used)


def _cabinet_goods(net: Network, model: cp_model.CpModel, choices: dict[Choice, cp_model.IntVar]) -> None:
    """Goods that must not share a cabinet."""
    inside = defaultdict[int, dict[Goods, list[cp_model.IntVar]]](lambda: defaultdict(list))
    for choice, var in choices.items():
        node = _drop(net, choice)
        if node is not None and net.problem.places[net.nodes[node].place].cells is not None:
            inside[net.nodes[node].place][net.problem.shipments[choice[0]].goods].append(var)
    for place, goods in inside.items():
        for pair in CONFLICTS:
            one, other = sorted(pair)
            held = net.problem.places[place].holds
            chosen = model.new_bool_var("")
            for kind, allowed in ((one, chosen), (other, ~chosen)):
                forbidden = bool((pair - {kind}) & held)
                for var in goods.get(kind, []):
                    model.add_implication(var, allowed)
                    if forbidden:
                        model.add(var == 0)


def _fleet_volume(net: Network, model: cp_model.CpModel, choices: dict[Choice, cp_model.IntVar]) -> None:
    """All goods down together fit the fleet, zone by zone, and so do all goods up."""
    for kind in (Kind.DELIVER, Kind.PICK_UP):
        volumes = defaultdict[str, list[cp_model.LinearExprT]](list)
        for choice, var in choices.items():
            if net.nodes[choice[1][-1]].kind is kind:
                shipment = net.problem.shipments[choice[0]]
                volumes[shipment.zone].append(var * round(shipment.volume_ml))
        for zone, terms in volumes.items():
            rooms = [c.volume_ml for v in net.problem.vehicles for c in v.compartments if c.zone == zone]
            if len(rooms) == len(net.problem.vehicles):
                model.add(sum(terms) <= round(sum(rooms)))


def _levels(net: Network, model: cp_model.CpModel, choices: dict[Choice, cp_model.IntVar]) -> None:
    """Service levels: of those that are served, so many get an option at least that much liked."""
    options = {c: net.problem.shipments[c[0]].options[net.nodes[c[1][-1]].option] for c in choices}
    for level in net.problem.objective.service_levels:
        good = sum(var for c, var in choices.items() if options[c].preference <= level.preference)
        model.add(1000 * good >= round(1000 * level.share) * sum(choices.values()))


def _values(net: Network, choices: dict[Choice, cp_model.IntVar]) -> Iterator[cp_model.LinearExprT]:
    for (shipment, chain), var in choices.items():
        cost = sum(net.nodes[node].choice_fen for node in chain)
        yield var * round(PRECISION * (cost - net.problem.shipments[shipment].value_fen))


def _places(
    net: Network, plan: Plan, model: cp_model.CpModel, choices: dict[Choice, cp_model.IntVar]
) -> Iterator[cp_model.LinearExprT]:
    """Each place that is used costs about the way from its two nearest neighbours among the candidates."""
    users = defaultdict[int, list[cp_model.IntVar]](list)
    for (_, chain), var in choices.items():
        for node in chain:
            users[net.nodes[node].place].append(var)
    visited = {net.nodes[node].place for sequence in plan.sequences for node in sequence}
    others = set(users) | set(net.starts)
    vans = net.problem.vehicles
    per_m = sum(v.fen_per_km for v in vans) / len(vans) / 1000
    per_s = sum(v.fen_per_hour for v in vans) / len(vans) / 3600
    for place, variables in users.items():
        if place in visited:
            continue
        ways = sorted(
            net.distance_m[place][k] * per_m + net.time_s[place][k] * per_s for k in others - {place}
        )[:2]
        cost = sum(ways) / 2 + float(net.problem.places[place].setup_s) * per_s
        opened = model.new_bool_var("")
        for var in variables:
            model.add_implication(var, opened)
        if cost < 1e12:
            yield opened * round(PRECISION * cost)
