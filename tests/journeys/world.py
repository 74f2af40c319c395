"""Everybody of a small day, acting through the real schema; a simulated cabinet on an in-memory line.

What is not a person's act here is what the product's own processes do: the drain (`deliver`), the due work,
the planner's task, the ingest process (`Bench.turn`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.test import Client

from catalog.services.cycles import close_due_cycles, open_next_cycles
from lockers.ingest import Ingest
from lockers.models import Cabinet
from lockers.services.devices.simulated import blueprints
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet as SimulatedCabinet
from lockers.simulator.clocks import WorldClock
from lockers.simulator.pickup import Answer, type_code
from lockers.transports.exchange import Exchange
from lockers.transports.port import Message
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Vehicle
from orders.payments.models import Attempt
from routing import tasks
from tests.factories.accounts import make_principal
from tests.factories.graph import data_of
from tests.factories.orders import THURSDAY, WEDNESDAY, Market, deliver
from tests.orders.payments.helpers import Simulator

THURSDAY_MORNING = clock.at(THURSDAY, 6, 30)


def do(mutation: str, principal: Principal, **variables: Any) -> Any:
    """The payload of a mutation that must be done."""
    payload = data_of(mutation, principal, **variables)
    assert payload["errors"] == [], payload["errors"]
    return payload


def refused(mutation: str, principal: Principal, **variables: Any) -> list[tuple[str, str | None]]:
    """(code, field) of each error of a mutation that must be refused."""
    payload = data_of(mutation, principal, **variables)
    assert payload["errors"] != []
    return [(error["code"], error["field"]) for error in payload["errors"]]


@dataclass
class Bench:
    """The market's cabinet, both of its sides, and the physical world between them."""

    cabinet: Cabinet
    simulated: SimulatedCabinet
    ingest: Ingest
    inbox: list[Message]
    world: WorldClock

    @classmethod
    def put_up(cls, cabinet: Cabinet, folder: Path) -> "Bench":
        exchange, inbox = Exchange(), []  # type: ignore[var-annotated]
        end = exchange.connect("ingest")
        ingest = Ingest(end)
        ingest.start()
        end.subscribe("$share/ingest/lk/+/up/+", inbox.append)
        end.subscribe("lk/+/state/+", inbox.append)
        world = WorldClock()
        world.set(clock.now(), frozen=True)
        name = cabinet.device.device
        plain = next(payload for device, payload in blueprints(known={}) if device == name)
        simulated = SimulatedCabinet(Blueprint.from_wire(orjson.loads(plain)), folder, world)
        line = exchange.line(name, on_connect=lambda: simulated.joined())
        simulated.attach(line, simulated.receive)
        simulated.power_on()
        bench = cls(cabinet=cabinet, simulated=simulated, ingest=ingest, inbox=inbox, world=world)
        bench.turn()
        return bench

    def turn(self, times: int = 3) -> None:
        """Let both sides say what they have to say."""
        for _ in range(times):
            self.simulated.tick()
            messages, self.inbox[:] = list(self.inbox), []
            for channel in ("lockers_command", "lockers_config", "business_time"):
                self.ingest._woken.add(channel)
            self.ingest.round(messages)

    def shut(self, door: int) -> None:
        self.simulated.hardware.push_shut(door)
        self.turn()

    def type(self, digits: str) -> Answer:
        with self.simulated.at_screen() as board:
            answer = type_code(board, digits)
        self.turn()
        return answer


