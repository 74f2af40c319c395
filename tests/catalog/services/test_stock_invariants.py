"""Whatever happens in whatever order: on hand >= reserved >= 0, and the lot's stored number is true."""

import random
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db.models import Sum

from catalog.errors import OutOfStock
from catalog.models import Lot, Reservation, Stock
from catalog.services import stock
from catalog.services.shelf import record_physical_sale
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, NotFound
from tests.factories.catalog import make_lot

pytestmark = pytest.mark.django_db
LIVE = ("held", "firm")


class Market:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lots = [make_lot(quantity=25) for _ in range(3)]
        self.references: list[UUID] = []

    def reserve(self) -> None:
        reference = uuid4()
        chosen = self.random.sample(self.lots, self.random.randint(1, 3))
        minutes = self.random.choice([-1, 15])
        stock.reserve(
            reference=reference,
            lines=[(lot.uuid, self.random.randint(1, 12)) for lot in chosen],
            expires_at=clock.now() + timedelta(minutes=minutes),
        )
        self.references.append(reference)

    def pay(self) -> None:
        stock.firm_reservation(reference=self.some_reference())

    def pack(self) -> None:
        stock.consume_reservation(reference=self.some_reference())

    def cancel(self) -> None:
        lots = self.random.choice([None, [self.random.choice(self.lots).uuid]])
        stock.release_reservation(reference=self.some_reference(), lot_uuids=lots)

    def sweep(self) -> None:
        stock.expire_due_reservations()

    def hand_over_the_counter(self) -> None:
        lot = self.random.choice(self.lots)
        record_physical_sale(lot_uuid=lot.uuid, place_uuid=lot.place.uuid, quantity=self.random.randint(1, 4))

    def some_reference(self) -> UUID:
        if not self.references:
            raise NotFound()
        return self.random.choice(self.references)

    def act(self) -> None:
        acts = [self.reserve, self.reserve, self.pay, self.pack, self.cancel, self.sweep]
        self.random.choice([*acts, self.hand_over_the_counter])()


def check(lots: list[Lot]) -> None:
    for row in Stock.objects.filter(lot__in=lots).select_related("lot"):
        promised = Reservation.objects.filter(stock=row, status__in=LIVE).aggregate(sum=Sum("quantity"))[
            "sum"
        ]
        assert row.reserved == (promised or 0)
        assert row.on_hand >= row.reserved >= 0
        assert row.lot.available_quantity == row.on_hand - row.reserved


@pytest.mark.parametrize("seed", range(4))
def test_books_stay_true(seed: int) -> None:
    market = Market(seed)
    refusals = 0
    for _ in range(60):
        try:
            market.act()
        except DomainError as refused:
            refusals += isinstance(refused, OutOfStock)
        check(market.lots)
    assert refusals > 0
