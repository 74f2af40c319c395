"""The eve: stations list the harvest, buyers and villagers order and pay, at 18:00 the cycle closes."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from marketplace.simulation.day.api import Refused
from marketplace.simulation.day.cast import Person
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.day.timeline import Timeline
from marketplace.simulation.worlds.nouns import BuyerOrder, Farmer, Lot, VillagerOrder

#: refusals that a customer meets and a shop survives; anything else is a fault of ours
_TURNED_AWAY = frozenset({"out_of_stock", "no_room", "too_late", "past_cut_off", "not_orderable"})
_CHECKED = frozenset({"cooperative", "company", "trader"})


class NotPlanned(Exception):
    """The evening passed and a wave has no published plan."""


async def play(stage: Stage) -> None:
    """Everything until the plans stand. Acts before the present business time were done by an earlier run."""
    listing, ordering = _listing(stage), Timeline()
    total = len(stage.world.lots) + len(stage.world.buyer_orders) + len(stage.world.villager_orders)
    done = stage.progress("eve", total)
    if await stage.clock.now() < stage.at(18, 0, eve=True):  # later an order would be one for another day
        await listing.run(jump=stage.clock.jump, done=done)
        lots = await _lot_ids(stage)
        _villagers(stage, ordering, lots)
        _buyers(stage, ordering, lots)
        await ordering.run(jump=stage.clock.jump, done=done)
    await stage.clock.jump(stage.at(18, 0, eve=True))
    await stage.clock.jump(stage.at(19, 0, eve=True))
    await stage.clock.jump(stage.at(21, 0, eve=True))
    await _require_plans(stage)
    done(total)


async def _require_plans(stage: Stage) -> None:
    """By 21:00 the plans are published: village loops where there are stations, town deliveries."""
    waves = set()
    for hub in stage.world.hubs:
        plans = await stage.cast.dispatcher(hub.key).ask(
            "Plans", hubId=stage.id("places.hub", hub.key), date=stage.world.day.isoformat()
        )
        waves |= {(hub.key, plan["wave"]) for plan in plans if plan["status"] == "published"}
    expected = {(station.hub, "village_loop") for station in stage.world.stations}
    expected |= {(site.hub, "town_delivery") for site in stage.world.sites}
    if not expected <= waves:
        raise NotPlanned(", ".join(f"{hub} {wave}" for hub, wave in sorted(expected - waves)))


# -- listing -----------------------------------------------------------------------------------------------


def _listing(stage: Stage) -> Timeline:
    timeline = Timeline()
    farmers = {farmer.key: farmer for farmer in stage.world.farmers}
    for number, lot in enumerate(each for each in stage.world.lots if each.station):
        at = stage.at(9, 0, eve=True) + timedelta(minutes=30 * (number % 3))
        timeline.add(at, lot.station or "", partial(_list_lot, stage, lot, farmers[lot.seller]))
    return timeline


async def _list_lot(stage: Stage, lot: Lot, farmer: Farmer) -> None:
    """代卖: the officer records the farmer's consent where none is on file, then lists his harvest."""
    assert lot.station is not None
    officer = stage.cast.officer(lot.station)
    station_id = stage.id("farmers.station", lot.station)
    farmer_id = stage.id("farmers.farmer", farmer.key)
    if not farmer.consent_on_file:
        await officer.do(
            "RecordAgentConsent",
            farmer.key,
            kind="agent_sale",
            farmerId=farmer_id,
            villagerId=None,
            stationId=station_id,
            evidenceKind="printed_form",
        )
    products = await _product_ids(stage)
    await officer.do(
        "ListLot",
        lot.key,
        productId=products[lot.product],
        farmerId=farmer_id,
        stationId=station_id,
        quantity=lot.quantity,
        priceFen=lot.price_fen,
        harvestedOn=lot.harvested_on.isoformat(),
        certificate=_certificate(stage, lot, farmer),
        senderAgreement=True,
    )


def _certificate(stage: Stage, lot: Lot, farmer: Farmer) -> dict[str, str] | None:
    """承诺达标合格证 by own control, where category and seller kind ask for it."""
    if not stage.world.product[lot.product].needs_certificate or farmer.seller_kind not in _CHECKED:
        return None
    return {
        "basis": "quality_control",
        "issuedOn": lot.harvested_on.isoformat(),
        "contact": farmer.phone,
        "origin": stage.world.station[lot.station or ""].name,
    }


async def _product_ids(stage: Stage) -> dict[str, str]:
    if not stage.products:
        rows = await stage.cast.platform.ask("Products", direction="up")
        stage.products.update({row["name"]: row["id"] for row in rows})
    return stage.products


async def _lot_ids(stage: Stage) -> dict[str, str]:
    """Lot key -> id, as the shop shows them."""
    world, found = stage.world, {}
    for station in world.stations:
        rows = await stage.cast.officer(station.key).ask(
            "StationLots", stationId=stage.id("farmers.station", station.key)
        )
        shown = {(row["seller"]["id"], row["product"]["name"]): row["id"] for row in rows}
        for lot in world.lots:
            if lot.station == station.key:
                found[lot.key] = shown[stage.id("farmers.farmer", lot.seller), lot.product]
    stock = await _stock(stage)
    for lot in world.lots:
        if lot.station is None:
            found[lot.key] = stock[stage.id("places.place", world.hub[lot.hub].place), lot.product]
    return found


