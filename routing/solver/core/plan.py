"""A plan under construction: sequences of nodes per vehicle, and the cells they use up.

Insertion tries every alternative at every stop boundary, cheapest detour first, and takes the first that
holds; what no plan needs to tell apart goes in together. It builds the fallback plan, repairs what an engine
left, changes plans in force, and finds the reason of what cannot be.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass

from routing.solver.core.likeness import likeness
from routing.solver.core.network import Alternative, Kind, Network
from routing.solver.core.schedule import EPSILON, Timetable, clash, group, timetable
from routing.solver.problem import Cells
from routing.solver.terms import Goods, Reason, Size

_REASONS = list(Reason)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to insert shipments: the new sequence of one vehicle, and what it costs more."""

    vehicle: int
    sequence: tuple[int, ...]
    detour_fen: float


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where a chain could go: `at` and, for a pair, `then` are positions in the sequence as it grows."""

    detour_fen: float
    vehicle: int
    chain: int
    at: int
    then: int = -1


class Plan:
    """Mutable plan. `sequences[v]` is the order of nodes that vehicle `v` serves."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.sequences: list[list[int]] = [[] for _ in net.problem.vehicles]
        self.cells = CellLedger(net)
        self.costs: list[float] = [0.0] * len(self.sequences)
        self._ends: list[list[int]] = [[] for _ in self.sequences]
        self._rooms = [_Rooms.of(net, vehicle, ()) for vehicle in range(len(self.sequences))]

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
        self._ends[vehicle] = _ends_of(self.net, sequence)
        self._rooms[vehicle] = _Rooms.of(self.net, vehicle, sequence)
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
        """Cheapest insertion of what is not served, dearest first; each is tried at `most` places.

        What no plan needs to tell apart goes in together, which takes a fraction of the time. Where that
        leaves something dearer than what it put in, all is taken back and goes in one by one.
        """
        values, served = [shipment.value_fen for shipment in self.net.problem.shipments], self.served()
        rest = [number for number in range(len(values)) if number not in served]
        rest.sort(key=lambda number: (-values[number], number))
        before = [list(sequence) for sequence in self.sequences]
        left = self._insert_alike(rest, most)
        if left and max(values[k] for k in left) > min((values[k] for k in {*rest} - left), default=math.inf):
            for vehicle, sequence in enumerate(before):
                refused = self.set_route(vehicle, sequence)
                assert refused is None, f"a route of a moment ago does not hold: {refused}"
            for number in rest:
                self.insert(number, most=most)

    def _insert_alike(self, numbers: Sequence[int], most: int | None) -> set[int]:
        """Put these in, those that are alike together; gives what found no place.

        A group that fits nowhere whole is halved, so that a van with some room left is filled.
        """
        groups, left = defaultdict[Hashable, list[int]](list), set[int]()
        for number in numbers:
            chains = self.net.alternatives[number]
            single = bool(chains) and all(len(chain) == 1 for chain in chains)
            groups[likeness(self.net, number) if single else number].append(number)
        waiting = list(reversed(groups.values()))
        while waiting:
            alike = waiting.pop()
            found, _ = self._best(alike, most=most)
            if found is not None:
                refused = self.set_route(found.vehicle, found.sequence)
                assert refused is None  # `_best` has just tried it
            elif len(alike) == 1:
                left.add(alike[0])
            else:
                half = len(alike) // 2
                waiting += [alike[half:], alike[:half]]
        return left

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
        return self._best((shipment,), only=only, most=most)

    def _best(
        self, alike: Sequence[int], *, only: int | None = None, most: int | None = None
    ) -> tuple[Candidate | None, Reason]:
        """`cheapest` for shipments that go in together. Several of them need no cell and are no pairs."""
        first = alike[0]
        reason = self.net.ruled_out[first] or Reason.NO_OPTION
        gaps: list[_Gap] = []
        for number, chain in enumerate(self.net.alternatives[first]):
            refusal = self.cells.refusal(chain[-1])
            if refusal is not None:
                reason = closest(reason, refusal)
                continue
            for vehicle in range(len(self.sequences)) if only is None else (only,):
                refusal = self._refusal(vehicle, alike, chain)
                if refusal is None:
                    gaps += self._gaps(vehicle, number, chain)
                else:
                    reason = closest(reason, refusal)
        for gap in sorted(gaps, key=lambda gap: gap.detour_fen)[:most]:
            sequence = self._with(gap, alike)
            table = timetable(self.net, gap.vehicle, sequence)
            if not isinstance(table, Reason):
                return Candidate(gap.vehicle, sequence, gap.detour_fen), reason
            reason = closest(reason, table)
        return None, reason

    def _refusal(self, vehicle: int, alike: Sequence[int], chain: Alternative) -> Reason | None:
        """Why the vehicle cannot take these at whatever position."""
        if not all(self.net.may_carry(vehicle, node) for node in chain):
            return Reason.ACCESS
        kind = self.net.nodes[chain[0]].kind
        return None if self._rooms[vehicle].take(self.net, vehicle, alike, kind) else Reason.CAPACITY

    def _with(self, gap: _Gap, alike: Sequence[int]) -> tuple[int, ...]:
        """The vehicle's sequence with the shipments in the gap."""
        chains = [self.net.alternatives[number][gap.chain] for number in alike]
        sequence = self.sequences[gap.vehicle]
        grown = [*sequence[: gap.at], *(chain[0] for chain in chains), *sequence[gap.at :]]
        if gap.then >= 0:
            grown.insert(gap.then, chains[0][1])
        return tuple(grown)

    def _gaps(self, vehicle: int, number: int, chain: Alternative) -> Iterator[_Gap]:
        sequence, ends = self.sequences[vehicle], self._ends[vehicle]
        locked = len(self.net.problem.vehicles[vehicle].locked)
        for at in self._positions(sequence, ends, chain[0], locked):
            detour_fen = self._detour(vehicle, sequence, at, chain[0])
            if len(chain) == 1:
                yield _Gap(detour_fen, vehicle, number, at)
                continue
            grown = [*sequence[:at], chain[0], *sequence[at:]]
            for then in self._positions(grown, _ends_of(self.net, grown), chain[1], at + 1):
                both_fen = detour_fen + self._detour(vehicle, grown, then, chain[1])
                yield _Gap(both_fen, vehicle, number, at, then)

    def _positions(self, sequence: Sequence[int], ends: Sequence[int], node: int, low: int) -> Iterator[int]:
        """Positions for `node`: inside a stop of its site, else at a stop boundary, from `low` on."""
        nodes = self.net.nodes
        site = nodes[node].site
        for end in ends:
            if end >= low and nodes[sequence[end - 1]].site == site:
                yield end
        for at in (low, *(end for end in ends if end > low)):
            before = at > 0 and nodes[sequence[at - 1]].site == site
            if not before and not (at < len(sequence) and nodes[sequence[at]].site == site):
                yield at

    def _detour(self, vehicle: int, sequence: Sequence[int], at: int, node: int) -> float:
        """What the node adds: the way there and on, its service, a new vehicle's fixed cost, its choice."""
        net, van = self.net, self.net.problem.vehicles[vehicle]
        here = net.nodes[node].place
        before = net.nodes[sequence[at - 1]].place if at else net.starts[vehicle]
        after = net.nodes[sequence[at]].place if at < len(sequence) else net.ends[vehicle]
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


