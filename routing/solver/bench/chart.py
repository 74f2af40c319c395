"""Growth: seconds to within 2 % of the long run, and cost, against the number of shipments, on log scales."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from routing.solver.bench.days import Day

#: A plan counts as good from this many times the long run's cost.
GOOD = 1.02
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 430, 300, 64, 40, 44


@dataclass(frozen=True, slots=True)
class Point:
    """One size: seconds of the shortest run that came within 2 % of the best, and the best total in fen.

    `at_most`: even the shortest run was good, so the seconds are an upper bound.
    """

    shipments: int
    seconds: float
    best_fen: float
    at_most: bool


def points(rows: Sequence[Day]) -> list[Point]:
    """A point per size with at least two budgets."""
    by_size = defaultdict[int, list[Day]](list)
    for row in rows:
        if not row.refused:
            by_size[row.shipments].append(row)
    return [_point(size, mine) for size, mine in sorted(by_size.items()) if len(mine) > 1]


def _point(size: int, rows: Sequence[Day]) -> Point:
    """From the longest budget down, as long as the plans are good; between two runs by logarithms."""
    best = min(row.total for row in rows)
    longest_first = sorted(rows, key=lambda row: -row.seconds)
    good, missed = longest_first[0], None
    for row in longest_first[1:]:
        if row.total > GOOD * best:
            missed = row
            break
        good = row
    if missed is None or missed.total <= good.total:
        return Point(size, good.took_s, best, missed is None)
    low, high = math.log(missed.took_s), math.log(good.took_s)
    share = (missed.total - GOOD * best) / (missed.total - good.total)
    return Point(size, math.exp(low + min(1.0, max(0.0, share)) * (high - low)), best, False)


def exponent(found: Sequence[Point]) -> float | None:
    """Slope of log seconds against log shipments (least squares); None with fewer than two sizes."""
    if len(found) < 2:
        return None
    x = [math.log(point.shipments) for point in found]
    y = [math.log(max(1e-3, point.seconds)) for point in found]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def growth_svg(found: Sequence[Point]) -> str:
    """Two panels side by side: seconds, and yuan per shipment."""
    slope = exponent(found)
    title = "seconds to within 2 % of the long run" + (f": n^{slope:.2f}" if slope is not None else "")
    seconds = [(point.shipments, point.seconds) for point in found]
    yuan = [(point.shipments, point.best_fen / 100 / point.shipments) for point in found]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}"',
            ' font-family="sans-serif" font-size="12" role="img"><title>Growth</title>',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *_panel(0, title, seconds, "#06c"),
            *_panel(WIDTH, "cost per shipment, ¥", yuan, "#c30"),
            "</svg>\n",
        ]
    )


def _panel(left: float, title: str, data: Sequence[tuple[float, float]], colour: str) -> list[str]:
    xs, ys = [math.log10(x) for x, _ in data], [math.log10(max(1e-3, y)) for _, y in data]
    across = _Axis(min(xs), max(xs), left + LEFT, left + WIDTH - 20)
    up = _Axis(min(ys), max(ys), HEIGHT - BOTTOM, TOP)
    spots = [(across.at(x), up.at(y)) for x, y in zip(xs, ys, strict=True)]
    lines = [f'<text x="{left + LEFT}" y="22" font-weight="bold">{title}</text>']
    lines.append(
        f'<path d="M{left + LEFT} {TOP}V{HEIGHT - BOTTOM}H{left + WIDTH - 20}" fill="none" stroke="#888"/>'
    )
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for (x, y), (size, value) in zip(spots, data, strict=True):
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        lines.append(f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle">{value:.3g}</text>')
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    lines.append(f'<text x="{left + WIDTH - 20}" y="{HEIGHT - 8}" text-anchor="end">shipments</text>')
    return lines


@dataclass(frozen=True, slots=True)
class _Axis:
    """A range of logarithms on a range of pixels, a little room at both ends."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        span = max(1e-9, self.high - self.low)
        share = 0.5 if self.high - self.low < 1e-9 else 0.06 + 0.88 * (value - self.low) / span
        return self.begin + share * (self.end - self.begin)
