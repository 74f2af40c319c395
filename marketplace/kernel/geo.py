"""Places on earth: WGS-84 lon, lat in decimal degrees. GCJ-02 only where a Chinese tile layer is drawn."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.kernel.errors import N_, InvalidInput

EARTH_RADIUS_M = 6_371_008.8
_A, _EE = 6_378_245.0, 0.006_693_421_622_965_943


@dataclass(frozen=True, slots=True)
class LonLat:
    lon: float
    lat: float


def in_china(point: LonLat) -> bool:
    """Inside the box that GCJ-02 itself uses for mainland China."""
    return 72.004 <= point.lon <= 137.8347 and 0.8293 <= point.lat <= 55.8271


def require_in_china(point: LonLat, field: str = "lon") -> LonLat:
    """Raises InvalidInput for numbers that are not finite or outside China."""
    if not (math.isfinite(point.lon) and math.isfinite(point.lat)) or not in_china(point):
        raise InvalidInput(N_("坐标不在中国境内（经度在前，纬度在后）"), field=field)
    return point


def great_circle_m(a: LonLat, b: LonLat) -> float:
    """Haversine distance in metres, within 0.5 % of the geodesic."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def wgs84_to_gcj02(point: LonLat) -> LonLat:
    """The published approximation of the Chinese map shift (300-550 m in Yichun)."""
    if not in_china(point):
        return point
    d_lon, d_lat = _shift(point)
    return LonLat(point.lon + d_lon, point.lat + d_lat)


def gcj02_to_wgs84(point: LonLat) -> LonLat:
    """Inverse of wgs84_to_gcj02 by fixed-point iteration; round trip within a millimetre."""
    guess = point
    for _ in range(6):
        shifted = wgs84_to_gcj02(guess)
        guess = LonLat(guess.lon + point.lon - shifted.lon, guess.lat + point.lat - shifted.lat)
    return guess


def _shift(point: LonLat) -> tuple[float, float]:
    x, y = point.lon - 105.0, point.lat - 35.0
    root = math.sqrt(abs(x))
    wave = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    d_lat += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    d_lat += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    d_lon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    d_lon += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    d_lon += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    phi = math.radians(point.lat)
    magic = 1 - _EE * math.sin(phi) ** 2
    return (
        math.degrees(d_lon / (_A / math.sqrt(magic) * math.cos(phi))),
        math.degrees(d_lat / (_A * (1 - _EE) / (magic * math.sqrt(magic)))),
    )


def point_in_ring(point: LonLat, ring: Sequence[Sequence[float]]) -> bool:
    """Even-odd rule on one closed ring of [lon, lat] pairs."""
    inside = False
    for (x1, y1), (x2, y2) in itertools.pairwise(ring):
        crosses = (y1 > point.lat) != (y2 > point.lat)
        if crosses and point.lon < (x2 - x1) * (point.lat - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
