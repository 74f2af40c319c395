from datetime import date
from itertools import count
from uuid import UUID

from catalog.kinds import Cargo, Direction, Unit
from catalog.models import Lot, Product, Stock
from catalog.services import seed
from catalog.services.products import save_product
from farmers.models import Farmer, Station
from marketplace.kernel import clock
from marketplace.places.models import Hub, Vehicle
from tests.factories.farmers import make_farmer, make_wholesaler
from tests.factories.places import make_vehicle

_numbers = count(1)


def make_product(
    *,
    name: str | None = None,
    name_en: str = "",
    category: str = "蔬菜",
    direction: str = Direction.UP,
    zone: str = "ambient",
    band: tuple[float, float] | None = (0, 35),
    unit: str = Unit.PIECE,
    unit_net_g: int = 2500,
    shelf_life_days: int | None = 20,
    needs_certificate: bool = False,
    required_licence: str = "",
    fresh: bool = False,
    restricted: bool = False,
    cargo: str = Cargo.FOOD,
) -> Product:
    name = name or f"商品{next(_numbers)}"
    pieces = unit == Unit.PIECE
    return save_product(
        Product(
            name=name,
            name_en=name_en,
            category=category,
            direction=direction,
            zone=zone,
            min_c=band[0] if band else None,
            max_c=band[1] if band else None,
            shelf_life_days=shelf_life_days,
            unit=unit,
            unit_net_g=unit_net_g if pieces else None,
            unit_gross_g=unit_net_g * 105 // 100 if pieces else None,
            volume_ml=5000 if pieces else 2500,
            size_class="M",
            cargo=cargo,
            needs_certificate=needs_certificate,
            required_licence=required_licence,
            fresh=fresh,
            restricted=restricted,
        )
    )


def make_van(hub: Hub) -> Vehicle:
    """A van with all four zones."""
    zones = (("ambient", 5.0, 30.0), ("cool", 12.0, 15.0), ("chilled", 2.0, 4.0), ("frozen", -22.0, -18.0))
    return make_vehicle(hub=hub, zones=zones)


def make_lot(
    *,
    product: Product | None = None,
    seller: Farmer | None = None,
    station: Station | None = None,
    quantity: int = 40,
    price_fen: int = 3200,
    harvested_on: date | None = None,
) -> Lot:
    """A listed lot at a station, through the rules of listing; the hub gets a van when it has none."""
    seller = seller or make_farmer(station=station)
    assert seller.station is not None
    if not seller.station.hub.vehicles.exists():
        make_van(seller.station.hub)
    return seed.create_station_lot(
        product=product or make_product(),
        seller=seller,
        quantity=quantity,
        price_fen=price_fen,
        harvested_on=harvested_on or clock.today(),
    )


def make_hub_lot(
    *,
    hub: Hub | None = None,
    product: Product | None = None,
    seller: Farmer | None = None,
    quantity: int = 40,
) -> Lot:
    """Goods that go down, lying at a hub."""
    seller = seller or make_wholesaler(hub=hub)
    assert seller.hub is not None
    if not seller.hub.vehicles.exists():
        make_van(seller.hub)
    product = product or make_product(
        direction=Direction.DOWN, category="日用百货", shelf_life_days=None, band=None, cargo=Cargo.GENERAL
    )
    return seed.create_hub_lot(
        product=product, seller=seller, quantity=quantity, price_fen=4500, arrived_on=clock.today()
    )


def stock_of(lot_uuid: UUID) -> tuple[int, int, int]:
    """(on hand, reserved, available as stored on the lot)"""
    stock = Stock.objects.select_related("lot").get(lot__uuid=lot_uuid)
    return stock.on_hand, stock.reserved, stock.lot.available_quantity
