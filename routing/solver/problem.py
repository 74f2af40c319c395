"""The routing problem as frozen data that refuses nonsense.

One problem is one wave: places, vehicles and shipments, with a matrix of metres and seconds between
all places. Times are seconds on one clock chosen by the caller (the product uses seconds since the
day's midnight in Asia/Shanghai). Rates and values are fen in the product; public instances use the
unit of their file. Nothing here knows how a plan is found or judged.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from routing.solver import guards
from routing.solver.errors import ProblemError
from routing.solver.guards import Number
from routing.solver.matrix import Matrix
from routing.solver.terms import FALLBACK_ZONES, Direction, Goods, Size, Zone

G = TypeVar("G", "Cells", "Compartment")


@dataclass(frozen=True, slots=True)
class Window:
    """A closed interval in seconds. It binds the start of a stop, before its set-up time."""

    opens_s: Number
    closes_s: Number

    def __post_init__(self) -> None:
        guards.number(self.opens_s, "opens_s", low=None)
        guards.number(self.closes_s, "closes_s", low=None)
        if self.closes_s < self.opens_s:
            raise ProblemError(f"closes before it opens ({self.opens_s!r})", path="closes_s")

    def meet(self, other: Window | None) -> Window | None:
        """The common part, or None when there is none."""
        if other is None:
            return self
        opens_s, closes_s = max(self.opens_s, other.opens_s), min(self.closes_s, other.closes_s)
        return Window(opens_s, closes_s) if opens_s <= closes_s else None


@dataclass(frozen=True, slots=True)
class Cells:
    """Free compartments of one zone at a place, per size, less what is already reserved."""

    zone: Zone
    small: int = 0
    medium: int = 0
    large: int = 0
    min_c: Number | None = None
    max_c: Number | None = None

    def __post_init__(self) -> None:
        for label in ("small", "medium", "large"):
            guards.integer(getattr(self, label), label)
        guards.band(self.min_c, self.max_c, "min_c")

    def at_least(self, size: Size) -> int:
        """How many cells take a parcel of `size`."""
        return sum((self.small, self.medium, self.large)[size:])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a vehicle may stop. `cells` None: no compartments (hub, door, counter: room for all).

    `setup_s` is paid once per stop. `needs`: access labels that a vehicle must have. `holds`: goods
    that already lie in the place's cells.
    """

    id: str
    lon: float | None = None
    lat: float | None = None
    windows: tuple[Window, ...] = ()
    setup_s: Number = 0
    cells: tuple[Cells, ...] | None = None
    needs: frozenset[str] = frozenset()
    holds: frozenset[Goods] = frozenset()

    def __post_init__(self) -> None:
        guards.name(self.id, "id")
        guards.number(self.setup_s, "setup_s")
        if (self.lon is None) != (self.lat is None):
            raise ProblemError("a position needs lon and lat", path="lon")
        if self.lon is not None and self.lat is not None:
            guards.number(self.lon, "lon", low=-180.0, high=180.0)
            guards.number(self.lat, "lat", low=-90.0, high=90.0)
        if self.cells is not None:
            guards.unique((group.zone for group in self.cells), "cells", "zone")

    def cells_for(self, shipment: Shipment) -> Cells | None:
        """The group of cells that keeps the shipment, whether or not one is free."""
        return _keeper(self.cells or (), shipment)


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve a shipment: a place that its recipient agreed to.

    `preference` counts from 0 (first choice); its cost stands in `Objective.preference_fen`.
    """

    id: str
    place: str
    window: Window | None = None
    preference: int = 0
    compensation_fen: Number = 0
    service_s: Number = 0

    def __post_init__(self) -> None:
        guards.name(self.id, "id")
        guards.name(self.place, "place")
        guards.integer(self.preference, "preference")
        guards.number(self.compensation_fen, "compensation_fen")
        guards.number(self.service_s, "service_s")


@dataclass(frozen=True, slots=True)
class Collection:
    """Where and when the goods of a `pair` shipment are taken aboard."""

    place: str
    window: Window | None = None
    service_s: Number = 0

    def __post_init__(self) -> None:
        guards.name(self.place, "place")
        guards.number(self.service_s, "service_s")


@dataclass(frozen=True, slots=True)
class Shipment:
    """What has to be moved, and the options that may serve it (none: no consent).

    `size` None: fits no cell. `value_fen` is lost when it stays unserved. `release_s`: the trip may
    not leave (down), or the collection not start (up, pair), before it. `due_s`: latest start of the
    drop (down, pair) or latest return to the hub (up). `cold_budget_s`: most seconds outside its zone.
    `hub`: where it is loaded (down) or delivered (up); None: any. `vehicles`: the only vehicles that
    may take it (a promise of an earlier plan); None: any.
    """

    id: str
    direction: Direction
    options: tuple[Option, ...]
    volume_ml: Number
    weight_g: Number
    size: Size | None = None
    zone: Zone = Zone.AMBIENT
    min_c: Number | None = None
    max_c: Number | None = None
    goods: Goods = Goods.NEUTRAL
    value_fen: Number = 1_000_000
    release_s: Number | None = None
    due_s: Number | None = None
    cold_budget_s: Number | None = None
    collection: Collection | None = None
    hub: str | None = None
    vehicles: frozenset[str] | None = None

    def __post_init__(self) -> None:
        guards.name(self.id, "id")
        guards.number(self.volume_ml, "volume_ml")
        guards.number(self.weight_g, "weight_g")
        guards.number(self.value_fen, "value_fen")
        guards.band(self.min_c, self.max_c, "min_c")
        for label in ("release_s", "due_s"):
            if getattr(self, label) is not None:
                guards.number(getattr(self, label), label, low=None)
        if self.release_s is not None and self.due_s is not None and self.due_s < self.release_s:
            raise ProblemError(f"lies before release_s ({self.release_s!r})", path="due_s")
        if self.cold_budget_s is not None:
            guards.number(self.cold_budget_s, "cold_budget_s")
        if (self.direction is Direction.PAIR) != (self.collection is not None):
            raise ProblemError("a pair, and only a pair, has a collection", path="collection")


@dataclass(frozen=True, slots=True)
class Compartment:
    """Load space of one zone in a vehicle."""

    zone: Zone
    volume_ml: Number
    weight_g: Number
    min_c: Number | None = None
    max_c: Number | None = None

    def __post_init__(self) -> None:
        guards.number(self.volume_ml, "volume_ml")
        guards.number(self.weight_g, "weight_g")
        guards.band(self.min_c, self.max_c, "min_c")


@dataclass(frozen=True, slots=True)
class Break:
    """A rest that starts within [earliest_s, latest_s], taken at a place, not while driving."""

    earliest_s: Number
    latest_s: Number
    duration_s: Number

    def __post_init__(self) -> None:
        guards.number(self.earliest_s, "earliest_s", low=None)
        guards.number(self.latest_s, "latest_s", low=None)
        guards.number(self.duration_s, "duration_s")
        if self.latest_s < self.earliest_s:
            raise ProblemError("lies before earliest_s", path="latest_s")


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle with its shift. `door_s`: what one stop costs every cold shipment aboard.

    `locked`: option ids with which its route must begin, in this order (stops promised); for a pair,
    its collection is named by the shipment's id. `max_trips` > 1 allows reloads at `start`.
    """

    id: str
    start: str
    end: str
    compartments: tuple[Compartment, ...]
    shift: Window
    fixed_fen: Number = 0
    fen_per_km: Number = 0
    fen_per_hour: Number = 0
    door_s: Number = 0
    breaks: tuple[Break, ...] = ()
    max_distance_m: Number | None = None
    max_trips: int = 1
    reload_s: Number = 0
    has: frozenset[str] = frozenset()
    locked: tuple[str, ...] = ()
    co2_g_per_km: Number = 0

    def __post_init__(self) -> None:
        guards.name(self.id, "id")
        for label in ("fixed_fen", "fen_per_km", "fen_per_hour", "door_s", "reload_s", "co2_g_per_km"):
            guards.number(getattr(self, label), label)
        guards.integer(self.max_trips, "max_trips", low=1)
        if self.max_distance_m is not None:
            guards.number(self.max_distance_m, "max_distance_m")
        if not self.compartments:
            raise ProblemError("a vehicle needs a compartment", path="compartments")
        guards.unique((c.zone for c in self.compartments), "compartments", "zone")

    def compartment_for(self, shipment: Shipment) -> tuple[int, bool] | None:
        """(index of the compartment that takes it, whether it rides outside its zone), or None."""
        own = _keeper(self.compartments, shipment)
        if own is not None:
            return self.compartments.index(own), False
        if shipment.cold_budget_s is None or any(c.zone == shipment.zone for c in self.compartments):
            return None
        for zone in FALLBACK_ZONES[shipment.zone]:
            for index, compartment in enumerate(self.compartments):
                if compartment.zone == zone:
                    return index, True
        return None


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """At least `share` of the served shipments get an option of preference <= `preference`."""

    preference: int
    share: float

    def __post_init__(self) -> None:
        guards.integer(self.preference, "preference")
        guards.number(self.share, "share", high=1.0)


