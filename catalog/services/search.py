"""Finding what is for sale. One statement for a page of lots, whatever its length."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVectorField
from django.db.models import Lookup, Q, QuerySet

from catalog.errors import UnknownZone
from catalog.kinds import Direction, LotStatus
from catalog.models import Lot, Product
from catalog.search_tokens import query_expression
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.temperature import Zone

MAX_PAGE = 100
MAX_PRODUCTS = 200
_JOINED = (
    "product",
    "seller__station__place",
    "seller__station__county",
    "station__place__county",
    "station__county",
    "place__county",
    "listed_by_user",
)
#: wide columns that no list shows
_UNSHOWN = (
    "product__search_tokens",
    "product__search",
    "place__county__outline",
    "place__point",
    "station__county__outline",
    "station__place__county__outline",
    "station__place__point",
    "seller__station__county__outline",
    "seller__station__place__point",
    "listed_by_user__password",
)


@SearchVectorField.register_lookup
class Matches(Lookup):
    """`search__matches="'奉新' & 'mht':*"`: a ready tsquery, past the text parser that knows no Chinese."""

    lookup_name = "matches"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        vector, vector_params = self.process_lhs(compiler, connection)
        return f"{vector} @@ %s::tsquery", (*vector_params, self.rhs)


@dataclass(frozen=True, slots=True)
class LotPage:
    nodes: list[Lot]
    end_cursor: str | None
    has_next: bool


def find_lots(
    *,
    search: str | None = None,
    zone: str | None = None,
    county_code: str | None = None,
    direction: str | None = Direction.UP,
    first: int = 20,
    after: str | None = None,
) -> LotPage:
    """Listed lots with something left and in date, newest first. Raises InvalidInput naming the bad
    filter.
    """
    lots = lots_with_everything().filter(on_offer())
    if direction is not None:
        lots = lots.filter(product__direction=_known_direction(direction))
    if zone:
        if zone not in {known.value for known in Zone}:
            raise UnknownZone(field="zone", params={"zone": zone})
        lots = lots.filter(zone=zone)
    if county_code:
        lots = lots.filter(place__county__code=county_code)
    if search and search.strip():
        expression = query_expression(search)
        lots = lots.filter(product__search__matches=expression) if expression else lots.none()
    if after:
        lots = lots.filter(id__lt=_decoded(after))
    wanted = _page_size(first, MAX_PAGE)
    rows = list(lots.order_by("-id")[: wanted + 1])
    nodes = rows[:wanted]
    return LotPage(nodes, _encoded(nodes[-1]) if nodes else None, len(rows) > wanted)


def on_offer() -> Q:
    """Listed, in date, and something left."""
    in_date = Q(expires_on=None) | Q(expires_on__gt=clock.today())
    return Q(status=LotStatus.LISTED, available_quantity__gt=0) & in_date


def lots_with_everything() -> QuerySet[Lot]:
    """Lots with all that their GraphQL type shows, but certificates, in one statement."""
    lots: QuerySet[Lot] = Lot.objects.select_related(*_JOINED).defer(*_UNSHOWN)
    return lots


def lots_by_uuid(lot_uuids: list[UUID]) -> dict[UUID, Lot]:
    """uuid -> lot, joined, whatever its state; unknown ones are missing."""
    return {lot.uuid: lot for lot in lots_with_everything().filter(uuid__in=lot_uuids)}


def find_lot(lot_uuid: UUID) -> Lot:
    """One lot in any state: an order keeps showing what was bought. Raises NotFound."""
    lot: Lot | None = lots_with_everything().filter(uuid=lot_uuid).first()
    if lot is None:
        raise NotFound(field="id")
    return lot


def find_products(
    *, direction: str | None = None, search: str | None = None, first: int = 50
) -> list[Product]:
    """Products by pinyin of their names."""
    products: QuerySet[Product] = Product.objects.defer("search", "search_tokens").order_by("sort_key", "id")
    if direction:
        products = products.filter(direction=_known_direction(direction))
    if search and search.strip():
        expression = query_expression(search)
        products = products.filter(search__matches=expression) if expression else products.none()
    return list(products[: _page_size(first, MAX_PRODUCTS)])


def _known_direction(direction: str) -> str:
    if direction not in Direction.values:
        raise InvalidInput(N_("方向应为 up 或 down"), field="direction")
    return direction


def _page_size(first: int, most: int) -> int:
    if first < 1:
        raise InvalidInput(
            N_("应在 %(low)s 和 %(high)s 之间"), field="first", params={"low": 1, "high": most}
        )
    return min(first, most)


def _encoded(lot: Lot) -> str:
    return base64.urlsafe_b64encode(b"lot:%d" % lot.pk).decode()


def _decoded(cursor: str) -> int:
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if kind == "lot" and number.isascii() and number.isdigit() and len(number) < 19:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise InvalidInput(N_("分页位置无效"), field="after")