@dataclass
class World:
    """The market of tests.factories.orders with its people; time moves only when told."""

    market: Market
    bench: Bench
    simulator: Simulator
    move: Callable[[datetime], None]

    def __post_init__(self) -> None:
        market = self.market
        carrier = Vehicle.objects.filter(hub=market.hub).first().carrier
        self.buyer = market.principal
        self.officer = market.officer
        self.second_officer = make_principal("information_officer", "station", market.second.uuid)
        self.packer = market.packer
        self.town_operator = make_principal("hub_operator", "hub", market.town.uuid)
        self.courier = make_principal("courier", "carrier", carrier.uuid)

    def at(self, moment: datetime) -> None:
        """Business time, for the server and for the cabinet's world; then what was due by then."""
        self.move(moment)
        self.bench.world.set(moment, frozen=True)
        self.bench.turn()
        self.settle()
        self.bench.turn()  # what the server decided reaches the cabinet

    def settle(self) -> None:
        """Drain and due work until nothing is left to do."""
        open_next_cycles()
        while deliver() + len(close_due_cycles()):
            pass

    # --- the buyer

    def order(self, *lines: tuple[UUID, int], place: UUID | None = None) -> dict[str, Any]:
        """Cart, place, agreed maximum, order; not paid yet."""
        for lot, quantity in lines:
            do(SET_CART_LINE, self.buyer, lot=str(lot), quantity=quantity)
        cart = data_of("{ cart { totalMaxFen } }", self.buyer)
        wanted = str(place or self.market.place.uuid)
        choices = data_of(PICKUP_CHOICES, self.buyer)["choices"]
        choice = next(row for row in choices if row["place"]["id"] == wanted)
        assert choice["feasible"], choice["reason"]
        return do(
            PLACE_ORDER, self.buyer, place=wanted, max=cart["totalMaxFen"] + choice["feeFen"], any=False
        )["order"]

    def pay(self, order: dict[str, Any]) -> None:
        """In the browser, at the provider; only the signed notification makes it known."""
        assert self.read(order)["paymentStatus"] == "open"
        self.simulator.pay(order["payUrl"])
        mine = set(
            Attempt.objects.filter(intent__group__reference=order["id"]).values_list(
                "out_trade_no", flat=True
            )
        )
        for note in self.simulator.shown("notifications"):
            if note["about"] in mine:  # the provider's process also serves other tests
                answer = Client().post(
                    "/payments/alipay/notify",
                    data=note["body"],
                    content_type="application/x-www-form-urlencoded",
                )
                assert answer.content == b"success"
        self.settle()

    def read(self, order: dict[str, Any]) -> Any:
        return data_of(ORDER, self.buyer, id=order["id"])

    # --- the planner's task

    def plan(self, hub: Hub, wave: str) -> None:
        tasks.plan_wave(str(hub.uuid), THURSDAY.isoformat(), wave, seconds=1)
        self.settle()

    # --- stations

    def weigh(self, lot: UUID, gross_g: int, *, officer: Principal | None = None, station: Any = None) -> Any:
        return do(
            WEIGH_IN,
            officer or self.officer,
            station=str((station or self.market.station).uuid),
            lot=str(lot),
            gross=gross_g,
            tare=1_000,
        )["weighIn"]

    # --- couriers

    def drive(self, wave: str, at_stop: Callable[[dict[str, Any]], None]) -> None:
        """Every route of a wave, from loading to the last empty crate."""
        routes = [route for route in data_of(MY_ROUTES, self.courier) if route["wave"] == wave]
        assert routes, f"no route in {wave}"
        for route in routes:
            units = [unit["id"] for unit in route["expected"]]
            if units:
                loaded = do(LOAD_ROUTE, self.courier, route=route["id"], units=units)
                assert loaded["missing"] == []
            do(DEPART, self.courier, route=route["id"])
            for stop in route["stops"]:
                do(ARRIVE, self.courier, stop=stop["id"])
                at_stop(self.stop(route["id"], stop["id"]))
                do(COMPLETE, self.courier, stop=stop["id"])
            do(FINISH, self.courier, route=route["id"])
        self.settle()

    def stop(self, route: str, stop: str) -> dict[str, Any]:
        found = data_of(ROUTE, self.courier, id=route)
        return next(row for row in found["stops"] if row["id"] == stop)

    def serve_station(self, stop: dict[str, Any]) -> None:
        """Hand over what is for the station, take what waits there."""
        if stop["toDrop"]:
            do(HAND_OVER, self.courier, stop=stop["id"], units=[unit["id"] for unit in stop["toDrop"]])
        if stop["toCollect"]:
            do(COLLECT, self.courier, stop=stop["id"], units=[unit["id"] for unit in stop["toCollect"]])

    def serve_cabinet(self, stop: dict[str, Any]) -> None:
        """Open a door for each parcel, put it in, shut the door, say so."""
        for unit in stop["toDrop"]:
            opened = do(OPEN, self.courier, stop=stop["id"], unit=unit["id"], weight=unit["grossG"])["drop"]
            self.bench.turn()
            assert data_of(DROP, self.courier, id=opened["id"])["status"] == "open"
            self.bench.shut(opened["door"])
            assert do(CONFIRM, self.courier, drop=opened["id"])["drop"]["status"] == "deposited"
        self.bench.turn()
        self.settle()

    # --- hubs

    def consolidate(self, short_g: int = 0) -> None:
        """Portion every line of every open fulfilment from the crates that the board shows."""
        board = data_of(HUB_BOARD, self.packer, hub=str(self.market.hub.uuid), date=THURSDAY.isoformat())
        for row in board["toConsolidate"]:
            portions = [
                {
                    "lineId": line["id"],
                    "unitId": _crate_of(row["crates"], line["lot"]["id"]),
                    "netWeightG": _net_g(line) - short_g,
                }
                for line in row["lines"]
            ]
            do(PACK, self.packer, fulfilment=row["fulfilment"]["id"], portions=portions)
        self.settle()

    def trunk(self) -> None:
        hubs = {"source": str(self.market.hub.uuid), "target": str(self.market.town.uuid)}
        do(DISPATCH_TRUNK, self.packer, date=THURSDAY.isoformat(), **hubs)
        do(RECEIVE_TRUNK, self.town_operator, hub=hubs["target"], date=THURSDAY.isoformat())


