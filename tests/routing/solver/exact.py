"""The optimum of a very small problem: all routes by enumeration, the best ones together by CP-SAT."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ortools.sat.python import cp_model

from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import CellLedger
from routing.solver.core.schedule import timetable
from routing.solver.problem import Problem
from routing.solver.solution import Solution
from routing.solver.terms import Goods, Reason, Size

#: Costs are compared in hundredths.
PRECISION = 100
#: What no further stop at the end of a route can mend.
FINAL = (Reason.WINDOW, Reason.SEGREGATION, Reason.ACCESS)

Columns = dict[frozenset[int], float]


def optimum(problem: Problem) -> float:
    """Least cost of a plan, the value of what it leaves included."""
    net = Network.of(problem)
    columns = [_columns(net, vehicle) for vehicle in range(len(problem.vehicles))]
    model = cp_model.CpModel()
    chosen = [[(nodes, cost, model.new_bool_var("")) for nodes, cost in mine.items()] for mine in columns]
    for mine in chosen:
        model.add_at_most_one(var for _, _, var in mine)
    flat = [column for mine in chosen for column in mine]
    terms: list[cp_model.LinearExprT] = [round(cost * PRECISION) * var for _, cost, var in flat]
    for number, shipment in enumerate(problem.shipments):
        carriers = [var for nodes, _, var in flat if any(net.nodes[x].shipment == number for x in nodes)]
        absent = model.new_bool_var("")
        model.add_exactly_one([*carriers, absent])
        terms.append(round(shipment.value_fen * PRECISION) * absent)
    _share_cells(net, model, flat)
    model.minimize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return solver.objective_value / PRECISION


def worth(problem: Problem, plan: Solution) -> float:
    """What `optimum` minimises, of a plan."""
    left = {item.shipment for item in plan.unserved}
    return float(plan.cost) + sum(s.value_fen for s in problem.shipments if s.id in left)


def _columns(net: Network, vehicle: int) -> Columns:
    """The cheapest order of every set of nodes that the vehicle can serve."""
    best: Columns = {}
    for sequence, cost in _sequences(net, vehicle, (), frozenset(), frozenset()):
        ledger = CellLedger(net)
        for node in sequence:
            if ledger.refusal(node) is not None:
                break
            ledger.take(node)
        else:
            key = frozenset(sequence)
            best[key] = min(cost, best.get(key, cost))
    return best


def _sequences(
    net: Network, vehicle: int, sequence: tuple[int, ...], begun: frozenset[int], aboard: frozenset[int]
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every order that holds, with its cost; `aboard`: drops still to be made."""
    table = timetable(net, vehicle, sequence) if sequence else None
    if isinstance(table, Reason):
        if table in FINAL:
            return
    elif table is not None and not aboard:
        yield sequence, table.cost
    for drop in aboard:
        yield from _sequences(net, vehicle, (*sequence, drop), begun, aboard - {drop})
    for number, chains in enumerate(net.alternatives):
        if number not in begun:
            for first, *rest in chains:
                yield from _sequences(
                    net, vehicle, (*sequence, first), begun | {number}, aboard | frozenset(rest)
                )


def _share_cells(
    net: Network, model: cp_model.CpModel, flat: list[tuple[frozenset[int], float, cp_model.IntVar]]
) -> None:
    """Cells by size over all vehicles, and food apart from pesticide in each cabinet."""
    used = defaultdict[tuple[int, str, Size], list[cp_model.LinearExprT]](list)
    kinds = defaultdict[int, dict[Goods, list[cp_model.IntVar]]](lambda: defaultdict(list))
    for nodes, _, var in flat:
        counts: Counter[tuple[int, str, Size]] = Counter()
        for x in nodes:
            item = net.nodes[x]
            shipment, place = net.problem.shipments[item.shipment], net.problem.places[item.place]
            if place.cells is None or item.kind in (Kind.PICK_UP, Kind.COLLECT) or shipment.size is None:
                continue
            kinds[item.place][shipment.goods].append(var)
            for size in Size:
                counts[item.place, shipment.zone, size] += int(shipment.size >= size)
        for key, count in counts.items():
            used[key].append(count * var)
    for (where, zone, size), terms in used.items():
        group = next(g for g in net.problem.places[where].cells or () if g.zone == zone)
        model.add(sum(terms) <= group.at_least(size))
    for by_goods in kinds.values():
        for food in by_goods[Goods.FOOD]:
            for pesticide in by_goods[Goods.PESTICIDE]:
                model.add_at_most_one((food, pesticide)) if food is not pesticide else model.add(food == 0)
