"""A plan as an SVG map: hubs, stations, lockers and cabinets, one line per tour."""

from __future__ import annotations

import math
from collections.abc import Sequence

from routing.solver.problem import Place, Problem
from routing.solver.solution import Route, Solution

WIDTH, MARGIN = 900, 24
#: Neighbouring tours get colours far apart on the circle.
GOLDEN_ANGLE = 137.508


def plan_svg(problem: Problem, plan: Solution) -> str:
    """The plan drawn by longitude and latitude; a place without a position is left out."""
    placed = [place for place in problem.places if place.lon is not None]
    view = _View(placed)
    caption = (
        f"{problem.name}: {len(plan.routes)} tours, {len(problem.shipments) - len(plan.unserved)} of "
        f"{len(problem.shipments)} shipments, ¥{float(plan.cost) / 100:,.0f}"
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {view.height + 28:.0f}"',
        f' font-family="sans-serif" font-size="13" role="img"><title>{caption}</title>',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    lines += [_tour(problem, view, route, number) for number, route in enumerate(plan.routes)]
    hubs = {vehicle.start for vehicle in problem.vehicles} | {vehicle.end for vehicle in problem.vehicles}
    used = {visit.place for route in plan.routes for visit in route.visits}
    lines += [_spot(view, place, place.id in hubs) for place in placed if place.id in used | hubs]
    lines.append(f'<text x="{MARGIN}" y="{view.height + 16:.0f}" fill="#333">{caption}</text></svg>\n')
    return "\n".join(lines)


class _View:
    """Degrees to pixels, longitude shortened by the latitude."""

    def __init__(self, places: Sequence[Place]) -> None:
        lon = [float(place.lon or 0) for place in places] or [0.0]
        lat = [float(place.lat or 0) for place in places] or [0.0]
        self.shrink = math.cos(math.radians(sum(lat) / len(lat)))
        wide = max(1e-9, (max(lon) - min(lon)) * self.shrink, 0.25 * (max(lat) - min(lat)))
        self.scale = (WIDTH - 2 * MARGIN) / wide
        self.west, self.north = min(lon), max(lat)
        self.height = (max(lat) - min(lat)) * self.scale + 2 * MARGIN

    def at(self, place: Place) -> tuple[float, float]:
        x = MARGIN + (float(place.lon or 0) - self.west) * self.shrink * self.scale
        return x, MARGIN + (self.north - float(place.lat or 0)) * self.scale


def _tour(problem: Problem, view: _View, route: Route, number: int) -> str:
    rows, vehicle = problem.index.places, problem.vehicles[problem.index.vehicles[route.vehicle]]
    stops = [vehicle.start, *(visit.place for visit in route.visits), vehicle.end]
    places = [problem.places[rows[stop]] for stop in stops]
    points = " ".join("{:.1f},{:.1f}".format(*view.at(place)) for place in places if place.lon is not None)
    colour = f"hsl({number * GOLDEN_ANGLE % 360:.0f} 65% 42%)"
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4" opacity="0.85">'
        f"<title>{route.vehicle}: {len(route.visits)} stops, {route.distance_m / 1000:.0f} km</title>"
        "</polyline>"
    )


def _spot(view: _View, place: Place, hub: bool) -> str:
    x, y = view.at(place)
    title = f"<title>{place.id}</title>"
    if hub:
        return f'<path d="M{x:.1f} {y - 8:.1f}l8 14h-16z" fill="#c00" stroke="#fff">{title}</path>'
    if place.cells is not None:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="#06c">{title}</rect>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="#333">{title}</circle>'