def _crate_of(crates: list[dict[str, Any]], lot: str) -> str:
    return next(crate["id"] for crate in crates if lot in [content["id"] for content in crate["contents"]])


def _net_g(line: dict[str, Any]) -> int:
    product = line["lot"]["product"]
    return line["quantity"] * (product["unitNetG"] if product["unit"] == "piece" else 1)


def produce_way(world: World) -> None:
    """Thursday from the van at the village to the town's cabinet, for whatever was weighed in."""
    world.drive("village_loop", world.serve_station)
    world.at(clock.at(THURSDAY, 13))
    world.consolidate()
    world.at(clock.at(THURSDAY, 14, 30))
    world.trunk()
    world.at(clock.at(THURSDAY, 15))
    world.drive("town_delivery", world.serve_cabinet)


def plan_thursday(world: World) -> None:
    """The cut-off of Wednesday passes, and at 19:00 the planner's tasks run."""
    world.at(clock.at(WEDNESDAY.date(), 18))
    world.at(clock.at(WEDNESDAY.date(), 19))
    for hub, wave in (
        (world.market.hub, "village_loop"),
        (world.market.town, "town_delivery"),
    ):
        world.plan(hub, wave)


HOURS = timedelta(hours=1)
ERRORS = "errors { code field message }"
AGREE = f"mutation Agree($place: ID!) {{ giveDeliveryConsent(placeId: $place) {{ {ERRORS} }} }}"
SET_CART_LINE = f"""mutation Set($lot: ID!, $quantity: Int!) {{
    setCartLine(lotId: $lot, quantity: $quantity) {{ cart {{ totalMaxFen }} {ERRORS} }} }}"""
PICKUP_CHOICES = "{ pickupChoices { choices { feasible reason feeFen zones place { id name } } } }"
PLACE_ORDER = f"""mutation Place($place: ID, $max: Int!, $any: Boolean) {{
    placeOrder(placeId: $place, any: $any, agreedMaxFen: $max) {{
        order {{ id number status payUrl totalMaxFen }} {ERRORS} }} }}"""
ORDER = """query One($id: ID!) { order(id: $id) {
    id number status paymentStatus totalMaxFen paidFen refundedFen
    lines { id status quantity maxAmountFen actualWeightG finalAmountFen refundedFen }
    fulfilments { id status held zone compartment pickupCode pickupQr holdUntil destination { id name }
        unit { code holder { kind } } } } }"""
WEIGH_IN = f"""mutation Weigh($station: ID!, $lot: ID!, $gross: Int!, $tare: Int!) {{
    weighIn(stationId: $station, lotId: $lot, grossG: $gross, tareG: $tare) {{
        weighIn {{ netG difference unit {{ id code }} }} {ERRORS} }} }}"""
MY_ROUTES = """{ myRoutes { id wave status stops { id place { id kind } }
    expected { id code } } }"""
ROUTE = """query One($id: ID!) { route(id: $id) { stops { id place { id kind }
    toDrop { id code grossG } toCollect { id code } } } }"""
LOAD_ROUTE = f"""mutation Load($route: ID!, $units: [ID!]!) {{
    loadRoute(routeId: $route, unitIds: $units) {{ missing {{ id }} {ERRORS} }} }}"""
