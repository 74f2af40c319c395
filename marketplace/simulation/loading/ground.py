"""Counties, places, hubs, sites, vehicles: what stands before anybody signs in."""

from marketplace.places import models
from marketplace.simulation.loading.index import Index
from marketplace.simulation.worlds import nouns

#: seconds that a stop costs before any parcel (domain.md d): station, cabinet site, hub
SETUP_S = {"station": 360, "cabinet_site": 120, "hub": 0}


def load(index: Index) -> None:
    """In the order of the references."""
    _counties(index)
    _places(index)
    _sites(index)
    _fleet(index)


def _counties(index: Index) -> None:
    world = index.world
    index.keep(
        {county.code: county for county in world.counties},
        models.County,
        lambda county: {
            "code": county.code,
            "name": county.name,
            "outline": [list(point) for point in max(county.outline, key=len)],
        },
    )
    index.keep(
        {township.code: township for township in world.townships},
        models.Township,
        lambda township: {
            "county": index.get(models.County, township.county),
            "name": township.name,
            "code_nbs": township.code_nbs,
            "code_mca": township.code_mca,
            "lon": township.at and township.at.lon,
            "lat": township.at and township.at.lat,
        },
    )


def _places(index: Index) -> None:
    index.keep(
        {place.key: place for place in index.world.places},
        models.Place,
        lambda place: {
            "kind": place.kind,
            "name": place.name,
            "address": place.address,
            "county": index.get(models.County, place.county),
            "township": index.get(models.Township, place.township) if place.township else None,
            "lon": place.at.lon,
            "lat": place.at.lat,
            "opens": place.opens,
            "closes": place.closes,
            "setup_s": SETUP_S[place.kind],
            "synthetic": place.synthetic,
        },
    )
    index.keep(
        {hub.key: hub for hub in index.world.hubs},
        models.Hub,
        lambda hub: {
            "place": index.get(models.Place, hub.place),
            "county": index.get(models.County, hub.county),
            "name": hub.name,
            "is_city": hub.is_city,
        },
    )


def _sites(index: Index) -> None:
    index.keep(
        {site.key: site for site in index.world.sites},
        models.Site,
        lambda site: {
            "place": index.get(models.Place, site.place),
            "hub": index.get(models.Hub, site.hub),
            "kind": site.site_kind,
        },
    )


def _fleet(index: Index) -> None:
    world = index.world
    index.keep({c.key: c for c in world.carriers}, models.Carrier, lambda carrier: {"name": carrier.name})
    index.keep({v.key: v for v in world.vehicles}, models.Vehicle, lambda vehicle: _vehicle(index, vehicle))
    spaces = {
        f"{vehicle.key}:{space.zone}": (vehicle, space)
        for vehicle in world.vehicles
        for space in vehicle.compartments
    }
    index.keep(
        spaces,
        models.VehicleCompartment,
        lambda pair: {
            "vehicle": index.get(models.Vehicle, pair[0].key),
            "zone": pair[1].zone.value,
            "min_c": pair[1].band.min_c,
            "max_c": pair[1].band.max_c,
            "volume_ml": pair[1].volume_ml,
            "weight_g": pair[1].weight_g,
        },
    )


def _vehicle(index: Index, vehicle: nouns.Vehicle) -> dict[str, object]:
    return {
        "carrier": index.get(models.Carrier, vehicle.carrier),
        "hub": index.get(models.Hub, vehicle.hub),
        "name": vehicle.name,
        "plate": vehicle.plate,
        "is_trunk": vehicle.trunk,
        "shift_start": vehicle.shift_start,
        "shift_end": vehicle.shift_end,
        "fixed_cost_fen": vehicle.fixed_cost_fen,
        "cost_fen_per_km": vehicle.cost_fen_per_km,
        "cost_fen_per_h": vehicle.cost_fen_per_h,
        "speed_km_h": vehicle.speed_km_h,
    }
