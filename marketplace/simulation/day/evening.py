"""From 16:00 people come for their parcels: buyers by code at the cabinets, villagers at their stations."""

from datetime import timedelta
from functools import partial
from typing import Any

from marketplace.simulation.day import incidents
from marketplace.simulation.day.eve import OrderForVillager
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.day.timeline import Timeline
from marketplace.simulation.worlds.nouns import Buyer, Station

SIGNATURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><path d='M2 9q5-9 9 0t9 0'/></svg>"


class NotOpened(Exception):
    """A right code opened no door."""


async def play(stage: Stage) -> None:
    """Collections over the evening; the incidents are played around them."""
    played = incidents.choose(stage)
    timeline = Timeline()
    for number, buyer in enumerate(stage.world.buyers):
        if buyer.key not in played.late_buyers:
            at = stage.at(19, 15) + timedelta(minutes=15 * (number % 3))
            timeline.add(at, buyer.key, partial(collect, stage, buyer, played))
    for number, station in enumerate(stage.world.stations):
        at = stage.at(19, 15) + timedelta(minutes=15 * (number % 2))
        timeline.add(at, station.key, partial(_hand_out, stage, station))
    incidents.add(stage, timeline, played, collect)
    await timeline.run(jump=stage.clock.jump, done=stage.progress("evening", len(timeline)))
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


async def _hand_out(stage: Stage, station: Station) -> None:
    """Everything on the shelf goes to whom it is for: by code, or by last four digits and a signature."""
    officer, station_id = stage.cast.officer(station.key), stage.id("farmers.station", station.key)
    board = await officer.ask("StationBoard", stationId=station_id)
    for row in board["shelf"]:
        proof = await _proof(stage, row["fulfilment"])
        if proof is not None:
            unit_id = row["unit"]["id"]
            await officer.do("HandOut", unit_id, stationId=station_id, unitId=unit_id, **proof)


async def _proof(stage: Stage, fulfilment: dict[str, Any]) -> dict[str, Any] | None:
    """What the recipient shows at the counter; None for goods of somebody whom this player does not play."""
    if fulfilment["way"] == "down":
        villager = (await recipients(stage)).get(fulfilment["id"])
        if villager is None:
            return None
        phone = stage.world.villager[villager].phone
        return {"code": None, "last4": phone[-4:] if phone else None, "signature": SIGNATURE}
    code = (await _codes_at_counters(stage)).get(fulfilment["id"])
    return {"code": code, "last4": None, "signature": None} if code else None


async def recipients(stage: Stage) -> dict[str, str]:
    """Fulfilment id -> villager. The keys of the orders answer again what they answered on the eve."""
    if not stage.villager_of:
        orders = OrderForVillager(stage)
        for order in stage.world.villager_orders:
            answer = await orders.again(order)
            for part in answer["order"]["fulfilments"] if answer else ():
                stage.villager_of[part["id"]] = order.villager
    return stage.villager_of


async def _codes_at_counters(stage: Stage) -> dict[str, str]:
    """Fulfilment id -> pickup code, of buyers who collect at a station."""
    found: dict[str, str] = {}
    for buyer in stage.world.buyers:
        if ":village:" in buyer.key:
            for order in await stage.cast.person(f"user:{buyer.key}").ask("MyOrders"):
                found.update({part["id"]: part["pickupCode"] for part in order["fulfilments"]})
    return found