DEPART = f"mutation Go($route: ID!) {{ departRoute(routeId: $route) {{ {ERRORS} }} }}"
ARRIVE = f"mutation Here($stop: ID!) {{ arriveAtStop(stopId: $stop) {{ {ERRORS} }} }}"
COMPLETE = f"mutation Done($stop: ID!) {{ completeStop(stopId: $stop) {{ {ERRORS} }} }}"
FINISH = f"mutation Back($route: ID!) {{ finishRoute(routeId: $route) {{ {ERRORS} }} }}"
HAND_OVER = f"""mutation Give($stop: ID!, $units: [ID!]!) {{
    handOverUnits(stopId: $stop, unitIds: $units) {{ {ERRORS} }} }}"""
COLLECT = f"""mutation Take($stop: ID!, $units: [ID!]!) {{
    collectUnits(stopId: $stop, unitIds: $units) {{ {ERRORS} }} }}"""
OPEN = f"""mutation Open($stop: ID!, $unit: ID!, $weight: Int!) {{
    openCompartment(stopId: $stop, unitId: $unit, damaged: false, weightG: $weight, temperatureC: 3.5) {{
        drop {{ id status door compartment }} {ERRORS} }} }}"""
DROP = "query Drop($id: ID!) { drop(id: $id) { status } }"
CONFIRM = f"mutation In($drop: ID!) {{ confirmDrop(dropId: $drop) {{ drop {{ status }} {ERRORS} }} }}"
HUB_BOARD = """query Board($hub: ID!, $date: Date) { hubBoard(hubId: $hub, date: $date) {
    toPackDown { shipmentId grossG quantity product { name } }
    toConsolidate { fulfilment { id } crates { id contents { id } }
        lines { id quantity lot { id product { unit unitNetG } } } }
    units { id code kind } } }"""
PACK = f"""mutation Pack($fulfilment: ID!, $portions: [PortionInput!]!) {{
    packFulfilment(fulfilmentId: $fulfilment, portions: $portions) {{ unit {{ code }} {ERRORS} }} }}"""
PACK_DOWN = f"""mutation Pack($shipment: ID!, $weight: Int!) {{
    packShipment(shipmentId: $shipment, weightG: $weight) {{ unit {{ id code }} {ERRORS} }} }}"""
DISPATCH_TRUNK = f"""mutation Send($source: ID!, $target: ID!, $date: Date!) {{
    dispatchTrunk(fromHubId: $source, toHubId: $target, date: $date) {{ units {{ code }} {ERRORS} }} }}"""
RECEIVE_TRUNK = f"""mutation Receive($hub: ID!, $date: Date!) {{
    receiveTrunk(hubId: $hub, date: $date) {{ units {{ code }} {ERRORS} }} }}"""
STATION_BOARD = """query Board($id: ID!) { stationBoard(stationId: $id) { cashFloatFen
    harvest { orderedQuantity orders weighedG product { name } }
    shelf { unit { id } recipientMasked fulfilment { id } } toPack { fulfilment { id }
        lines { id quantity lot { id product { unit unitNetG } } } crates { id contents { id } } } } }"""
HAND_OUT = f"""mutation Out($station: ID!, $unit: ID!, $code: String, $last4: String, $signature: String) {{
    handOut(stationId: $station, unitId: $unit, code: $code, last4: $last4, signature: $signature) {{
        fulfilment {{ status }} {ERRORS} }} }}"""
FOR_VILLAGER = f"""mutation For($station: ID!, $villager: ID!, $lines: [LineInput!]!, $payment: String!) {{
    orderForVillager(stationId: $station, villagerId: $villager, lines: $lines, payment: $payment) {{
        order {{ id number status totalMaxFen }} {ERRORS} }} }}"""
STATEMENT = """query Of($kind: String!, $id: ID!) { statement(ownerKind: $kind, ownerId: $id) {
    closingFen lines { kind amountFen reference } } }"""
REFUND = f"""mutation Refund($line: ID!, $amount: Int!, $reason: String!) {{
    refundLine(lineId: $line, amountFen: $amount, reason: $reason) {{
        refund {{ amountFen status }} {ERRORS} }} }}"""
UNIT = """query Unit($code: String!) { unit(code: $code) {
    history { fromHolder { kind } toHolder { kind } } } }"""
