"""What goes wrong on purpose: a wrong code, a keypad that locks, a cabinet that warms up, a spoiled fruit."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from marketplace.kernel.temperature import Zone
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.day.timeline import Timeline
from marketplace.simulation.worlds.nouns import Buyer, Cabinet

#: names of the incidents in the summary, and their lanes on the timeline
WRONG_CODE, LOCK_OUT, CLAIM, WARM = "wrong_code", "lock_out", "claim", "warm_cabinet"
#: five errors are free, the sixth locks the keypad for a minute
WRONG_CODES = 6
WARM_FROM, WARM_MINUTES, LOOK_EVERY = (20, 30), 60, 10
LATE_BUYERS = 3
#: what a claim for bad fruit gives back, in percent of the line
CLAIM_PERCENT = 10

Collect = Callable[[Stage, Buyer, "Played"], Awaitable[None]]


@dataclass(slots=True)
class Played:
    """Which cabinets and buyers the incidents happen to; the same for the same world."""

    wrong_code_at: str
    locked_at: str
    warm: Cabinet
    late_buyers: frozenset[str]
    done: set[str] = field(default_factory=set)


class NotAsExpected(Exception):
    """The product did not answer an incident as it should."""


def choose(stage: Stage) -> Played:
    """The keypad incidents at two parcel lockers, the warmth at the last cold cabinet of the world."""
    world = stage.world
    parcel = [cabinet for cabinet in world.cabinets if cabinet.kind == "parcel"]
    cold = [cabinet for cabinet in world.cabinets if cabinet.kind == "cold"]
    place = {site.key: site.place for site in world.sites}
    warm = cold[-1]
    chilled = [
        order.buyer
        for order in world.buyer_orders
        if order.places[0] == place[warm.site]
        and any(world.product[world.lot[line.lot].product].zone is Zone.CHILLED for line in order.lines)
    ]
    late = frozenset(sorted(set(chilled))[:LATE_BUYERS])
    return Played(parcel[-1].device, parcel[-2].device, warm, late)


async def before_collecting(stage: Stage, played: Played, device: str, code: str) -> None:
    """At one cabinet somebody mistypes the code before he types it right."""
    if device == played.wrong_code_at and WRONG_CODE not in played.done:
        played.done.add(WRONG_CODE)
        await _slip(stage, device, code)
        stage.notebook.incidents[WRONG_CODE] = f"{device}: refused, no door opened"


async def _slip(stage: Stage, device: str, code: str) -> None:
    answer = await stage.hands.pick_up(device, wrong(code, 1))
    if answer["ok"] or answer["doors"]:
        raise NotAsExpected(f"{device}: a wrong code opened {answer['doors']}")


def wrong(code: str, by: int) -> str:
    """Another code of eight digits."""
    return f"{(int(code) + by) % 100_000_000:08d}"


def add(stage: Stage, timeline: Timeline, played: Played, collect: Collect) -> None:
    """Put the incidents with times of their own on the evening's timeline."""
    timeline.add(stage.at(20, 5), LOCK_OUT, partial(_lock_out, stage, played), once=True)
    timeline.add(stage.at(20, 10), CLAIM, partial(_claim, stage))
    warms_at = stage.at(*WARM_FROM)
    timeline.add(warms_at, WARM, partial(_warm_up, stage, played, on=True), once=True)
    for minutes in range(LOOK_EVERY, WARM_MINUTES, LOOK_EVERY):
        timeline.add(warms_at + timedelta(minutes=minutes), WARM, _look)
    end = warms_at + timedelta(minutes=WARM_MINUTES)
    timeline.add(end, WARM, partial(_held, stage, played), once=True)
    for buyer in stage.world.buyers:
        if buyer.key in played.late_buyers:
            timeline.add(end + timedelta(minutes=10), buyer.key, partial(collect, stage, buyer, played))


async def _look() -> None:
    """Nothing to do: the jump lets the probes speak."""


