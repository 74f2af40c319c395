"""What goes wrong on the way: nobody pays, a cabinet warms up, a plan moves a parcel, nobody comes."""

from datetime import timedelta

import pytest

from lockers.models import Device
from lockers.services.parcels.collection import expire_due_parcels
from lockers.simulator.faults import set_fault
from marketplace.kernel import clock
from marketplace.messages.models import Notice
from marketplace.telemetry.models import Breach
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.models import Order
from orders.payments.services import work_due
from tests.factories.accounts import make_principal
from tests.factories.catalog import stock_of
from tests.factories.graph import data_of
from tests.factories.orders import THURSDAY, WEDNESDAY, make_cabinet
from tests.factories.places import make_site
from tests.journeys.world import (
    AGREE,
    ORDER,
    PLACE_ORDER,
    SET_CART_LINE,
    THURSDAY_MORNING,
    World,
    do,
    plan_thursday,
    produce_way,
)

RELEASE = """mutation Decide($breach: ID!, $decision: String!) {
    releaseHeldParcels(breachId: $breach, decision: $decision) { errors { code field message } } }"""


def books_balance() -> bool:
    return sum(row.amount_fen for row in trial_balance()) == 0


def ready_order(world: World) -> dict[str, str]:
    """One box of kiwi in the cabinet on Thursday afternoon."""
    order = world.order((world.market.kiwi.uuid, 1))
    world.pay(order)
    plan_thursday(world)
    world.at(THURSDAY_MORNING)
    world.weigh(world.market.kiwi.uuid, 3_500)
    produce_way(world)
    assert world.read(order)["fulfilments"][0]["status"] == "ready"
    return order


def test_nobody_pays_while_the_cut_off_passes_and_everything_is_free_again(world: World) -> None:
    world.at(clock.at(WEDNESDAY.date(), 17, 58))
    order = world.order((world.market.kiwi.uuid, 2))
    world.at(clock.at(WEDNESDAY.date(), 18, 11))
    work_due()  # the payment's own worker: its window is over, the provider agrees
    world.settle()
    closed = world.read(order)
    assert (closed["status"], closed["paymentStatus"]) == ("closed", "closed")
    assert stock_of(world.market.kiwi.uuid) == (6, 0, 6)
    assert Notice.objects.filter(template="order_closed").count() == 1


def test_paid_at_the_last_moment_the_order_stands_though_the_cut_off_has_passed(world: World) -> None:
    world.at(clock.at(WEDNESDAY.date(), 17, 58))
    order = world.order((world.market.kiwi.uuid, 2))
    world.at(clock.at(WEDNESDAY.date(), 18, 9))
    world.pay(order)
    assert world.read(order)["status"] == "paid"
    plan_thursday(world)
    assert world.read(order)["fulfilments"][0]["status"] == "planned"


@pytest.mark.parametrize("decision", ["release", "discard"])
def test_a_cabinet_that_warms_up_holds_its_parcels_and_says_so(world: World, decision: str) -> None:
    order = ready_order(world)
    code = world.read(order)["fulfilments"][0]["pickupCode"]
    set_fault(world.bench.simulated, "warm_up", on=True, about={})
    world.at(clock.at(THURSDAY, 21))
    part = world.read(order)["fulfilments"][0]
    assert (part["status"], part["held"], part["pickupCode"]) == ("ready", True, None)
    assert Notice.objects.filter(template="parcel_held").count() == 1
    assert world.bench.type(code).reason == "held"

    breach = Breach.objects.get()
    operator = make_principal("cabinet_operator", "county", world.market.place.county.uuid)
    do(RELEASE, operator, breach=str(breach.uuid), decision=decision)
    world.bench.turn()
    world.settle()
    after = world.read(order)
    if decision == "release":
        assert after["fulfilments"][0]["held"] is False
        answer = world.bench.type(after["fulfilments"][0]["pickupCode"])
        world.bench.shut(answer.doors[0])
        world.settle()
        assert world.read(order)["status"] == "completed"
    else:
        assert (after["status"], after["refundedFen"]) == ("cancelled", after["paidFen"])
        assert balance(kind=AccountKind.HELD, owner=world.market.farmer.uuid) == 0
    assert books_balance()


def test_any_of_mine_lets_the_planner_choose_among_the_agreed_places(world: World) -> None:
    market = world.market
    near = make_site(hub=market.town)
    Device.objects.filter(cabinet=make_cabinet(near)).update(online=True, last_seen=clock.wall())
    do(AGREE, world.buyer, place=str(near.place.uuid))
    do(SET_CART_LINE, world.buyer, lot=str(market.kiwi.uuid), quantity=1)
    order = do(PLACE_ORDER, world.buyer, place=str(market.place.uuid), max=3_400, any=True)["order"]
    assert order["totalMaxFen"] == 3_400  # a yuan less than one place alone
    world.pay(order)
    plan_thursday(world)
    part = world.read(order)["fulfilments"][0]
    assert part["status"] == "planned"
    assert part["destination"]["id"] in {str(market.place.uuid), str(near.place.uuid)}


def test_a_parcel_that_nobody_comes_for_is_flagged(world: World) -> None:
    order = ready_order(world)
    world.at(clock.now() + timedelta(hours=25))
    assert expire_due_parcels() == 1
    world.settle()
    assert Order.objects.get(uuid=order["id"]).attention == "overdue"
    assert Notice.objects.filter(template="parcel_overdue").count() == 1


def test_without_a_crate_the_buyer_gets_everything_back(world: World) -> None:
    """The farmer brings nothing: the packer says so, and the money is on its way on the same day."""
    order = world.order((world.market.kiwi.uuid, 2))
    world.pay(order)
    plan_thursday(world)
    world.at(clock.at(THURSDAY, 13))
    part = data_of(ORDER, world.buyer, id=order["id"])["fulfilments"][0]
    do(
        """mutation Nothing($id: ID!) { packFulfilment(fulfilmentId: $id, portions: []) {
            unit { id } errors { code field message } } }""",
        world.packer,
        id=part["id"],
    )
    world.settle()
    work_due()
    after = world.read(order)
    assert (after["status"], after["refundedFen"]) == ("cancelled", after["paidFen"])
    assert balance(kind=AccountKind.HELD, owner=world.market.farmer.uuid) == 0
    assert books_balance()