@dataclass(frozen=True, slots=True)
class Objective:
    """What a plan is measured by, beside the vehicles' rates. Levels beyond the list cost its last."""

    preference_fen: tuple[Number, ...] = (0,)
    service_levels: tuple[ServiceLevel, ...] = ()

    def __post_init__(self) -> None:
        if not self.preference_fen:
            raise ProblemError("is empty", path="preference_fen")
        for index, value in enumerate(self.preference_fen):
            guards.number(value, f"preference_fen[{index}]")

    def preference_cost(self, preference: int) -> Number:
        """Cost of serving by an option of this preference level."""
        return self.preference_fen[min(preference, len(self.preference_fen) - 1)]


@dataclass(frozen=True, slots=True, eq=False)
class _Index:
    places: dict[str, int] = field(default_factory=dict)
    shipments: dict[str, int] = field(default_factory=dict)
    vehicles: dict[str, int] = field(default_factory=dict)
    options: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Problem:
    """One wave to plan. `closed`: ordered pairs of places between which no road is open."""

    name: str
    places: tuple[Place, ...]
    vehicles: tuple[Vehicle, ...]
    shipments: tuple[Shipment, ...]
    matrix: Matrix
    objective: Objective = field(default_factory=Objective)
    closed: frozenset[tuple[str, str]] = frozenset()

    def __post_init__(self) -> None:
        guards.name(self.name, "name")
        if not self.places:
            raise ProblemError("is empty", path="places")
        if self.matrix.size != len(self.places):
            message = f"has {self.matrix.size} rows for {len(self.places)} places"
            raise ProblemError(message, path="matrix")
        guards.unique((p.id for p in self.places), "places")
        guards.unique((v.id for v in self.vehicles), "vehicles")
        guards.unique((s.id for s in self.shipments), "shipments")
        _check_references(self)

    @cached_property
    def index(self) -> _Index:
        """Positions by id, for those who read the problem."""
        return _Index(
            places={p.id: i for i, p in enumerate(self.places)},
            shipments={s.id: i for i, s in enumerate(self.shipments)},
            vehicles={v.id: i for i, v in enumerate(self.vehicles)},
            options={o.id: (i, k) for i, s in enumerate(self.shipments) for k, o in enumerate(s.options)},
        )


