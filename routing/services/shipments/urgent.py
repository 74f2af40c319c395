"""What is known of a parcel that a dispatcher adds by hand."""

from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import CELL_ML, Size
from routing.services.shipments.requests import ParcelSpec

#: °C and most minutes outside the zone of a parcel that nobody described further (guess)
URGENT_BANDS = {
    "ambient": Band(-5, 40),
    "cool": Band(8, 15),
    "chilled": Band(0, 8),
    "frozen": Band(-40, -12),
}
URGENT_COLD_MIN = {"chilled": 120, "frozen": 60}


def urgent_parcel(*, zone: str, size: str, weight_g: int) -> ParcelSpec:
    """What is known of an urgent parcel: its class of cell gives the volume, its zone the band of °C."""
    if zone not in URGENT_BANDS:
        raise InvalidInput(N_("没有这个温区"), field="zone")
    if size not in (Size.S, Size.M, Size.L):
        raise InvalidInput(N_("格口大小只有 S、M、L"), field="size")
    band = URGENT_BANDS[zone]
    return ParcelSpec(
        zone=zone,
        size=size,
        weight_g=weight_g,
        volume_ml=CELL_ML[Size(size)] // 2,
        min_c=band.min_c,
        max_c=band.max_c,
        cold_budget_min=URGENT_COLD_MIN.get(zone),
    )
