"""Cells that a wave's own parcels may use at the pickup points, as the solver counts them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from uuid import UUID

from lockers.protocol.allocation import Cell
from lockers.services.capacity.planner import cells_left
from marketplace.kernel.units import Size
from marketplace.places.models import Place, PlaceKind
from routing.solver import problem as solver
from routing.solver.terms import Zone


def open_cells(
    *, places: Iterable[Place], day: date, own_references: Collection[UUID]
) -> dict[UUID, tuple[solver.Cells, ...]]:
    """Cells by pickup point and zone; places without compartments do not appear."""
    points = [place.uuid for place in places if place.kind == PlaceKind.CABINET_SITE]
    if not points:
        return {}
    left = cells_left(place_uuids=points, day=day, own_references=own_references)
    return {point: tuple(_groups(left[point])) for point in points}


def _groups(cells: Mapping[Cell, int]) -> Iterable[solver.Cells]:
    """One group per zone; cells of several bands count with the widest, so that none is promised in vain."""
    for zone in Zone:
        mine = {cell: count for cell, count in cells.items() if cell.zone == zone.value}
        if mine:
            count = {size: sum(n for cell, n in mine.items() if cell.size == size) for size in Size}
            yield solver.Cells(
                zone=zone,
                small=count[Size.S],
                medium=count[Size.M],
                large=count[Size.L],
                min_c=min(cell.band.min_c for cell in mine),
                max_c=max(cell.band.max_c for cell in mine),
            )
