"""One cart of three farmers: paid at once, a line refunded, a crate sent back; all books right (pain 4)."""

from datetime import timedelta

from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, hand_over
from marketplace.kernel import clock
from marketplace.places.models import Vehicle
from orders.ledger.services import trial_balance
from orders.models import Fulfilment, Line, Payout
from orders.payments.models import PaymentIntent
from orders.payments.services import work_due
from orders.services.fulfilment import arrivals
from orders.services.settlement.payouts import pay_out_due
from tests.factories.accounts import make_principal
from tests.factories.catalog import make_lot, make_product
from tests.factories.farmers import make_farmer
from tests.factories.graph import data_of
from tests.journeys.world import PACK, REFUND, THURSDAY_MORNING, World, do
from tests.orders.services.steps import into_cabinet

RETURN_CRATE = """
mutation($unit: ID!, $why: String!) {
  returnCrate(unitId: $unit, why: $why) { cut errors { code field message } }
}
"""
STATEMENT = """
query($kind: String!, $id: ID!) {
  statement(ownerKind: $kind, ownerId: $id) {
    closingFen lines { title amountFen parts { name amountFen } }
  }
}
"""


def to_the_hub(world: World, weigh_in) -> HandlingUnit:
    unit = HandlingUnit.objects.get(uuid=weigh_in["unit"]["id"])
    van = Vehicle.objects.filter(hub=world.market.hub, is_trunk=False).first()
    for holder in (Holder("vehicle", van.uuid), Holder("hub", world.market.hub.uuid)):
        hand_over(unit=unit, to=holder, place_uuid=world.market.hub.place.uuid)
    return unit


def pack(world: World, part: Fulfilment, crates: dict) -> None:
    lines = part.lines.filter(status="firm")
    portions = [
        {
            "lineId": str(line.uuid),
            "unitId": str(crates[line.lot_id].uuid),
            "netWeightG": line.ordered.net_g,
        }
        for line in lines
    ]
    do(PACK, world.packer, fulfilment=str(part.uuid), portions=portions)


def sums(kind, owner, principal) -> list[int]:
    read = data_of(STATEMENT, principal, kind=kind, id=str(owner.uuid))
    amounts = [line["amountFen"] for line in read["lines"]]
    assert sum(amounts) == read["closingFen"]
    return amounts


def test_three_farmers_one_payment_a_refund_and_a_crate_sent_back(world: World) -> None:
    market = world.market
    third = make_lot(
        product=make_product(unit="g", band=(0, 35), category="蔬菜", name="西红柿"),
        seller=make_farmer(station=market.station),
        station=market.station,
        quantity=20_000,
        price_fen=1_000,
    )
    order = world.order((market.kiwi.uuid, 2), (market.rice.uuid, 1_500), (third.uuid, 2_000))
    intents = PaymentIntent.objects.filter(group__reference=order["id"])
    sellers = {market.farmer.uuid: 6_400, market.rice.seller.uuid: 1_320, third.seller.uuid: 2_000}
    assert {i.merchant_uuid: i.amount_fen for i in intents} == sellers | {None: 300}
    world.pay(order)
    assert world.read(order)["paidFen"] == 10_020

    world.at(THURSDAY_MORNING)
    crates = {
        lot.pk: to_the_hub(world, world.weigh(lot.uuid, gross_g, officer=officer, station=station))
        for lot, gross_g, officer, station in (
            (market.kiwi, 6_000, None, None),
            (market.rice, 2_500, world.second_officer, market.second),
            (third, 3_000, None, None),
        )
    }
    back = do(RETURN_CRATE, world.packer, unit=str(crates[third.pk].uuid), why="运输压坏")
    assert back["cut"] == 1
    for part in Fulfilment.objects.filter(order__uuid=order["id"]).order_by("pk"):
        pack(world, part, crates)
        part.refresh_from_db()
        into_cabinet(market, part, HandlingUnit.objects.get(uuid=part.unit_uuid))
        world.settle()
        arrivals.note_collected(fulfilment_uuid=part.uuid, at=clock.now())
    line = Line.objects.get(order__uuid=order["id"], lot=market.kiwi)
    do(REFUND, make_principal("platform"), line=str(line.uuid), amount=1_000, reason="坏果")

    done = world.read(order)
    assert (done["status"], done["refundedFen"]) == ("completed", 2_000 + 1_000)
    world.move(clock.now() + timedelta(hours=25))
    pay_out_due()
    world.settle()
    for _ in range(3):
        work_due()
        world.settle()

    # 64.00 sold, 10.00 claimed: 7 % platform, 6 % station; the rest was ordered to be paid out
    farmer = make_principal("farmer", "farmer", market.farmer.uuid)
    assert sums("farmer", market.farmer, farmer) == [5_568, -870, -4_698]
    rice = make_principal("farmer", "farmer", market.rice.seller.uuid)
    assert sums("farmer", market.rice.seller, rice) == [1_320 - 92 - 79, -(1_320 - 92 - 79)]
    assert sums("farmer", third.seller, make_principal("farmer", "farmer", third.seller.uuid)) == []
    assert sums("station", market.station, world.officer) == [384, -60, -324]
    assert sums("station", market.second, world.second_officer) == [79, -79]
    assert sum(row.amount_fen for row in trial_balance()) == 0
    held = {row.owner: row.amount_fen for row in trial_balance() if row.kind == "held" and row.amount_fen}
    assert held == {}
    statuses = set(Payout.objects.values_list("status", flat=True))
    assert statuses <= {"ordered", "done"}
