"""Where one more stop fits into tours that already stand, for all places between two stops at once. Pure
numpy.

A *gap* is the way from one stop of a tour to the next, the first from the hub, the last back to it. Each
array of `Gaps` has one row per gap, all tours one after the other. What may be inserted is judged as
`core.schedule` would: room and °C on the way from the hub, the opening hours of the new stop, cold seconds of
what rides along, and the time that later stops, their promises and the shift leave (forward and backward
slack: Savelsbergh 1992).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.solver.matrix import EARTH_RADIUS_M
from routing.solver.problem import Shipment, Vehicle
from routing.solver.terms import CONFLICTS, Goods, Reason

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Tour:
    """One van's tour as a whole; `Gaps.tour` points here. `goods`: kinds aboard at any time."""

    vehicle: Vehicle
    metres: float
    parcels: int
    goods: frozenset[Goods]

    @property
    def idle(self) -> bool:
        return self.parcels == 0


@dataclass(frozen=True, slots=True)
class Gaps:
    """Rows of all gaps. `after`: key of the place where the gap begins. Times are seconds of the day at both
    ends.

    `slack_s`: by how much the stop at the end may start later; `pull_s`: by how much the van may leave the
    stop at the beginning earlier; `wait_s`: waiting after the stop at the end, which swallows a delay;
    `stops`: door openings before the gap. `spare_s`: least cold seconds left among what rides through the gap
    in its own zone, `ride_s`: among what rides outside it. `volume_ml` and `weight_g` have one column per
    compartment: the room that is free all the way from the hub to the end of the gap.
    """

    tour: Ints
    after: Ints
    lon: Floats
    lat: Floats
    next_lon: Floats
    next_lat: Floats
    began_s: Floats
    depart_s: Floats
    start_s: Floats
    slack_s: Floats
    pull_s: Floats
    wait_s: Floats
    stops: Floats
    spare_s: Floats
    ride_s: Floats
    volume_ml: Floats
    weight_g: Floats

    def first(self) -> Ints:
        """Row of each tour's first gap."""
        return np.asarray(np.flatnonzero(np.diff(self.tour, prepend=-1)), np.int64)


@dataclass(frozen=True, slots=True)
class Spot:
    """The place that asks. `key` is compared with `Gaps.after`."""

    key: int
    lon: float
    lat: float
    opens_s: float
    closes_s: float
    setup_s: float
    service_s: float


@dataclass(frozen=True, slots=True)
class Road:
    """How far and how fast, where no road server answers."""

    detour: float
    speed_kmh: float

    def metres(self, lon: Floats, lat: Floats, to_lon: float | Floats, to_lat: float | Floats) -> Floats:
        """Whole metres, as `matrix.estimate` counts them."""
        phi, psi = np.radians(lat), np.radians(to_lat)
        half = np.sin((phi - psi) / 2) ** 2
        half += np.cos(phi) * np.cos(psi) * np.sin(np.radians(lon - to_lon) / 2) ** 2
        line = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
        return np.asarray(np.rint(line * self.detour), np.float64)

    def seconds(self, metres: Floats) -> Floats:
        return np.asarray(np.rint(metres / (self.speed_kmh / 3.6)), np.float64)