async def _stock(stage: Stage) -> dict[tuple[str, str], str]:
    """(hub's place, product) -> lot id of the goods that go down."""
    found: dict[tuple[str, str], str] = {}
    after = None
    while True:
        page = await stage.cast.platform.ask("DownLots", first=100, after=after)
        found.update({(row["origin"]["id"], row["product"]["name"]): row["id"] for row in page["nodes"]})
        after = page["endCursor"]
        if not page["hasNext"]:
            return found


# -- villagers ---------------------------------------------------------------------------------------------


def _villagers(stage: Stage, timeline: Timeline, lots: dict[str, str]) -> None:
    for order in in_turn(stage.world.villager_orders):
        at = stage.at(10, 30, eve=True) + timedelta(minutes=90 * turn_of(order))
        timeline.add(at, order.station, partial(_order_for_villager, stage, order, lots))


def turn_of(order: VillagerOrder) -> int:
    """In which of five rounds of the day a villager comes to his station."""
    return int(order.key.rpartition(":")[2]) % 5


def in_turn(orders: Iterable[VillagerOrder]) -> list[VillagerOrder]:
    """Orders in the sequence in which their station places them."""
    return sorted(orders, key=lambda order: (turn_of(order), order.key))


async def _order_for_villager(stage: Stage, order: VillagerOrder, lots: dict[str, str]) -> None:
    """代买: the officer orders; the villager pays him in cash, or by Alipay on his own telephone."""
    officer, station_id = stage.cast.officer(order.station), stage.id("farmers.station", order.station)
    villager_id = stage.id("farmers.villager", order.villager)
    if not stage.world.villager[order.villager].consent_on_file:
        await officer.do(
            "RecordAgentConsent",
            order.villager,
            kind="agent_purchase",
            farmerId=None,
            villagerId=villager_id,
            stationId=station_id,
            evidenceKind="printed_form",
        )
    try:
        answer = await officer.do(
            "OrderForVillager",
            order.key,
            stationId=station_id,
            villagerId=villager_id,
            lines=[{"lotId": lots[line.lot], "quantity": line.quantity} for line in order.lines],
            payment=order.payment,
            alsoPlaceIds=[stage.id("places.place", place) for place in order.also_at],
        )
    except Refused as refused:
        _turn_away(stage, order.key, refused)
        return
    if order.payment == "alipay":
        await _pay(stage, officer, answer["order"])


# -- buyers ------------------------------------------------------------------------------------------------


def _buyers(stage: Stage, timeline: Timeline, lots: dict[str, str]) -> None:
    """Each buyer's orders one after another, over the afternoon."""
    placed: dict[str, int] = {}
    for order in stage.world.buyer_orders:
        number = placed.get(order.buyer, 0)
        placed[order.buyer] = number + 1
        at = stage.at(12, 0, eve=True) + timedelta(minutes=100 * min(number, 3))
        timeline.add(at, order.buyer, partial(_order, stage, order, number, lots))


async def _order(stage: Stage, order: BuyerOrder, number: int, lots: dict[str, str]) -> None:
    """Fill the cart, look where it can go, choose, pay. `number`: orders that he placed before."""
    buyer = stage.cast.person(f"user:{order.buyer}")
    earlier = sorted(await buyer.ask("MyOrders"), key=lambda each: (each["placedAt"], each["number"]))
    if len(earlier) > number:
        await _pay(stage, buyer, earlier[number])
        return
    for line in order.lines:
        cart = (await buyer.ask("SetCartLine", lotId=lots[line.lot], quantity=line.quantity))["cart"]
    choices = {c["place"]["id"]: c for c in (await buyer.ask("PickupChoices"))["choices"]}
    places = [stage.id("places.place", place) for place in order.places]
    open_to = [place for place in places if place in choices and choices[place]["feasible"]]
    try:
        if not open_to:
            reason = choices.get(places[0], {}).get("reason") or "not_offered"
            raise Refused("PickupChoices", "no_room", "placeId", reason)
        answer = await buyer.do("PlaceOrder", order.key, **_choice(open_to, choices, cart["totalMaxFen"]))
    except Refused as refused:
        _turn_away(stage, order.key, refused)
        await _empty_cart(stage, order, lots)
        return
    await _pay(stage, buyer, answer["order"])


def _choice(open_to: list[str], choices: dict[str, Any], goods_fen: int) -> dict[str, Any]:
    """This place where one is open, else any of his, at most at the price of the dearest."""
    agreed_fen = goods_fen + max(choices[place]["feeFen"] for place in open_to)
    if len(open_to) == 1:
        return {"placeId": open_to[0], "any": False, "anyPlaceIds": None, "agreedMaxFen": agreed_fen}
    return {"placeId": None, "any": True, "anyPlaceIds": open_to, "agreedMaxFen": agreed_fen}


async def _empty_cart(stage: Stage, order: BuyerOrder, lots: dict[str, str]) -> None:
    buyer = stage.cast.person(f"user:{order.buyer}")
    for line in order.lines:
        await buyer.ask("SetCartLine", lotId=lots[line.lot], quantity=0)


async def _pay(stage: Stage, person: Person, order: dict[str, Any]) -> None:
    """Press "pay" on the cashier's page; the shop hears of it from the gateway, not from us."""
    if order["status"] != "awaiting_payment":
        return
    if not order["payUrl"]:
        order = (await person.ask("PayOrder", orderId=order["id"]))["order"]
    await stage.cashier.pay(order["payUrl"])


def _turn_away(stage: Stage, key: str, refused: Refused) -> None:
    if refused.code not in _TURNED_AWAY:
        raise refused
    stage.notebook.turned_away[key] = refused.code
