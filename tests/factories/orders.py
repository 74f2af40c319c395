"""A small market: two counties, two stations, a cabinet in town, a buyer who agreed to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from catalog.models import Lot
from farmers.models import Farmer, Station, Villager
from lockers.models import Cabinet, Device
from lockers.services.sites.cabinets import CellSpec, register_cabinet
from marketplace.accounts.models import User
from marketplace.accounts.services.consents import give_delivery_consent
from marketplace.accounts.services.sign_in import principal_of
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import Band
from marketplace.outbox.delivery import deliver_all
from marketplace.places.models import Hub, Place, Site
from marketplace.wiring import HANDLERS
from orders.models import Order
from orders.payments.models import Attempt
from orders.payments.services import payment_of
from orders.payments.services.outcomes import record_paid
from orders.services.purchases.cart import set_cart_line
from orders.services.purchases.checkout import Choice, place_order
from tests.factories.accounts import make_principal, make_user
from tests.factories.catalog import make_hub_lot, make_lot, make_product, make_van
from tests.factories.farmers import make_farmer, make_officer, make_station, make_villager
from tests.factories.places import make_county, make_hub, make_site, make_vehicle

_numbers = count(1)
#: a Wednesday morning; orders placed now are delivered on Thursday
WEDNESDAY = datetime(2026, 11, 11, 10, 0, tzinfo=clock.SHANGHAI)
THURSDAY = WEDNESDAY.date() + timedelta(days=1)
CELLS = (("chilled", "M", Band(2, 4)), ("ambient", "M", Band(5, 30)), ("ambient", "L", Band(5, 30)))


@dataclass
class Market:
    """`hub` and its `station`, `second` gather produce; `town` delivers it to `site` and its `cabinet`."""

    hub: Hub
    town: Hub
    station: Station
    second: Station
    farmer: Farmer
    site: Site
    cabinet: Cabinet
    buyer: User
    kiwi: Lot  # chilled, boxes of 2.5 kg at 32.00
    rice: Lot  # ambient, by weight at 8.80 a kilogram, of another farmer at the second station

    @property
    def place(self) -> Place:
        return self.site.place

    @property
    def principal(self) -> Principal:
        return principal_of(self.buyer)

    @property
    def officer(self) -> Principal:
        return make_officer(self.station)

    @property
    def packer(self) -> Principal:
        return make_principal("hub_operator", "hub", self.hub.uuid)


def make_market(*, cells: tuple[tuple[str, str, Band], ...] = CELLS * 2, kiwis: int = 6) -> Market:
    hub = make_hub()
    town = make_hub(county=make_county(code="360902", name="袁州区"), is_city=True)
    for each in (hub, town):
        make_van(each)
    make_vehicle(hub=town, is_trunk=True)
    station, second = make_station(hub=hub), make_station(hub=hub)
    farmer = make_farmer(station=station)
    site = make_site(hub=town)
    kiwi = make_product(zone="chilled", band=(0, 7), category="水果", name=f"猕猴桃{next(_numbers)}")
    rice = make_product(unit="g", band=(0, 35), category="粮食", name=f"大米{next(_numbers)}")
    return Market(
        hub=hub,
        town=town,
        station=station,
        second=second,
        farmer=farmer,
        site=site,
        cabinet=make_cabinet(site, cells),
        buyer=make_buyer(site.place),
        kiwi=make_lot(product=kiwi, seller=farmer, quantity=kiwis, price_fen=3200),
        rice=make_lot(product=rice, station=second, quantity=50_000, price_fen=880),
    )


def make_cabinet(site: Site, cells: tuple[tuple[str, str, Band], ...] = CELLS) -> Cabinet:
    """A cabinet that was just heard of."""
    number = next(_numbers)
    cabinet = register_cabinet(
        site=site,
        device=f"T{number:05d}",
        name=f"{number}号柜",
        kind="cold",
        cells=[
            CellSpec(label=f"{index:02d}", zone=zone, size=size, band=band)
            for index, (zone, size, band) in enumerate(cells, start=1)
        ],
    )
    Device.objects.filter(cabinet=cabinet).update(online=True, last_seen=clock.wall())
    return cabinet


def make_buyer(*agreed: Place) -> User:
    user = make_user()
    for place in agreed:
        give_delivery_consent(principal=principal_of(user), place_uuid=place.uuid)
    return user


def fill_cart(principal: Principal, *lines: tuple[Lot, int]) -> None:
    for lot, quantity in lines:
        set_cart_line(principal=principal, lot_uuid=lot.uuid, quantity=quantity)


def make_order(market: Market, *lines: tuple[Lot, int], buyer: User | None = None) -> Order:
    """An unpaid order to the market's cabinet: two boxes of kiwi, when nothing is said."""
    principal = principal_of(buyer or market.buyer)
    fill_cart(principal, *(lines or ((market.kiwi, 2),)))
    return place_order(
        principal=principal, choice=Choice(place_uuid=market.place.uuid), agreed_max_fen=10_000_000
    )


def make_paid_order(market: Market, *lines: tuple[Lot, int], buyer: User | None = None) -> Order:
    order = make_order(market, *lines, buyer=buyer)
    pay(order)
    deliver()
    return fresh(order)


def pay(order: Order) -> None:
    """The provider has the money for every part of the order. What follows is delivered by `deliver`."""
    group = payment_of(reference=order.uuid)
    for intent in group.intents.order_by("pk"):
        number = f"T{intent.uuid.hex}"
        attempt, _ = Attempt.objects.get_or_create(
            out_trade_no=number,
            defaults={"intent": intent, "amount_fen": intent.amount_fen, "created_at": clock.now()},
        )
        record_paid(attempt.pk, trade_no=number, paid_at=clock.wall())


def deliver() -> int:
    """All pending events, as the drain would."""
    return deliver_all(HANDLERS)


def fresh(order: Order) -> Order:
    found: Order = Order.objects.get(pk=order.pk)
    return found


def make_village_goods(market: Market, *, quantity: int = 20) -> tuple[Villager, Lot]:
    """A villager of the station who agreed to 代买, and something at the hub that he wants."""
    villager = make_villager(station=market.station, name="老周", phone="13800001234")
    return villager, make_hub_lot(hub=market.hub, quantity=quantity)


def uuids(*rows: object) -> list[UUID]:
    return [row.uuid for row in rows]  # type: ignore[attr-defined]