def _ends_of(net: Network, sequence: Sequence[int]) -> list[int]:
    """Positions at which the stops of a sequence end."""
    ends, position = [], 0
    for stop in group(net, sequence):
        position += len(stop.nodes)
        ends.append(position)
    return ends


@dataclass(frozen=True, slots=True)
class _Rooms:
    """Load of a route per compartment when it leaves (all that goes down) and comes back (all that came up).

    Whatever the position, goods down ride from the start and goods up to the end.
    """

    down: tuple[tuple[float, float], ...]
    up: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, net: Network, vehicle: int, sequence: Collection[int]) -> _Rooms:
        rooms = len(net.problem.vehicles[vehicle].compartments)
        sums = {kind: [[0.0, 0.0] for _ in range(rooms)] for kind in (Kind.DELIVER, Kind.PICK_UP)}
        for index in sequence:
            node = net.nodes[index]
            ride = net.rides[node.shipment][vehicle]
            if node.kind in sums and ride is not None:
                shipment, load = net.problem.shipments[node.shipment], sums[node.kind][ride.compartment]
                load[0] += shipment.volume_ml
                load[1] += shipment.weight_g
        down, up = (tuple((a, b) for a, b in sums[kind]) for kind in (Kind.DELIVER, Kind.PICK_UP))
        return cls(down, up)

    def take(self, net: Network, vehicle: int, alike: Sequence[int], kind: Kind) -> bool:
        """Whether there is room for these beside what rides there already."""
        ride = net.rides[alike[0]][vehicle]
        assert ride is not None  # `may_carry` asked
        if kind not in (Kind.DELIVER, Kind.PICK_UP):
            return True
        room = net.problem.vehicles[vehicle].compartments[ride.compartment]
        volume_ml, weight_g = (self.down if kind is Kind.DELIVER else self.up)[ride.compartment]
        volume_ml += sum(net.problem.shipments[number].volume_ml for number in alike)
        weight_g += sum(net.problem.shipments[number].weight_g for number in alike)
        return volume_ml <= room.volume_ml * (1 + EPSILON) and weight_g <= room.weight_g * (1 + EPSILON)


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
