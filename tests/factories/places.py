from datetime import time
from itertools import count

from marketplace.places.models import Carrier, County, Hub, Place, Site, Vehicle, VehicleCompartment

_numbers = count(1)


def make_county(*, code: str = "360921", name: str = "奉新县") -> County:
    county, _ = County.objects.get_or_create(code=code, defaults={"name": name})
    return county


def make_place(
    *,
    kind: str = "station",
    county: County | None = None,
    lon: float = 115.39,
    lat: float = 28.70,
    name: str | None = None,
    opens: time = time(6, 0),
    closes: time = time(22, 0),
) -> Place:
    return Place.objects.create(
        kind=kind,
        name=name or f"地点{next(_numbers)}",
        county=county or make_county(),
        lon=lon,
        lat=lat,
        opens=opens,
        closes=closes,
    )


def make_hub(*, county: County | None = None, is_city: bool = False) -> Hub:
    county = county or make_county()
    place = make_place(kind="hub", county=county, name=f"{county.name}共配中心")
    return Hub.objects.create(place=place, county=county, name=place.name, is_city=is_city)


def make_site(
    *, hub: Hub | None = None, kind: str = "estate", lon: float = 115.40, lat: float = 28.71
) -> Site:
    hub = hub or make_hub()
    place = make_place(kind="cabinet_site", county=hub.county, lon=lon, lat=lat)
    return Site.objects.create(place=place, hub=hub, kind=kind)


def make_vehicle(
    *,
    hub: Hub | None = None,
    carrier: Carrier | None = None,
    zones: tuple[tuple[str, float, float], ...] = (("ambient", 5, 30), ("chilled", 2, 4)),
    is_trunk: bool = False,
) -> Vehicle:
    number = next(_numbers)
    vehicle = Vehicle.objects.create(
        carrier=carrier or Carrier.objects.get_or_create(name="宜春共配")[0],
        hub=hub or make_hub(),
        name=f"{number}号车",
        plate=f"赣C{number:05d}",
        is_trunk=is_trunk,
        shift_start=time(6, 30),
        shift_end=time(19, 0),
        fixed_cost_fen=8000,
        cost_fen_per_km=80,
        cost_fen_per_h=3000,
    )
    for zone, low, high in zones:
        VehicleCompartment.objects.create(
            vehicle=vehicle, zone=zone, min_c=low, max_c=high, volume_ml=2_400_000, weight_g=500_000
        )
    return vehicle
