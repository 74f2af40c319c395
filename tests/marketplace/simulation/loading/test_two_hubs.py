"""In the small world goods of orders cross from one hub to the other; the router gives them three legs."""

from pathlib import Path

import pytest

from marketplace.simulation.loading.load import load
from marketplace.simulation.worlds import build
from marketplace.simulation.worlds.nouns import Shipment, World
from routing.models import Leg
from routing.services.shipments.requests import CollectSpec, OptionSpec, ParcelSpec, request_shipment
from routing.states import LegKind, Wave


def crossing(world: World) -> list[Shipment]:
    """Produce of one county's stations for another county's cabinets."""
    hub = {station.place: station.hub for station in world.stations}
    county = {place.key: place.county for place in world.places}
    return [
        item
        for item in world.shipments
        if item.direction == "up"
        and not item.direct
        and {county[place] for place in item.options}.isdisjoint(county[place] for place in item.origins)
        and len({hub[place] for place in item.origins}) == 1
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_orders_cross_two_hubs(seed: int) -> None:
    world = build("test", seed)
    assert len(world.hubs) == 2
    assert sum(vehicle.trunk for vehicle in world.vehicles) == 1
    assert len({item.order for item in crossing(world)}) >= 5


@pytest.mark.django_db
def test_such_an_order_is_collected_at_one_hub_and_delivered_from_the_other(settings, tmp_path: Path) -> None:
    settings.TESTER_CONSOLE, settings.DATA_DIR = True, tmp_path
    world = build("test")
    load(world)
    item = crossing(world)[0]
    source = next(s.hub for s in world.stations if s.place in item.origins)
    target = next(hub.key for hub in world.hubs if hub.key != source)
    request_shipment(
        reference=world.uuid(item.key),
        direction=item.direction,
        hub_uuid=world.uuid(f"places.hub:{source}"),
        deliver_on=world.day,
        parcel=ParcelSpec(
            zone=item.zone,
            size=item.size,
            volume_ml=item.volume_ml,
            weight_g=item.weight_g,
            min_c=-30,
            max_c=40,
            category="food",
            cold_budget_min=item.cold_budget_min,
            value_fen=item.value_fen,
        ),
        options=[OptionSpec(world.uuid(f"places.place:{place}"), k) for k, place in enumerate(item.options)],
        collects=[
            CollectSpec(world.uuid(f"places.place:{place}"), item.weight_g, item.volume_ml)
            for place in item.origins
        ],
    )
    legs = list(Leg.objects.order_by("pk"))
    assert [leg.kind for leg in legs] == [
        *[LegKind.COLLECT] * len(item.origins),
        LegKind.TRUNK,
        LegKind.DELIVER,
    ]
    uuids = {key: world.uuid(f"places.hub:{key}") for key in (source, target)}
    *collects, trunk, deliver = legs
    assert {leg.hub.uuid for leg in collects} == {uuids[source]}
    assert (trunk.hub.uuid, trunk.to_hub.uuid) == (uuids[source], uuids[target])
    assert (deliver.hub.uuid, deliver.wave) == (uuids[target], Wave.TOWN_DELIVERY)
