"""A plan under construction: sequences of nodes per vehicle, and the cells they use up.

Insertion tries every alternative at every stop boundary, cheapest detour first, and takes the first that
holds. It builds the fallback plan, repairs what an engine left, and finds the reason of what cannot be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from routing.solver.core.network import Alternative, Kind, Network
from routing.solver.core.schedule import Timetable, clash, group, timetable
from routing.solver.problem import Cells
from routing.solver.terms import Goods, Reason, Size

_REASONS = list(Reason)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to insert a shipment: the new sequence of one vehicle, and what it costs more."""

    vehicle: int
    sequence: tuple[int, ...]
    detour_fen: float


class Plan:
    """Mutable plan. `sequences[v]` is the order of nodes that vehicle `v` serves."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.sequences: list[list[int]] = [[] for _ in net.problem.vehicles]
        self.cells = CellLedger(net)
        self.costs: list[float] = [0.0] * len(self.sequences)

    def served(self) -> set[int]:
        """Indices of the shipments in the plan."""
        return {self.net.nodes[n].shipment for sequence in self.sequences for n in sequence}

    def set_route(self, vehicle: int, sequence: Sequence[int]) -> Reason | None:
        """Replace a vehicle's sequence if everything allows it; else say why and change nothing."""
        gone = set(self.sequences[vehicle]) - set(sequence)
        added = set(sequence) - set(self.sequences[vehicle])
        for node in gone:
            self.cells.give(node)
        taken: list[int] = []
        table: Timetable | Reason | None = None
        for node in added:
            refusal = self.cells.refusal(node)
            if refusal is not None:
                table = refusal
                break
            self.cells.take(node)
            taken.append(node)
        if table is None:
            table = timetable(self.net, vehicle, sequence)
        if isinstance(table, Reason):
            for node in taken:
                self.cells.give(node)
            for node in gone:
                self.cells.take(node)
            return table
        self.sequences[vehicle], self.costs[vehicle] = list(sequence), table.cost
        return None

    def insert(self, shipment: int, *, most: int | None = None) -> Reason | None:
        """Put a shipment where it costs least; the most promising reason if there is no room for it."""
        found, reason = self.cheapest(shipment, most=most)
        if found is None:
            return reason
        refused = self.set_route(found.vehicle, found.sequence)
        assert refused is None  # `cheapest` has just tried it
        return None

    def insert_rest(self, *, most: int | None = None) -> None:
        """Cheapest insertion of what is not served, dearest first; each is tried at `most` places."""
        shipments, served = self.net.problem.shipments, self.served()
        rest = [number for number in range(len(shipments)) if number not in served]
        for number in sorted(rest, key=lambda k: (-shipments[k].value_fen, k)):
            self.insert(number, most=most)

    def hold_levels(self) -> None:
        """Leave shipments with a worse preference, least valued first, until the service levels hold."""
        shipments = self.net.problem.shipments
        for level in self.net.problem.objective.service_levels:
            while True:
                chosen = self._preferences()
                worse = [number for number, preference in chosen.items() if preference > level.preference]
                if len(chosen) - len(worse) >= level.share * len(chosen) - 1e-9 or not worse:
                    break
                self.remove(min(worse, key=lambda k: (shipments[k].value_fen, k)))

    def _preferences(self) -> dict[int, int]:
        """Preference of the chosen option by served shipment."""
        found: dict[int, int] = {}
        for sequence in self.sequences:
            for node in sequence:
                item = self.net.nodes[node]
                if item.option >= 0:
                    option = self.net.problem.shipments[item.shipment].options[item.option]
                    found[item.shipment] = option.preference
        return found

    def remove(self, shipment: int) -> None:
        """Take a shipment out of the plan."""
        for vehicle, sequence in enumerate(self.sequences):
            kept = [node for node in sequence if self.net.nodes[node].shipment != shipment]
            if len(kept) < len(sequence):
                refused = self.set_route(vehicle, kept)
                assert refused is None, f"a shorter route does not hold: {refused}"

    def cheapest(
        self, shipment: int, *, only: int | None = None, most: int | None = None
    ) -> tuple[Candidate | None, Reason]:
        """The first candidate that holds, by rising detour; else the reason that came closest.

        `only`: the one vehicle that may take it. `most`: look at no more than so many candidates.
        """
        reason = self.net.ruled_out[shipment] or Reason.NO_OPTION
        candidates: list[Candidate] = []
        for chain in self.net.alternatives[shipment]:
            refusal = self.cells.refusal(chain[-1])
            if refusal is not None:
                reason = closest(reason, refusal)
                continue
            for vehicle in range(len(self.sequences)) if only is None else (only,):
                if all(self.net.may_carry(vehicle, node) for node in chain):
                    candidates += self._candidates(vehicle, chain)
                else:
                    reason = closest(reason, Reason.ACCESS)
        for candidate in sorted(candidates, key=lambda c: c.detour_fen)[:most]:
            table = timetable(self.net, candidate.vehicle, candidate.sequence)
            if not isinstance(table, Reason):
                return candidate, reason
            reason = closest(reason, table)
        return None, reason

    def _candidates(self, vehicle: int, chain: Alternative) -> Iterator[Candidate]:
        sequence = self.sequences[vehicle]
        locked = len(self.net.problem.vehicles[vehicle].locked)
        for first, at in self._positions(sequence, chain[0], locked):
            if len(chain) == 1:
                yield Candidate(vehicle, tuple(first), self._detour(vehicle, first, chain[0]))
                continue
            for second, _ in self._positions(first, chain[1], at + 1):
                detour = self._detour(vehicle, first, chain[0]) + self._detour(vehicle, second, chain[1])
                yield Candidate(vehicle, tuple(second), detour)

    def _positions(self, sequence: Sequence[int], node: int, low: int) -> Iterator[tuple[list[int], int]]:
        """The sequence with `node` at each stop boundary from `low` on, or inside a stop of its site."""
        site, position = self.net.nodes[node].site, 0
        bounds = {0} if low == 0 else {low}
        for stop in group(self.net, sequence):
            position += len(stop.nodes)
            bounds.add(position)
            if self.net.nodes[stop.nodes[0]].site == site and position >= low:
                yield [*sequence[:position], node, *sequence[position:]], position
        for place in sorted(bounds):
            beside = {self.net.nodes[sequence[k]].site for k in (place - 1, place) if 0 <= k < len(sequence)}
            if place >= low and site not in beside:
                yield [*sequence[:place], node, *sequence[place:]], place

    def _detour(self, vehicle: int, sequence: Sequence[int], node: int) -> float:
        """What the node adds: the way there and on, its service, a new vehicle's fixed cost, its choice."""
        net, van = self.net, self.net.problem.vehicles[vehicle]
        at = sequence.index(node)
        here = net.nodes[node].place
        before = net.nodes[sequence[at - 1]].place if at else net.starts[vehicle]
        after = net.nodes[sequence[at + 1]].place if at + 1 < len(sequence) else net.ends[vehicle]
        metres = net.distance_m[before][here] + net.distance_m[here][after] - net.distance_m[before][after]
        seconds = net.time_s[before][here] + net.time_s[here][after] - net.time_s[before][after]
        fixed = van.fixed_fen if not self.sequences[vehicle] else 0
        if math.isnan(metres):
            metres = math.inf
        return (
            metres / 1000 * van.fen_per_km
            + seconds / 3600 * van.fen_per_hour
            + fixed
            + net.nodes[node].choice_fen
        )


