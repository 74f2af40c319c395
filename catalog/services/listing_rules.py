"""What a lot must satisfy to be offered. Each rule looks at the whole draft and yields every fault it
finds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from catalog import freshness
from catalog.errors import (
    CannotKeep,
    CertificateMissing,
    NotFresh,
    RestrictedProduct,
    SenderAgreementMissing,
    StillInWithdrawal,
    UnknownZone,
)
from catalog.kinds import Cargo, Direction
from catalog.limits import listing_limits
from catalog.models import Product
from farmers.certificate_rules import CertificateFields, certificate_required
from farmers.errors import LicenceMissing
from farmers.kinds import LicenceKind
from farmers.models import Farmer, Plot, Station
from farmers.services.certificates import checked_fields, require_free_number
from farmers.services.fields import unsafe_until
from farmers.services.registration import valid_licences
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, DomainError, InvalidInput
from marketplace.kernel.temperature import Zone
from marketplace.kernel.units import require_between
from marketplace.places.models import Hub, Place, VehicleCompartment


@dataclass(frozen=True, slots=True, kw_only=True)
class LotDraft:
    """A lot as somebody wants to offer it. `quantity` in the product's unit; `price_fen` per kg or piece.

    `station` None: goods that go down, lying at the hub. `zone` None: the product's own.
    """

    product: Product
    seller: Farmer
    station: Station | None
    hub: Hub
    place: Place
    quantity: int
    price_fen: int
    harvested_on: date
    shelf_life_days: int | None = None
    zone: str | None = None
    certificate: CertificateFields | None = None
    sender_agreement: bool = False
    plot: Plot | None = None

    @property
    def travelling_zone(self) -> str:
        return self.zone or self.product.zone

    @property
    def expires_on(self) -> date | None:
        """The seller may promise fewer days than the product keeps, never more."""
        days = self.shelf_life_days
        if days is None or (self.product.shelf_life_days is not None and days > self.product.shelf_life_days):
            days = self.product.shelf_life_days
        return freshness.expires_on(harvested_on=self.harvested_on, shelf_life_days=days)


Rule = Callable[[LotDraft], Iterator[DomainError]]


def faults(draft: LotDraft) -> Iterator[DomainError]:
    """Every fault of the draft, in the order of the form."""
    for rule in RULES:
        yield from rule(draft)


def _direction(draft: LotDraft) -> Iterator[DomainError]:
    wanted = Direction.UP if draft.station else Direction.DOWN
    if draft.product.direction != wanted:
        where = N_("站点只上架农产品") if draft.station else N_("共配中心只上架下行商品")
        yield InvalidInput(where, field="product_id")


def _restricted(draft: LotDraft) -> Iterator[DomainError]:
    if draft.product.restricted:
        yield RestrictedProduct(field="product_id", params={"product": draft.product.name})


def _quantity(draft: LotDraft) -> Iterator[DomainError]:
    low, high = listing_limits().quantity_range(draft.product.unit)
    yield from _between(draft.quantity, low, high, "quantity")


def _price(draft: LotDraft) -> Iterator[DomainError]:
    low, high = listing_limits().price_range(draft.product.unit)
    yield from _between(draft.price_fen, low, high, "price_fen")


def _dates(draft: LotDraft) -> Iterator[DomainError]:
    limits, today = listing_limits(), clock.today()
    if draft.shelf_life_days is not None:
        most = limits.max_shelf_life_days
        shelf_life = list(_between(draft.shelf_life_days, 1, most, "shelf_life_days"))
        if shelf_life:
            yield from shelf_life
            return
    if draft.harvested_on > today:
        yield InvalidInput(N_("采收日期不能在将来"), field="harvested_on")
    elif draft.harvested_on < today - timedelta(days=limits.max_age_days):
        yield InvalidInput(N_("采收日期太早"), field="harvested_on")
    elif (expires := draft.expires_on) is not None and (expires - today).days < limits.min_days_left:
        params = {"product": draft.product.name, "expires_on": expires.isoformat()}
        yield NotFresh(field="harvested_on", params=params)


def _zone(draft: LotDraft) -> Iterator[DomainError]:
    """A known zone, and a van of the hub with a compartment of that zone inside the product's band."""
    zone, band = draft.travelling_zone, draft.product.band
    if zone not in {known.value for known in Zone}:
        yield UnknownZone(field="zone", params={"zone": zone})
    elif not van_keeps(hub=draft.hub, zone=zone, product=draft.product):
        yield CannotKeep(
            field="zone",
            params={
                "product": draft.product.name,
                "min_c": band.min_c,
                "max_c": band.max_c,
                "hub": draft.hub.name,
                "zone": zone,
            },
        )


def van_keeps(*, hub: Hub, zone: str, product: Product) -> bool:
    """Whether any working van of the hub has a compartment of the zone that stays inside the product's
    band.
    """
    band = product.band
    compartments = VehicleCompartment.objects.filter(
        vehicle__hub=hub, vehicle__active=True, vehicle__is_trunk=False, zone=zone
    )
    return compartments.filter(min_c__gte=band.min_c, max_c__lte=band.max_c).exists()


def _certificate(draft: LotDraft) -> Iterator[DomainError]:
    if draft.certificate is not None:
        try:
            checked_fields(draft.certificate)
            require_free_number(farmer=draft.seller, fields=draft.certificate)
        except InvalidInput as error:
            yield error
    elif certificate_required(seller_kind=draft.seller.seller_kind, covered=draft.product.needs_certificate):
        yield CertificateMissing(field="certificate", params={"product": draft.product.name})


def _sender_agreement(draft: LotDraft) -> Iterator[DomainError]:
    if draft.product.needs_sender_agreement and not draft.sender_agreement:
        yield SenderAgreementMissing(field="sender_agreement", params={"product": draft.product.name})


def _licence(draft: LotDraft) -> Iterator[DomainError]:
    """Pesticide, seed and salt sellers, and sellers of processed food, have a licence on file."""
    needed = draft.product.required_licence
    if draft.product.cargo == Cargo.PESTICIDE:
        needed = LicenceKind.PESTICIDE
    if needed and needed not in valid_licences(draft.seller):
        params = {"seller": draft.seller.name, "licence": str(LicenceKind(needed).label)}
        yield LicenceMissing(field="farmer_id", params=params)


def _withdrawal(draft: LotDraft) -> Iterator[DomainError]:
    if draft.plot is not None:
        safe_from = unsafe_until(plot=draft.plot, harvested_on=draft.harvested_on)
        if safe_from is not None:
            yield StillInWithdrawal(field="harvested_on", params={"safe_from": safe_from.isoformat()})


def _between(value: int, low: int, high: int, field: str) -> Iterator[DomainError]:
    try:
        require_between(value, low, high, field)
    except InvalidInput as error:
        yield error


RULES: tuple[Rule, ...] = (
    _direction,
    _restricted,
    _quantity,
    _price,
    _dates,
    _zone,
    _certificate,
    _sender_agreement,
    _licence,
    _withdrawal,
)
