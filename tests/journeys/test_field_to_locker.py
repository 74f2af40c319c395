"""From the field to the locker, from the hub to the village: the public API and a real callback."""

from marketplace.custody.models import HandlingUnit
from marketplace.kernel import clock
from marketplace.messages.models import Notice
from marketplace.places.models import Vehicle
from orders.ledger.services import trial_balance
from tests.factories.accounts import make_principal
from tests.factories.graph import data_of
from tests.factories.orders import THURSDAY, make_village_goods
from tests.journeys.world import (
    AGREE,
    FOR_VILLAGER,
    HAND_OUT,
    HUB_BOARD,
    PACK,
    PACK_DOWN,
    REFUND,
    STATEMENT,
    STATION_BOARD,
    THURSDAY_MORNING,
    UNIT,
    WEIGH_IN,
    World,
    do,
    plan_thursday,
    produce_way,
    refused,
)


def books_balance() -> bool:
    return sum(row.amount_fen for row in trial_balance()) == 0


def test_produce_of_two_farmers_reaches_a_locker_in_another_county(world: World) -> None:
    market = world.market
    order = world.order((market.kiwi.uuid, 2), (market.rice.uuid, 1_500))
    world.pay(order)
    paid = world.read(order)
    assert (paid["status"], paid["paymentStatus"], paid["paidFen"]) == ("paid", "succeeded", 8_020)

    plan_thursday(world)
    assert Notice.objects.filter(template="harvest_list").count() == 2
    assert [part["status"] for part in world.read(order)["fulfilments"]] == ["planned", "planned"]

    world.at(THURSDAY_MORNING)
    assert world.weigh(market.kiwi.uuid, 6_300)["difference"] == 300
    world.weigh(market.rice.uuid, 3_000, officer=world.second_officer, station=market.second)
    produce_way(world)

    ready = world.read(order)
    assert [part["status"] for part in ready["fulfilments"]] == ["ready", "ready"]
    for part in ready["fulfilments"]:
        assert part["unit"]["holder"]["kind"] == "cabinet"
        assert len(part["pickupCode"]) == 8
        assert part["pickupQr"]
    assert Notice.objects.filter(template="parcel_ready").count() == 2

    for part in ready["fulfilments"]:
        answer = world.bench.type(part["pickupCode"])
        assert answer.ok
        world.bench.shut(answer.doors[0])
    world.settle()
    done = world.read(order)
    assert done["status"] == "completed"
    assert [part["status"] for part in done["fulfilments"]] == ["collected", "collected"]

    for farmer, earned in ((market.farmer, 5_568), (market.rice.seller, 1_149)):
        statement = data_of(STATEMENT, world.officer if farmer == market.farmer else world.second_officer,
                            kind="farmer", id=str(farmer.uuid))  # fmt: skip
        assert statement["closingFen"] == earned
        assert statement["lines"][0]["reference"] == order["number"]
    station = data_of(STATEMENT, world.officer, kind="station", id=str(market.station.uuid))
    carrier = Vehicle.objects.filter(hub=market.hub).first().carrier
    courier = data_of(STATEMENT, world.courier, kind="courier", id=str(carrier.uuid))
    assert (station["closingFen"], courier["closingFen"]) == (384, 240)
    assert books_balance()


def test_each_hand_over_is_in_the_chain(world: World) -> None:
    market = world.market
    order = world.order((market.kiwi.uuid, 1))
    world.pay(order)
    plan_thursday(world)
    world.at(THURSDAY_MORNING)
    crate = world.weigh(market.kiwi.uuid, 3_500)["unit"]["code"]
    produce_way(world)
    part = world.read(order)["fulfilments"][0]
    answer = world.bench.type(part["pickupCode"])
    world.bench.shut(answer.doors[0])
    world.settle()

    def path(code: str) -> list[str]:
        history = data_of(UNIT, world.packer, code=code)["history"]
        return [step["toHolder"]["kind"] for step in history]

    assert path(crate) == ["farmer", "station", "vehicle", "hub"]
    assert path(part["unit"]["code"]) == ["hub", "vehicle", "hub", "vehicle", "cabinet", "person"]


def test_a_wrong_code_opens_nothing_and_many_lock_the_keypad(world: World) -> None:
    market = world.market
    order = world.order((market.kiwi.uuid, 1))
    world.pay(order)
    plan_thursday(world)
    world.at(THURSDAY_MORNING)
    world.weigh(market.kiwi.uuid, 3_500)
    produce_way(world)
    code = world.read(order)["fulfilments"][0]["pickupCode"]
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    answers = [world.bench.type(wrong) for _ in range(6)]
    assert not any(answer.ok for answer in answers)
    assert answers[-1].reason == "wrong"
    assert world.bench.type(code).reason == "locked"
    world.settle()
    assert world.read(order)["fulfilments"][0]["status"] == "ready"