class CellLedger:
    """Cells in use per place and zone, counted so that nesting is one comparison per size."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.used: dict[tuple[int, str], list[int]] = {}
        self.goods: dict[int, Counter[Goods]] = {}

    def _group(self, node: int) -> tuple[Cells, Size, tuple[int, str]] | None:
        """(cells, size, key) when the node puts a shipment into a cell."""
        item = self.net.nodes[node]
        place, shipment = self.net.problem.places[item.place], self.net.problem.shipments[item.shipment]
        if place.cells is None or item.kind not in (Kind.DELIVER, Kind.DROP) or shipment.size is None:
            return None
        cells = place.cells_for(shipment)
        assert cells is not None  # the network gives no node otherwise
        return cells, shipment.size, (item.place, cells.zone)

    def refusal(self, node: int) -> Reason | None:
        """Why the node's shipment finds no cell now, if it needs one."""
        found = self._group(node)
        if found is None:
            return None
        cells, size, key = found
        used = self.used.get(key, [0, 0, 0])
        if any(used[level] + 1 > cells.at_least(Size(level)) for level in range(size + 1)):
            return Reason.NO_CELL
        place = self.net.nodes[node].place
        here = {kind for kind, count in self.goods.get(place, Counter()).items() if count}
        mine = self.net.problem.shipments[self.net.nodes[node].shipment].goods
        return Reason.SEGREGATION if clash(here | {mine} | self.net.problem.places[place].holds) else None

    def take(self, node: int) -> None:
        """Use a cell for the node's shipment."""
        self._move(node, +1)

    def give(self, node: int) -> None:
        """Give its cell back."""
        self._move(node, -1)

    def _move(self, node: int, sign: int) -> None:
        found = self._group(node)
        if found is None:
            return
        _, size, key = found
        used = self.used.setdefault(key, [0, 0, 0])
        for level in range(size + 1):
            used[level] += sign
        goods = self.net.problem.shipments[self.net.nodes[node].shipment].goods
        self.goods.setdefault(self.net.nodes[node].place, Counter())[goods] += sign


def closest(one: Reason, other: Reason) -> Reason:
    """The reason of the attempt that came further."""
    return max(one, other, key=_REASONS.index)