def _keeper(groups: Sequence[G], shipment: Shipment) -> G | None:
    """The group (cells or compartment) of the shipment's zone whose band lies inside the shipment's."""
    for group in groups:
        if group.zone == shipment.zone:
            return group if _inside(group, shipment) else None
    return None


def _inside(group: Cells | Compartment, shipment: Shipment) -> bool:
    """Whether the °C of the group lie inside the shipment's band; an unknown band is taken as fitting."""
    if None in (group.min_c, group.max_c, shipment.min_c, shipment.max_c):
        return True
    return shipment.min_c <= group.min_c and group.max_c <= shipment.max_c  # type: ignore[operator]


def fits_a_vehicle(shipment: Shipment, vehicles: Sequence[Vehicle]) -> bool:
    """Whether some vehicle could carry the shipment if it carried nothing else."""
    for vehicle in vehicles:
        taken = vehicle.compartment_for(shipment)
        if taken is not None:
            room = vehicle.compartments[taken[0]]
            if shipment.volume_ml <= room.volume_ml and shipment.weight_g <= room.weight_g:
                return True
    return False


def _check_references(problem: Problem) -> None:
    """Refuse references that lead nowhere and shipments that no vehicle could carry."""
    places = {p.id for p in problem.places}
    options: dict[str, str] = {}
    for i, shipment in enumerate(problem.shipments):
        _check_shipment(shipment, places, options, here=f"shipments[{i}]")
        for label in sorted(shipment.vehicles or ()):
            _known(label, problem.index.vehicles, "vehicle", f"shipments[{i}].vehicles")
        if problem.vehicles and not fits_a_vehicle(shipment, problem.vehicles):
            message = "larger, heavier or colder than every vehicle's compartment"
            raise ProblemError(message, path=f"shipments[{i}].volume_ml")
    lockable = options.keys() | {s.id for s in problem.shipments if s.collection is not None}
    for i, vehicle in enumerate(problem.vehicles):
        _known(vehicle.start, places, "place", f"vehicles[{i}].start")
        _known(vehicle.end, places, "place", f"vehicles[{i}].end")
        for k, label in enumerate(vehicle.locked):
            _known(label, lockable, "option", f"vehicles[{i}].locked[{k}]")
    for pair in sorted(problem.closed):
        for label in pair:
            _known(label, places, "place", "closed")


def _check_shipment(shipment: Shipment, places: set[str], options: dict[str, str], *, here: str) -> None:
    for k, option in enumerate(shipment.options):
        _known(option.place, places, "place", f"{here}.options[{k}].place")
        if option.id in options:
            raise ProblemError(
                f"duplicate {option.id!r}, first at {options[option.id]}", path=f"{here}.options[{k}].id"
            )
        options[option.id] = f"{here}.options[{k}]"
    if shipment.collection is not None:
        _known(shipment.collection.place, places, "place", f"{here}.collection.place")
    if shipment.hub is not None:
        _known(shipment.hub, places, "place", f"{here}.hub")


def _known(label: str, among: Container[str], what: str, path: str) -> None:
    if label not in among:
        raise ProblemError(f"points to the unknown {what} {label!r}", path=path)
