"""Nearest places by the index, exact distance by great circle."""

from collections.abc import Collection

from django.db.models import Func

from marketplace.database.models import GeoPoint
from marketplace.kernel.geo import LonLat, great_circle_m, require_in_china
from marketplace.places.models import Place

#: how many more candidates the index gives, since degrees of longitude are shorter than those of latitude
OVERSAMPLE = 4


class Distance(Func):
    arg_joiner = " <-> "
    template = "(%(expressions)s)"
    output_field = GeoPoint()


def nearest_places(
    *, to: LonLat, kinds: Collection[str], limit: int = 10, field: str = "lon"
) -> list[tuple[Place, float]]:
    """(place, metres) ascending. Raises InvalidInput for coordinates outside China."""
    require_in_china(to, field)
    here = Func(to.lon, to.lat, function="point", output_field=GeoPoint())
    candidates = (
        Place.objects.filter(kind__in=kinds)
        .select_related("county")
        .order_by(Distance("point", here))[: limit * OVERSAMPLE]
    )
    ranked = sorted(
        ((place, great_circle_m(to, place.lon_lat)) for place in candidates), key=lambda row: row[1]
    )
    return ranked[:limit]
