"""Listing many lots from one table: all faults first, all rows or none, one act to undo."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import cast
from uuid import UUID

from django.db import transaction

from catalog import states
from catalog.errors import AlreadySold
from catalog.kinds import LotStatus
from catalog.lot_rows import COLUMNS, LotRow, ParsedTable, parse_rows
from catalog.models import Lot, LotImport, Product, Reservation, Stock
from catalog.services.listing import CertificateStatement, create_lot, end_lot, stated
from catalog.services.listing_rules import LotDraft, faults
from farmers.kinds import ConsentKind
from farmers.models import AgentConsent, Farmer, Station
from farmers.services.access import acting_user, station_for
from farmers.services.consents import require_agent_consent
from marketplace.database.locks import lock_rows
from marketplace.documents.tables import RowFault, read_table
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, DomainError, Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal

#: the form's field -> the file's column
_COLUMN_OF = {
    "product_id": "product",
    "farmer_id": "farmer",
    "quantity": "amount",
    "price_fen": "price",
    "certificate": "certificate_number",
    "certificate.number": "certificate_number",
    "certificate.basis": "certificate_basis",
    "certificate.issued_on": "certificate_issued_on",
    "certificate.contact": "certificate_contact",
    "certificate.origin": "certificate_origin",
}


@dataclass(frozen=True, slots=True)
class ReadyRow:
    """A row that passed every rule."""

    row: int
    draft: LotDraft
    consent: AgentConsent


@dataclass(slots=True)
class ImportResult:
    """`ready` is the preview; `batch` and `lots` are there only when something was written."""

    ready: list[ReadyRow] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    batch: LotImport | None = None
    lots: list[Lot] = field(default_factory=list)


def import_lots(
    *, principal: Principal, station_uuid: UUID, name: str, data: bytes, dry_run: bool
) -> ImportResult:
    """Check every row by the rules of listing; write all lots when no cell is bad and it is no dry run.

    `name` and `data` are the file: CSV or Excel. Raises InvalidInput on `file` when it is no table of lots;
    bad cells are in the result, not raised.
    """
    station = station_for(principal=principal, station_uuid=station_uuid)
    parsed = parse_rows(read_table(name=name, data=data))
    with transaction.atomic():
        result = _checked(station, parsed)
        if dry_run or result.faults:
            return result
        user = acting_user(principal)
        result.batch = LotImport.objects.create(station=station, imported_by=user, imported_at=clock.now())
        result.lots = [
            create_lot(draft=ready.draft, listed_by=user, consent=ready.consent, batch=result.batch)
            for ready in result.ready
        ]
    return result


def undo_import(*, principal: Principal, import_uuid: UUID) -> LotImport:
    """Withdraw all lots of an import; undoing twice is the same.

    Raises AlreadySold when anything of it is promised to a buyer, and then changes nothing.
    """
    principal.require_signed_in()
    with transaction.atomic():
        batch = (
            LotImport.objects.select_related("station")
            .select_for_update(of=("self",))
            .filter(uuid=import_uuid)
        ).first()
        if batch is None:
            raise NotFound(field="id")
        if not principal.has("information_officer", batch.station.uuid):
            raise Forbidden(field="id")
        if batch.undone_at is None:
            _withdraw_all(batch)
            batch.undone_at = clock.now()
            batch.save(update_fields=["undone_at"])
    return cast(LotImport, batch)


def _withdraw_all(batch: LotImport) -> None:
    lock_rows(Stock.objects.filter(lot__batch=batch))
    sold = (
        Reservation.objects.filter(lot__batch=batch)
        .exclude(status=states.RELEASED)
        .select_related("lot__product")
        .first()
    )
    if sold is not None:
        raise AlreadySold(field="id", params={"product": sold.lot.product.name})
    for lot in (
        Lot.objects.filter(batch=batch, status=LotStatus.LISTED).select_related("product").order_by("pk")
    ):
        end_lot(lot=lot, status=states.WITHDRAWN, why="undone")


def _checked(station: Station, parsed: ParsedTable) -> ImportResult:
    result = ImportResult(faults=list(parsed.faults))
    book = _Book(station, parsed.rows)
    for row in parsed.rows:
        found = [_placed(error, row, parsed.headers) for error in book.errors_of(row)]
        result.faults.extend(found)
        if not found:
            result.ready.append(ReadyRow(row.row, book.draft(row), book.consent(row)))
    result.faults.sort(key=lambda fault: fault.row)
    return result


def _placed(error: DomainError, row: LotRow, headers: dict[str, str]) -> RowFault:
    key = _COLUMN_OF.get(error.field or "", error.field or "")
    return RowFault(row.row, headers.get(key) or COLUMNS.get(key, ("",))[0], error)


class _Book:
    """Products, farmers and consents that the rows name, looked up once."""

    def __init__(self, station: Station, rows: list[LotRow]) -> None:
        self.station = station
        self.products = {p.name: p for p in Product.objects.filter(name__in={row.product for row in rows})}
        self.farmers: dict[str, list[Farmer]] = {}
        for farmer in Farmer.objects.filter(station=station).prefetch_related("licences"):
            self.farmers.setdefault(farmer.name, []).append(farmer)
        self.consents: dict[int, AgentConsent | DomainError] = {}
        self.certificates: set[tuple[int, str]] = set()

    def errors_of(self, row: LotRow) -> Iterator[DomainError]:
        """Who and what first: without them no rule can be asked."""
        unknown = [error for error in (self._no_product(row), self._no_farmer(row)) if error]
        if unknown:
            yield from unknown
            return
        yield from self._unit_errors(row)
        yield from self._certificate_errors(row)
        answer = self._consent(self.farmer(row))
        if isinstance(answer, DomainError):
            yield answer
        yield from faults(self.draft(row))

    def farmer(self, row: LotRow) -> Farmer:
        return self._named(row)[0]

    def consent(self, row: LotRow) -> AgentConsent:
        answer = self._consent(self.farmer(row))
        assert isinstance(answer, AgentConsent)  # errors_of() has said otherwise before
        return answer

    def draft(self, row: LotRow) -> LotDraft:
        product, seller = self.products[row.product], self.farmer(row)
        return LotDraft(
            product=product,
            seller=seller,
            station=self.station,
            hub=self.station.hub,
            place=self.station.place,
            quantity=row.amount.value,
            price_fen=row.price.fen,
            harvested_on=row.harvested_on,
            shelf_life_days=row.shelf_life_days,
            zone=row.zone,
            certificate=stated(_statement(row), product, seller, row.amount.value),
            sender_agreement=row.sender_agreement,
        )

    def _named(self, row: LotRow) -> list[Farmer]:
        named = self.farmers.get(row.farmer, [])
        return [f for f in named if row.phone is None or f.phone.endswith(row.phone)]

    def _no_product(self, row: LotRow) -> DomainError | None:
        return None if row.product in self.products else NotFound(N_("没有这个商品"), field="product_id")

    def _no_farmer(self, row: LotRow) -> DomainError | None:
        found = self._named(row)
        if len(found) > 1:
            return InvalidInput(N_("有多位同名农户，请填手机号末 4 位"), field="farmer_id")
        return None if found else NotFound(N_("本站没有这位农户"), field="farmer_id")

    def _unit_errors(self, row: LotRow) -> Iterator[DomainError]:
        unit = self.products[row.product].unit
        hint = N_("这个商品按重量出售，请写明斤或 kg") if unit == "g" else N_("这个商品按件出售")
        if row.amount.unit != unit:
            yield InvalidInput(hint, field="quantity")
        if row.price.unit != unit:
            yield InvalidInput(hint, field="price_fen")

    def _certificate_errors(self, row: LotRow) -> Iterator[DomainError]:
        """A certificate begun must be finished, and stands for one row only."""
        begun = {key: getattr(row, key) for key in _CERTIFICATE_KEYS}
        if not any(begun.values()) and not row.certificate_number:
            return
        for key, value in begun.items():
            if not value:
                yield InvalidInput(N_("合格证须填全"), field=key)
        if row.certificate_number:
            mine = (self.farmer(row).pk, row.certificate_number)
            if mine in self.certificates:
                yield InvalidInput(N_("合格证编号重复"), field="certificate.number")
            self.certificates.add(mine)

    def _consent(self, farmer: Farmer) -> AgentConsent | DomainError:
        if farmer.pk not in self.consents:
            try:
                self.consents[farmer.pk] = require_agent_consent(
                    kind=ConsentKind.AGENT_SALE, party_uuid=farmer.uuid, station=self.station
                )
            except DomainError as error:
                self.consents[farmer.pk] = error
        return self.consents[farmer.pk]


_CERTIFICATE_KEYS = (
    "certificate_basis",
    "certificate_issued_on",
    "certificate_contact",
    "certificate_origin",
)


def _statement(row: LotRow) -> CertificateStatement | None:
    """The certificate of a row whose four parts are there; what is missing has been told by then."""
    issued_on: date | None = row.certificate_issued_on
    if not (row.certificate_basis and issued_on and row.certificate_contact and row.certificate_origin):
        return None
    return CertificateStatement(
        number=row.certificate_number or "",
        basis=row.certificate_basis,
        issued_on=issued_on,
        contact=row.certificate_contact,
        origin=row.certificate_origin,
    )
