"""The catalogue, the stock of downward goods at the hubs, and the order cycle of the day."""

from catalog.models import Product
from catalog.services.cycles import open_cycles
from catalog.services.seed import create_all_products, create_hub_lot
from farmers.models import Farmer
from marketplace.kernel import clock
from marketplace.places.models import Hub
from marketplace.simulation.loading.index import Index


def load(index: Index) -> None:
    """Stock goes through every rule of listing; the farmers' lots are listed by people on the eve."""
    products: dict[str, Product] = {product.name: product for product in create_all_products()}
    for lot in index.world.lots:
        if lot.station is None:
            create_hub_lot(
                product=products[lot.product],
                seller=index.get(Farmer, lot.seller),
                quantity=lot.quantity,
                price_fen=lot.price_fen,
                arrived_on=clock.today(),
            )
    open_cycles(date=index.world.day, hubs=index.all(Hub).values())
