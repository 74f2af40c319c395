from itertools import count

from lockers.models import Cabinet, Compartment, Device
from lockers.services import CellSpec, register_cabinet
from marketplace.kernel import clock
from marketplace.kernel.temperature import Band
from marketplace.places.models import Site
from tests.factories.places import make_site

_numbers = count(1)
BANDS = {
    "ambient": Band(5, 30),
    "cool": Band(12, 15),
    "chilled": Band(2, 4),
    "frozen": Band(-22, -18),
}


def make_cabinet(
    *,
    site: Site | None = None,
    cells: tuple[tuple[str, str], ...] = (("chilled", "S"), ("chilled", "M"), ("chilled", "L")),
    device: str | None = None,
    online: bool = True,
    simulated: bool = False,
) -> Cabinet:
    """A cabinet with (zone, size) cells behind closed doors; `online`: it was heard of just now."""
    number = next(_numbers)
    device = device or f"T{number:04d}"
    cabinet = register_cabinet(
        site=site or make_site(),
        device=device,
        name=f"{number}号柜",
        kind="parcel" if all(zone == "ambient" for zone, _ in cells) else "cold",
        cells=[
            CellSpec(label=f"{door:02d}", zone=zone, size=size, band=BANDS[zone])
            for door, (zone, size) in enumerate(cells, start=1)
        ],
        simulated=simulated,
    )
    Compartment.objects.filter(cabinet=cabinet).update(door_state="closed")
    if online:
        Device.objects.filter(device=device).update(online=True, last_seen=clock.wall())
    return cabinet
