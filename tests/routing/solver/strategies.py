"""Random small problems that use every feature at once."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from routing.solver.problem import (
    Cells,
    Collection,
    Compartment,
    Option,
    Place,
    Problem,
    Shipment,
    Vehicle,
    Window,
)
from routing.solver.terms import Direction, Goods, Size, Zone
from tests.routing.solver.instances import HOUR, HUB, problem_of, van

ZONES = st.sampled_from([Zone.AMBIENT, Zone.AMBIENT, Zone.CHILLED])


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """A window of one to six hours in the morning."""
    opens_s = draw(st.integers(6 * HOUR, 10 * HOUR))
    return Window(opens_s, opens_s + draw(st.integers(HOUR, 6 * HOUR)))


@st.composite
def places(draw: st.DrawFn, number: int) -> Place:
    """A locker with few cells, or a door."""
    cells: tuple[Cells, ...] | None = None
    if draw(st.booleans()):
        few = st.integers(0, 2)
        cells = tuple(Cells(zone, draw(few), draw(few), draw(few)) for zone in (Zone.AMBIENT, Zone.CHILLED))
    return Place(
        f"p{number}",
        115.39 + draw(st.integers(-60, 60)) / 1000,
        28.69 + draw(st.integers(-60, 60)) / 1000,
        windows=tuple(draw(st.lists(windows(), max_size=2))),
        setup_s=draw(st.sampled_from((0, 120, 360))),
        cells=cells,
        needs=frozenset(draw(st.sampled_from(((), (), (), ("trike",))))),
        holds=frozenset(draw(st.sampled_from(((), (), (Goods.FOOD,))))) if cells else frozenset(),
    )


@st.composite
def shipments(draw: st.DrawFn, number: int, labels: list[str]) -> Shipment:
    """Down, up or pair, with up to three options."""
    direction = draw(st.sampled_from((Direction.DOWN, Direction.DOWN, Direction.UP, Direction.PAIR)))
    chosen = draw(
        st.lists(st.sampled_from(labels), max_size=3 if direction is not Direction.UP else 1, unique=True)
    )
    options = tuple(
        Option(
            f"s{number}.{k}", label, draw(st.none() | windows()), k, 500 * k, draw(st.sampled_from((0, 30)))
        )
        for k, label in enumerate(chosen)
    )
    zone = draw(ZONES)
    timed: dict[str, Any] = {}
    if draw(st.integers(0, 4)) == 0:
        timed = {
            "release_s": draw(st.integers(6 * HOUR, 8 * HOUR)),
            "due_s": draw(st.integers(9 * HOUR, 13 * HOUR)),
        }
    return Shipment(
        f"s{number}",
        direction,
        options,
        volume_ml=draw(st.integers(1, 40)),
        weight_g=draw(st.integers(1, 40)),
        size=draw(st.sampled_from((Size.S, Size.S, Size.M, Size.L, None))),
        zone=zone,
        goods=draw(st.sampled_from((Goods.NEUTRAL, Goods.FOOD, Goods.FOOD, Goods.PESTICIDE))),
        value_fen=draw(st.sampled_from((1_000_000, 3_000_000))),
        cold_budget_s=None if zone is Zone.AMBIENT else draw(st.sampled_from((None, 130, 600, 7200))),
        collection=Collection(draw(st.sampled_from(labels))) if direction is Direction.PAIR else None,
        **timed,
    )


@st.composite
def vehicles(draw: st.DrawFn, number: int) -> Vehicle:
    """A van with both rooms, or with one; some have the label that a place may ask for."""
    rooms = [Compartment(Zone.AMBIENT, draw(st.integers(40, 120)), 1_000)]
    if number == 0 or draw(st.booleans()):
        rooms.append(Compartment(Zone.CHILLED, draw(st.integers(40, 80)), 1_000))
    return van(
        f"v{number}",
        compartments=tuple(rooms),
        has=frozenset(draw(st.sampled_from(((), ("trike",))))),
        fen_per_hour=draw(st.sampled_from((0, 3_000))),
    )


@st.composite
def problems(draw: st.DrawFn, *, most_shipments: int = 7) -> Problem:
    """A hub, up to five places, one to three vans, up to `most_shipments` shipments."""
    spots = [Place(HUB, 115.39, 28.69), *(draw(places(k)) for k in range(draw(st.integers(1, 5))))]
    fleet = [draw(vehicles(k)) for k in range(draw(st.integers(1, 3)))]
    labels = [p.id for p in spots[1:]]
    load = [draw(shipments(k, labels)) for k in range(draw(st.integers(1, most_shipments)))]
    return problem_of("random", spots, fleet, load)
