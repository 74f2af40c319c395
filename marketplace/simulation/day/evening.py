"""From 16:00 people come for their parcels: buyers by code at the cabinets, villagers at their stations."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from marketplace.simulation.day import eve, incidents
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.day.timeline import Timeline
from marketplace.simulation.worlds.nouns import Buyer, Station

SIGNATURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><path d='M2 9q5-9 9 0t9 0'/></svg>"


class NotOpened(Exception):
    """A right code opened no door."""


async def play(stage: Stage) -> None:
    """Collections over the evening; the incidents are played around them."""
    played, people = incidents.choose(stage), await recipients(stage)
    timeline = Timeline()
    for number, buyer in enumerate(stage.world.buyers):
        if buyer.key not in played.late_buyers:
            at = stage.at(19, 15) + timedelta(minutes=15 * (number % 3))
            timeline.add(at, buyer.key, partial(collect, stage, buyer, played))
    for number, station in enumerate(stage.world.stations):
        at = stage.at(19, 15) + timedelta(minutes=15 * (number % 2))
        timeline.add(at, station.key, partial(_hand_out, stage, station, people))
    incidents.add(stage, timeline, played, collect)
    await timeline.run(
        jump=stage.clock.jump,
        done=stage.progress("evening", len(timeline)),
        left_out=lambda lane: stage.notebook.incidents.update({lane: "played by an earlier run"}),
    )
    await stage.clock.jump(stage.at(22, 0))


async def collect(stage: Stage, buyer: Buyer, played: "incidents.Played") -> None:
    """Take everything that is ready at the cabinets, with the code that came by message."""
    person = stage.cast.person(f"user:{buyer.key}")
    for order in await person.ask("MyOrders"):
        for part in order["fulfilments"]:
            if part["status"] != "ready" or not part["pickupCode"]:
                continue
            if part["destination"]["kind"] == "cabinet_site":
                device = stage.device(part["destination"]["id"], part["zone"])
                await incidents.before_collecting(stage, played, device, part["pickupCode"])
                await _open(stage, device, part)


async def _open(stage: Stage, device: str, part: dict[str, Any]) -> None:
    answer = await stage.hands.pick_up(device, part["pickupCode"])
    if answer["ok"]:
        return
    if answer["reason"] == "wrong":  # somebody took it a moment ago: parcels of one group share the code
        return
    raise NotOpened(f"{device}: {answer['reason']} for {part['id']}")


@dataclass(frozen=True, slots=True)
class Recipients:
    """What people show at a station's counter, by fulfilment id."""

    villagers: dict[str, str]
    """Who an order for a villager is for."""
    codes: dict[str, str]
    """The pickup code of a buyer who collects at a station."""

    def proof(self, stage: Stage, fulfilment_id: str) -> dict[str, Any] | None:
        """A code, or last four digits and a signature; None for somebody whom this player does not play."""
        if fulfilment_id in self.codes:
            return {"code": self.codes[fulfilment_id], "last4": None, "signature": None}
        if fulfilment_id not in self.villagers:
            return None
        phone = stage.world.villager[self.villagers[fulfilment_id]].phone
        return {"code": None, "last4": phone[-4:] if phone else None, "signature": SIGNATURE}


async def recipients(stage: Stage) -> Recipients:
    """Asked of the API: a station's orders are those of the world in the sequence in which it placed them."""
    villagers: dict[str, str] = {}
    codes: dict[str, str] = {}
    for station in stage.world.stations:
        wanted = eve.in_turn(o for o in stage.world.villager_orders if o.station == station.key)
        placed = await stage.cast.officer(station.key).ask(
            "StationOrders", stationId=stage.id("farmers.station", station.key), first=200
        )
        for order in sorted(placed, key=lambda each: (each["placedAt"], each["number"])):
            bought = {line["productName"] for line in order["lines"]}
            match = next(o for o in wanted if {stage.world.lot[li.lot].product for li in o.lines} == bought)
            wanted.remove(match)
            villagers.update({part["id"]: match.villager for part in order["fulfilments"]})
    for buyer in stage.world.buyers:
        if ":village:" in buyer.key:
            for order in await stage.cast.person(f"user:{buyer.key}").ask("MyOrders"):
                codes.update({p["id"]: p["pickupCode"] for p in order["fulfilments"] if p["pickupCode"]})
    return Recipients(villagers, codes)


async def _hand_out(stage: Stage, station: Station, people: Recipients) -> None:
    """Everything on the shelf goes to whom it is for."""
    officer, station_id = stage.cast.officer(station.key), stage.id("farmers.station", station.key)
    board = await officer.ask("StationBoard", stationId=station_id)
    for row in board["shelf"]:
        proof = people.proof(stage, row["fulfilment"]["id"])
        if proof is not None:
            unit_id = row["unit"]["id"]
            await officer.do("HandOut", unit_id, stationId=station_id, unitId=unit_id, **proof)