@dataclass(frozen=True, slots=True)
class Fit:
    """The cheapest gap. `start_s`: when the new stop starts; `extra_m`, `cost_fen`: what it takes more."""

    tour: int
    start_s: float
    extra_m: float
    cost_fen: float


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why no gap takes it: the check that the most promising gap failed. `over_s`: cold seconds too many."""

    reason: Reason
    over_s: float = 0.0


def fit(
    gaps: Gaps,
    tours: Sequence[Tour],
    road: Road,
    spot: Spot,
    parcel: Shipment | None = None,
    *,
    laden: bool = True,
) -> Fit | Misfit:
    """The cheapest feasible gap for one more drop at `spot`. `parcel` None: the van only has to get there.

    `laden` False: the tours are a pattern of another day, whose parcels will not ride along.
    """
    if not tours:
        return Misfit(Reason.CAPACITY)
    trial = _Trial(gaps, tours, road, spot, parcel, laden)
    over_s = trial.cold_over()
    checks = (trial.room(), trial.open_then(), over_s <= EPSILON, trial.on_time())
    good = np.logical_and.reduce(checks)
    if not good.any():
        return _misfit(checks, over_s, trial.here)
    cost = trial.cost_fen()
    best = int(np.argmin(np.where(good, cost, np.inf)))
    return Fit(
        int(gaps.tour[best]), float(trial.start_s[best]), float(trial.extra_m[best]), float(cost[best])
    )


def _misfit(checks: tuple[Flags, ...], over_s: Floats, here: Flags) -> Misfit:
    """The reason of the gap that came furthest; where vans stop there already, of those stops."""
    left = here if here.any() else np.ones(len(here), bool)
    for reason, passed in zip(
        (Reason.CAPACITY, Reason.WINDOW, Reason.COLD_BUDGET, Reason.SHIFT), checks, strict=True
    ):
        if not (left & passed).any():
            over = float(over_s[left].min()) if reason is Reason.COLD_BUDGET else 0.0
            return Misfit(reason, over_s=over)
        left = left & passed
    raise AssertionError("a gap passed every check")


class _Trial:
    """One drop tried in every gap: times, metres and checks as rows of the gaps."""

    def __init__(
        self, gaps: Gaps, tours: Sequence[Tour], road: Road, spot: Spot, parcel: Shipment | None, laden: bool
    ) -> None:
        self.gaps, self.tours, self.spot, self.parcel, self.laden = gaps, tours, spot, parcel, laden
        self.here = gaps.after == spot.key
        to_m = np.where(self.here, 0.0, road.metres(gaps.lon, gaps.lat, spot.lon, spot.lat))
        on_m = road.metres(gaps.next_lon, gaps.next_lat, spot.lon, spot.lat)
        base_m = road.metres(gaps.lon, gaps.lat, gaps.next_lon, gaps.next_lat)
        self.extra_m = np.where(self.here, 0.0, to_m + on_m - base_m)
        self.service_s = np.where(self.here, spot.service_s, spot.setup_s + spot.service_s)
        self.on_s, base_s = road.seconds(on_m), road.seconds(base_m)
        to_s = road.seconds(to_m)
        self.added_s = np.where(self.here, 0.0, to_s + self.on_s - base_s) + self.service_s
        self._set_clock(to_s)

    def _set_clock(self, to_s: Floats) -> None:
        """`start_s` of the new stop, `late_s` of the next one, `pulled_s` that the van leaves earlier."""
        gaps, spot, pushed_s = self.gaps, self.spot, self._pushed_s()

        def run(moved_s: Floats) -> tuple[Floats, Floats]:
            """(start of the new stop, delay of the next) when the van leaves by so much later."""
            leave_s = gaps.depart_s + moved_s
            # At a stop that stands already the parcel follows the others: the doors are open.
            begin_s = np.where(self.here, leave_s, np.maximum(leave_s + to_s, spot.opens_s))
            late_s = begin_s + self.service_s + self.on_s - gaps.start_s
            return np.where(self.here, gaps.began_s + moved_s, begin_s), late_s

        start_s, late_s = run(pushed_s)
        wanted_s = np.maximum(0.0, np.maximum(late_s - gaps.slack_s, start_s - spot.closes_s))
        self.pulled_s = np.where(pushed_s > 0, 0.0, np.minimum(wanted_s, gaps.pull_s))
        self.start_s, self.late_s = run(pushed_s - self.pulled_s)

    def _pushed_s(self) -> Floats:
        """Seconds that a tour must leave later, because the parcel is at the hub only then; inf: it
        cannot.
        """
        if self.parcel is None or self.parcel.release_s is None:
            return np.zeros(len(self.gaps.tour))
        first = self.gaps.first()
        late_s = np.maximum(0.0, float(self.parcel.release_s) - self.gaps.depart_s[first])
        late_s = np.where(late_s <= self.gaps.slack_s[first], late_s, np.inf)
        return np.asarray(late_s[self.gaps.tour], np.float64)

    def open_then(self) -> Flags:
        """Whether the place is open when the van comes; a van that is gone already fails for its time."""
        return np.asarray((self.start_s <= self.spot.closes_s + EPSILON) | np.isinf(self.start_s), bool)

    def on_time(self) -> Flags:
        """Whether later stops, their promises and the shift still hold."""
        return np.asarray(self.late_s <= self.gaps.slack_s + EPSILON)

    def cost_fen(self) -> Floats:
        seconds = np.maximum(0.0, self.late_s - self.gaps.wait_s) + self.pulled_s
        fixed = np.array([float(tour.vehicle.fixed_fen) if tour.idle else 0.0 for tour in self.tours])
        cost = self.extra_m / 1000 * self._rate("fen_per_km") + seconds / 3600 * self._rate("fen_per_hour")
        return np.asarray(cost + fixed[self.gaps.tour], np.float64)

    def room(self) -> Flags:
        """Whether the right compartment has room from the hub to the stop, beside goods that may ride
        together.
        """
        gaps, parcel = self.gaps, self.parcel
        if parcel is None:
            return np.ones(len(gaps.tour), bool)
        column = np.array([self._compartment(tour, parcel) for tour in self.tours])[gaps.tour]
        # The compartments of the gap before: a parcel for a stop that stands leaves the van there.
        rows = np.arange(len(column)) - self.here
        fits = (gaps.volume_ml[rows, column] >= parcel.volume_ml) & (
            gaps.weight_g[rows, column] >= parcel.weight_g
        )
        return np.asarray((column >= 0) & (fits | (not self.laden)), bool)

    def _compartment(self, tour: Tour, parcel: Shipment) -> int:
        """Column of the compartment that could take it if it were empty, -1: none, or not with these
        goods.
        """
        taken = tour.vehicle.compartment_for(parcel)
        if taken is None or (self.laden and any(pair <= tour.goods | {parcel.goods} for pair in CONFLICTS)):
            return -1
        room = tour.vehicle.compartments[taken[0]]
        return taken[0] if parcel.volume_ml <= room.volume_ml and parcel.weight_g <= room.weight_g else -1

    def cold_over(self) -> Floats:
        """Cold seconds over a budget: the parcel's own, or of what rides through one more open door."""
        doors = self._rate("door_s")
        over = np.zeros(len(doors))
        if self.laden:
            through = np.maximum(doors - self.gaps.spare_s, self.added_s - self.gaps.ride_s)
            over = np.where(self.here, 0.0, through)
        if self.parcel is not None and self.parcel.cold_budget_s is not None:
            stops = np.where(self.here, self.gaps.stops, self.gaps.stops + 1)
            ride_s = self.start_s + self.service_s - self.gaps.depart_s[self.gaps.first()][self.gaps.tour]
            spent = np.where(self._exposed(self.parcel), ride_s, stops * doors)
            over = np.maximum(over, spent - float(self.parcel.cold_budget_s))
        return np.maximum(0.0, over)

    def _exposed(self, parcel: Shipment) -> Flags:
        taken = [tour.vehicle.compartment_for(parcel) for tour in self.tours]
        return np.array([found is not None and found[1] for found in taken])[self.gaps.tour]

    def _rate(self, label: str) -> Floats:
        return np.array([float(getattr(tour.vehicle, label)) for tour in self.tours])[self.gaps.tour]


