"""Overdue parcels and their money, from the cabinet's facts to the ledger."""

from datetime import timedelta
from uuid import uuid4

import pytest

from lockers.errors import NotCollectable
from lockers.models import Allocation, Compartment
from lockers.services import Actor, DropPolicy
from lockers.services.parcels.collection import collect, expire_due_parcels, remove
from lockers.services.parcels.drops import allocate, deposit
from marketplace.custody.models import HandlingUnit
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.messages.models import Notice
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance
from orders.models import Line, LineRefund, Payout, StorageFee
from orders.payments.models import PaymentGroup, SettlementInstruction
from orders.payments.services import payment_of
from orders.services.fulfilment import storage_fees
from tests.factories.accounts import make_principal
from tests.factories.orders import deliver, fresh, make_paid_order, pay
from tests.orders.services.steps import books_balance, owed, pack

GOOD = DropPolicy(consent=True, sender_agreement=True, damaged=False, weight_g=2_600, measured_c=3.0)


def in_cabinet(market, order):
    """Behind a door since now; the cabinet's own events told the order so."""
    part, unit = pack(market, order, 5_000)
    Compartment.objects.update(door_state="closed")
    allocation = allocate(
        unit_uuid=unit.uuid, reference=part.uuid, place_uuid=market.place.uuid, zone=part.zone,
        size=part.size, min_c=part.min_c, max_c=part.max_c, policy=GOOD, recipient_uuid=market.buyer.uuid,
    )  # fmt: skip
    deposit(allocation, at=clock.now(), actor=Actor(label="x"))
    deliver()
    return order.fulfilments.get()


@pytest.fixture
def overdue(market, thursday, at):
    """Two boxes, returnable, nobody came for an hour past the free day."""
    market.kiwi.product.returnable = True
    market.kiwi.product.save()
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    part = in_cabinet(market, order)
    at(clock.now() + timedelta(hours=25))
    expire_due_parcels()
    deliver()
    return part


def taken_out(part):
    allocation = Allocation.objects.get(reference=part.uuid)
    allocation.taker_kind, allocation.taker_uuid = "vehicle", uuid4()
    allocation.save()
    assert remove(allocation_uuid=allocation.uuid, at=clock.now())
    deliver()


def test_the_fee_is_told_before_it_starts_and_paid_opens_the_door(market, overdue, at):
    fee = storage_fees.ask_storage_fee(principal=market.principal, fulfilment_uuid=overdue.uuid)
    again = storage_fees.ask_storage_fee(principal=market.principal, fulfilment_uuid=overdue.uuid)
    assert (fee, fee.amount_fen) == (again, 50)
    pay(fee)
    deliver()
    fee.refresh_from_db()
    overdue.refresh_from_db()
    assert (fee.status, owed(AccountKind.LOCKER_FEE)) == ("paid", 50)
    allocation = Allocation.objects.get(reference=overdue.uuid)
    assert allocation.parcel_state == "ready"
    assert overdue.hold_until == allocation.collect_until > clock.now()
    assert Notice.objects.filter(template="storage_fee_paid").count() == 1
    assert SettlementInstruction.objects.get(key=f"storage:{fee.uuid}").amount_fen == 50
    collect(allocation_uuid=allocation.uuid, at=clock.now(), proof={})
    deliver()
    assert fresh(overdue.order).status == "completed"
    assert books_balance()


def test_more_is_due_later_and_the_old_payment_is_given_up(market, overdue, at):
    first = storage_fees.ask_storage_fee(principal=market.principal, fulfilment_uuid=overdue.uuid)
    at(clock.now() + timedelta(hours=6))
    second = storage_fees.ask_storage_fee(principal=market.principal, fulfilment_uuid=overdue.uuid)
    first.refresh_from_db()
    assert (first.status, second.amount_fen) == ("closed", 100)
    assert payment_of(reference=first.uuid).status == "closed"
    at(clock.now() + timedelta(hours=6))
    with pytest.raises(NotCollectable):
        storage_fees.ask_storage_fee(principal=market.principal, fulfilment_uuid=overdue.uuid)


def test_nobody_else_pays_for_it(market, overdue):
    with pytest.raises(NotFound):
        storage_fees.ask_storage_fee(principal=make_principal(), fulfilment_uuid=overdue.uuid)
    assert StorageFee.objects.count() == 0


def test_taken_out_the_goods_go_back_less_the_fee_and_the_freight(market, overdue):
    order = overdue.order
    taken_out(overdue)
    line = Line.objects.get(fulfilment=overdue)
    overdue.refresh_from_db()
    assert (overdue.status, overdue.why_cancelled, line.status) == ("cancelled", "uncollected", "refunded")
    assert [each.amount_fen for each in LineRefund.objects.filter(order=order)] == [6_400 - 50]
    assert (owed(AccountKind.LOCKER_FEE), balance(kind=AccountKind.HELD, owner=market.farmer.uuid)) == (50, 0)
    [fee] = StorageFee.objects.all()
    assert (fee.status, fee.line, fee.amount_fen) == ("deducted", line, 50)
    [shared] = SettlementInstruction.objects.filter(key=f"storage:{fee.uuid}")
    assert [(each.royalty, each.amount_fen) for each in shared.lines.all()] == [(True, 50)]
    # The delivery was driven: it is earned, and paid out.
    assert owed(AccountKind.DELIVERY_INCOME) + owed(AccountKind.COURIER_PAYABLE) == overdue.delivery_fen
    assert Payout.objects.filter(fulfilment=overdue, merchant_uuid=None).exists() == bool(
        overdue.delivery_fen
    )
    assert Notice.objects.filter(template="parcel_uncollected").count() == 1
    assert HandlingUnit.objects.get(uuid=overdue.unit_uuid).holder_kind == "vehicle"
    assert fresh(order).status == "cancelled"
    assert books_balance()


def test_paid_too_late_the_fee_goes_back(market, overdue):
    fee = storage_fees.ask_storage_fee(principal=market.principal, fulfilment_uuid=overdue.uuid)
    taken_out(overdue)
    pay(fee)
    deliver()
    fee.refresh_from_db()
    assert fee.status == "returned"
    group = PaymentGroup.objects.get(reference=fee.uuid)
    assert group.intents.get().refunded_fen == 50
    assert owed(AccountKind.LOCKER_FEE) == 50  # the one that was kept from the refund
    assert books_balance()


def test_fresh_goods_that_nobody_fetched_are_for_a_person_to_decide(market, thursday, at):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    part = in_cabinet(market, order)
    at(clock.now() + timedelta(hours=25))
    expire_due_parcels()
    deliver()
    taken_out(part)
    part.refresh_from_db()
    assert (part.status, part.held, fresh(order).attention) == ("ready", True, "taken_out")
    assert LineRefund.objects.count() == StorageFee.objects.count() == 0