def test_goods_go_down_on_the_same_loop_and_leave_the_shelf_by_signature(world: World) -> None:
    market = world.market
    villager, goods = make_village_goods(market)
    produce = world.order((market.kiwi.uuid, 1))
    world.pay(produce)
    ordered = do(
        FOR_VILLAGER,
        world.officer,
        station=str(market.station.uuid),
        villager=str(villager.uuid),
        lines=[{"lotId": str(goods.uuid), "quantity": 2}],
        payment="cash",
    )["order"]
    world.settle()
    board = data_of(STATION_BOARD, world.officer, id=str(market.station.uuid))
    assert board["cashFloatFen"] == ordered["totalMaxFen"] == 9_300
    plan_thursday(world)
    world.at(THURSDAY_MORNING)
    world.weigh(market.kiwi.uuid, 3_500)
    hub = data_of(HUB_BOARD, world.packer, hub=str(market.hub.uuid), date=THURSDAY.isoformat())
    (row,) = hub["toPackDown"]
    do(PACK_DOWN, world.packer, shipment=row["shipmentId"], weight=row["grossG"])
    world.drive("village_loop", world.serve_station)

    (item,) = data_of(STATION_BOARD, world.officer, id=str(market.station.uuid))["shelf"]
    assert item["recipientMasked"] == "老* 1******1234"
    out = {"station": str(market.station.uuid), "unit": item["unit"]["id"]}
    assert refused(HAND_OUT, world.officer, **out, last4="9999", signature="周") == [("wrong_code", "last4")]
    given = do(HAND_OUT, world.officer, **out, last4="1234", signature="周")
    assert given["fulfilment"]["status"] == "collected"
    crates = HandlingUnit.objects.filter(kind="crate")
    assert {unit.holder_kind for unit in crates} == {"hub"}  # produce came up on the same loop
    assert books_balance()


def test_weighed_light_comes_back_by_line_and_the_farmers_statement_agrees(world: World) -> None:
    market = world.market
    order = world.order((market.rice.uuid, 1_500))
    world.pay(order)
    plan_thursday(world)
    world.at(THURSDAY_MORNING)
    world.weigh(market.rice.uuid, 3_000, officer=world.second_officer, station=market.second)
    world.drive("village_loop", world.serve_station)
    world.at(clock.at(THURSDAY, 13))
    world.consolidate(short_g=150)
    line = world.read(order)["lines"][0]
    assert (line["actualWeightG"], line["finalAmountFen"], line["refundedFen"]) == (1_350, 1_188, 132)
    world.trunk()
    world.at(clock.at(THURSDAY, 15))
    world.drive("town_delivery", world.serve_cabinet)
    answer = world.bench.type(world.read(order)["fulfilments"][0]["pickupCode"])
    world.bench.shut(answer.doors[0])
    world.settle()
    statement = data_of(STATEMENT, world.second_officer, kind="farmer", id=str(market.rice.seller.uuid))
    # sale less fees, and 120 g of the missing 150 g, which the hub answers for
    assert statement["closingFen"] == 1_188 - 83 - 71 + 106
    platform = make_principal("platform")
    do(REFUND, platform, line=line["id"], amount=1_188, reason="坏果")
    world.settle()
    assert world.read(order)["refundedFen"] == 1_320
    after = data_of(STATEMENT, world.second_officer, kind="farmer", id=str(market.rice.seller.uuid))
    assert after["closingFen"] == 106
    assert books_balance()


def test_a_direct_ride_from_station_to_station_skips_the_hub(world: World) -> None:
    """Packed at the origin station before the van comes; handed over at a later stop of the same loop."""
    market = world.market
    do(AGREE, world.buyer, place=str(market.second.place.uuid))
    order = world.order((market.kiwi.uuid, 1), place=market.second.place.uuid)
    world.pay(order)
    plan_thursday(world)
    world.at(THURSDAY_MORNING)
    crate = do(
        WEIGH_IN,
        world.officer,
        station=str(market.station.uuid),
        lot=str(market.kiwi.uuid),
        gross=3_600,
        tare=1_000,
    )["weighIn"]["unit"]
    (row,) = data_of(STATION_BOARD, world.officer, id=str(market.station.uuid))["toPack"]
    portion = {"lineId": row["lines"][0]["id"], "unitId": crate["id"], "netWeightG": 2_500}
    do(PACK, world.officer, fulfilment=row["fulfilment"]["id"], portions=[portion])
    world.drive("village_loop", world.serve_station)
    part = world.read(order)["fulfilments"][0]
    assert (part["status"], part["destination"]["id"]) == ("ready", str(market.second.place.uuid))
    (item,) = data_of(STATION_BOARD, world.second_officer, id=str(market.second.uuid))["shelf"]
    given = do(
        HAND_OUT,
        world.second_officer,
        station=str(market.second.uuid),
        unit=item["unit"]["id"],
        code=part["pickupCode"],
    )
    assert given["fulfilment"]["status"] == "collected"
    assert world.read(order)["status"] == "completed"
    path = data_of(UNIT, world.packer, code=part["unit"]["code"])["history"]
    assert [step["toHolder"]["kind"] for step in path] == ["station", "vehicle", "station", "person"]
    assert books_balance()