def chain(
    *,
    starts: Sequence[float],
    departs: Sequence[float],
    travels: Sequence[float],
    windows: Sequence[tuple[float, float]],
) -> tuple[list[float], list[float], list[float]]:
    """(slack, pull, wait) for the nodes of one tour, the hub at both ends.

    `travels[k]`: seconds from node k to k + 1; `windows[k]`: earliest and latest start at node k (for node 0:
    of the departure). slack[k]: by how much node k may start later; pull[k]: by how much the van may leave
    node k earlier; wait[k]: waiting after node k.
    """
    last = len(starts) - 1
    waits = [0.0] + [max(0.0, starts[k] - departs[k - 1] - travels[k - 1]) for k in range(1, last + 1)]
    slack, after = [math.inf] * (last + 1), [0.0] * (last + 1)
    for k in range(last, 0, -1):
        slack[k] = windows[k][1] - starts[k]
        if k < last:
            slack[k] = min(slack[k], waits[k + 1] + slack[k + 1])
            after[k] = waits[k + 1] + after[k + 1]
    pull = [departs[0] - windows[0][0]]
    for k in range(1, last + 1):
        pull.append(min(pull[-1], starts[k] - windows[k][0]))
    return [max(0.0, value) for value in slack], [max(0.0, value) for value in pull], after
