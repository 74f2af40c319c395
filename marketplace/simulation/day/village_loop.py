"""The morning: hubs pack for the villages, farmers bring crates to stations, vans drive the village loop."""

from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any

from marketplace.simulation.day import tours
from marketplace.simulation.day.packing import Crates
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.day.timeline import Timeline
from marketplace.simulation.worlds.draw import stream
from marketplace.simulation.worlds.nouns import Station

#: farmers come this long before the van
BEFORE_VAN = timedelta(minutes=30)
CRATE_NET_G, TARE_G = 25_000, 1_900
#: loose goods come in this much off what was ordered, in per mille; one lot in four falls short
_LOOSE_PER_MILLE, _SHORT_PER_MILLE, _PIECES_PER_MILLE = (5, 40), (-60, -30), (0, 10)
_SHORT_LOTS = 0.25
#: fresh goods arrive as cool as the morning
_MORNING_C = {"frozen": -18.5, "chilled": 3.5, "cool": 13.0}


async def play(stage: Stage) -> None:
    timeline = Timeline()
    for hub in stage.world.hubs:
        timeline.add(stage.at(5, 30), f"pack:{hub.key}", partial(_pack_down, stage, hub.key))
    routes = await tours.routes(stage, "village_loop")
    first_van = _first_van(routes)
    for station in stage.world.stations:
        van_at = first_van.get(stage.id("places.place", station.place))
        comes_at = max(stage.at(6, 30), van_at - BEFORE_VAN) if van_at else stage.at(9, 0)
        timeline.add(comes_at, station.key, partial(_bring, stage, station))
    for route in routes:
        tours.add(stage, timeline, route)
    await timeline.run(jump=stage.clock.jump, done=stage.progress("village loop", len(timeline)))


def _first_van(routes: list[dict[str, Any]]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for route in routes:
        for stop in route["stops"]:
            at, place = datetime.fromisoformat(stop["arrivesAt"]), stop["place"]["id"]
            found[place] = min(at, found.get(place, at))
    return found


async def _pack_down(stage: Stage, hub: str) -> None:
    """One parcel per shipment for the villages, weighed for its label."""
    operator = stage.cast.hub_operator(hub)
    board = await operator.ask(
        "HubBoard", hubId=stage.id("places.hub", hub), date=stage.world.day.isoformat()
    )
    for shipment_id, gross_g in {row["shipmentId"]: row["grossG"] for row in board["toPackDown"]}.items():
        await operator.do("PackShipment", shipment_id, shipmentId=shipment_id, weightG=gross_g)


async def _bring(stage: Stage, station: Station) -> None:
    """Weigh every crate in, then pack what rides directly to another station."""
    officer = stage.cast.officer(station.key)
    station_id = stage.id("farmers.station", station.key)
    board = await officer.ask("StationBoard", stationId=station_id)
    for row in board["harvest"]:
        if row["day"] == stage.world.day.isoformat():
            await _weigh_in(stage, station, row)
    board = await officer.ask("StationBoard", stationId=station_id)
    crates = Crates(board["toPack"])
    for row in board["toPack"]:
        fulfilment_id = row["fulfilment"]["id"]
        await officer.do(
            "PackFulfilment", fulfilment_id, fulfilmentId=fulfilment_id, portions=crates.portions(row)
        )


async def _weigh_in(stage: Stage, station: Station, row: dict[str, Any]) -> None:
    """Crates of at most 25 kg; those that the scale has seen already are left alone."""
    lot = row["lot"]
    net_g = brought_g(row)
    count = -(-net_g // CRATE_NET_G)
    crates = [net_g // count + (number < net_g % count) for number in range(count)]
    for number, (net, so_far) in enumerate(zip(crates, accumulate(crates), strict=True)):
        if so_far <= row["weighedG"]:
            continue
        await stage.cast.officer(station.key).do(
            "WeighIn",
            f"{lot['id']}:{number}",
            stationId=stage.id("farmers.station", station.key),
            lotId=lot["id"],
            grossG=net + TARE_G,
            tareG=TARE_G,
            temperatureC=_MORNING_C.get(lot["zone"]),
        )


def brought_g(row: dict[str, Any]) -> int:
    """Grams that the farmer brings of a lot: enough pieces always, loose goods sometimes short."""
    rng = stream("harvest", row["lot"]["id"])
    if row["lot"]["product"]["unit"] == "piece":
        off = rng.randint(*_PIECES_PER_MILLE)
    else:
        off = rng.randint(*(_SHORT_PER_MILLE if rng.random() < _SHORT_LOTS else _LOOSE_PER_MILLE))
    return max(1, int(row["orderedG"]) * (1000 + off) // 1000)