async def _lock_out(stage: Stage, played: Played) -> None:
    """Somebody tries codes; the keypad locks, and says so also to a right one. QR and couriers still open."""
    for attempt in range(WRONG_CODES):
        answer = await stage.hands.pick_up(played.locked_at, f"{10_000_000 + attempt}")
        if answer["ok"]:
            raise NotAsExpected(f"{played.locked_at}: a guess opened a door")
    answer = await stage.hands.pick_up(played.locked_at, "10000099")
    if answer["reason"] != "locked":
        raise NotAsExpected(f"{played.locked_at}: {answer['reason']} after {WRONG_CODES} wrong codes")
    stage.notebook.incidents[LOCK_OUT] = f"{played.locked_at}: locked after {WRONG_CODES} wrong codes"


async def _warm_up(stage: Stage, played: Played, *, on: bool) -> None:
    await stage.cast.tester.ask(
        "CabinetFault",
        cabinetId=stage.id("lockers.cabinet", played.warm.key),
        fault="warm_up",
        on=on,
    )


async def _held(stage: Stage, played: Played) -> None:
    """Half an hour too warm: the cabinet holds what lies in it; an operator decides, then it cools again."""
    cabinet_id = stage.id("lockers.cabinet", played.warm.key)
    county = next(s for s in stage.world.sites if s.key == played.warm.site)
    operator = stage.cast.cabinet_operator(stage.world.place[county.place].county)
    breaches = [b for b in await operator.ask("Breaches") if b["assetId"] == cabinet_id]
    if not breaches:
        raise NotAsExpected(f"{played.warm.device}: warm for {WARM_MINUTES} min and no breach")
    held = [reference for breach in breaches for reference in breach["heldReferences"]]
    undecided = [breach for breach in breaches if not breach["decision"]]
    if len(undecided) == len(breaches):
        await _refuse_held(stage, played, set(held))
    for breach in undecided:
        await operator.ask("ReleaseHeldParcels", breachId=breach["id"], decision="discard")
    await _warm_up(stage, played, on=False)
    zones = ", ".join(sorted({breach["zone"] for breach in breaches}))
    stage.notebook.incidents[WARM] = f"{played.warm.device} ({zones}): {len(held)} parcels held"


async def _refuse_held(stage: Stage, played: Played, held: set[str]) -> None:
    """A held parcel's page says so and shows no code."""
    for buyer in stage.world.buyers:
        if buyer.key not in played.late_buyers:
            continue
        for order in await stage.cast.person(f"user:{buyer.key}").ask("MyOrders"):
            for part in order["fulfilments"]:
                if part["id"] in held and (not part["held"] or part["pickupCode"]):
                    raise NotAsExpected(f"{part['id']}: held, and its buyer was not told")


async def _claim(stage: Stage) -> None:
    """Somebody finds bad fruit: a part of one collected line goes back, to the fen."""
    order = await _collected_order(stage)
    if order is None:
        raise NotAsExpected("nobody has collected anything to complain about")
    line = next(each for each in order["lines"] if each["status"] == "collected")
    amount_fen = max(1, line["finalAmountFen"] * CLAIM_PERCENT // 100)
    await stage.cast.platform.do(
        "RefundLine", line["id"], lineId=line["id"], amountFen=amount_fen, reason="坏果包赔"
    )
    stage.notebook.incidents[CLAIM] = f"order {order['number']}: {amount_fen} fen back for one line"


async def _collected_order(stage: Stage) -> dict[str, Any] | None:
    """The first order of the world with a collected line: the same one after a restart."""
    for buyer in stage.world.buyers:
        person = stage.cast.person(f"user:{buyer.key}")
        for order in sorted(await person.ask("MyOrders"), key=lambda each: str(each["number"])):
            if any(part["status"] == "collected" for part in order["fulfilments"]):
                found: dict[str, Any] = await person.ask("Order", id=order["id"])
                if any(line["status"] == "collected" for line in found["lines"]):
                    return found
    return None
