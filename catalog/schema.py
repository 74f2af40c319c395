"""Products and lots in GraphQL. A page of lots costs one statement, and one more when certificates are
asked for.
"""

from datetime import date

import graphene
from django.db.models import prefetch_related_objects

from catalog.services import imports, listing, reading, search
from catalog.services.listing import CertificateStatement
from farmers.schema import CertificateType, SellerType, StationType
from marketplace.api.arguments import file_bytes
from marketplace.api.errors import refusal
from marketplace.api.guard import PUBLIC, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import parse_uuid
from marketplace.places.schema import PlaceType

SELLERS = roles("information_officer", "farmer")
OFFICERS = roles("information_officer")


class ProductType(graphene.ObjectType):
    class Meta:
        name = "Product"

    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    name_en = graphene.String()
    category = graphene.String(required=True)
    direction = graphene.String(required=True)
    zone = graphene.String(required=True)
    min_c = graphene.Float()
    max_c = graphene.Float()
    shelf_life_days = graphene.Int()
    unit = graphene.String(required=True, description="g: sold by weight; piece")
    unit_net_g = graphene.Int()
    unit_gross_g = graphene.Int()
    size_class = graphene.String(required=True)
    volume_ml = graphene.Int(required=True, description="per piece, or per kilogram when sold by weight")
    cargo = graphene.String(required=True)
    needs_certificate = graphene.Boolean(required=True)
    needs_sender_agreement = graphene.Boolean(required=True)
    required_licence = graphene.String(required=True)
    locker_allowed = graphene.Boolean(required=True)
    returnable = graphene.Boolean(required=True)
    fresh = graphene.Boolean(required=True)
    season = graphene.String(required=True)
    typical_price_fen = graphene.Int()

    def resolve_id(product, info):
        return product.uuid


class LotType(graphene.ObjectType):
    class Meta:
        name = "Lot"

    id = graphene.ID(required=True)
    product = graphene.Field(ProductType, required=True)
    seller = graphene.Field(SellerType, required=True)
    station = graphene.Field(StationType)
    listed_by = graphene.String(description="who entered it, when it was not the seller (代卖)")
    harvested_on = graphene.Date()
    expires_on = graphene.Date()
    days_left = graphene.Int()
    available_quantity = graphene.Int(required=True)
    unit = graphene.String(required=True)
    zone = graphene.String(required=True)
    price_fen = graphene.Int(required=True)
    price_basis = graphene.String(required=True, description="kg or piece")
    status = graphene.String(required=True)
    sender_agreement = graphene.Boolean(required=True)
    returnable = graphene.Boolean(
        required=True, description="七天无理由, by the law or granted by the seller"
    )
    certificates = graphene.List(graphene.NonNull(CertificateType), required=True)
    trace_code = graphene.String(required=True)
    origin = graphene.Field(PlaceType)

    def resolve_id(lot, info):
        return lot.uuid

    def resolve_listed_by(lot, info):
        return lot.listed_by_user.name if lot.agent_consent_id and lot.listed_by_user else None

    def resolve_returnable(lot, info):
        return lot.product.returnable or lot.returns_granted

    def resolve_days_left(lot, info):
        return lot.days_left(clock.today())

    def resolve_certificates(lot, info):
        """The first lot that asks loads the certificates of the whole page."""
        if "certificates" not in getattr(lot, "_prefetched_objects_cache", {}):
            page = info.context.loaders.get("lots", [])
            prefetch_related_objects(page if lot in page else [lot], "certificates")
        return list(lot.certificates.all())

    def resolve_origin(lot, info):
        return lot.place


class LotPageType(graphene.ObjectType):
    class Meta:
        name = "LotPage"

    nodes = graphene.List(graphene.NonNull(LotType), required=True)
    end_cursor = graphene.String()
    has_next = graphene.Boolean(required=True)


class Query(graphene.ObjectType):
    products = graphene.List(
        graphene.NonNull(ProductType),
        required=True,
        direction=graphene.String(),
        search=graphene.String(),
        first=graphene.Int(default_value=50),
    )
    lots = graphene.Field(
        LotPageType,
        required=True,
        search=graphene.String(),
        zone=graphene.String(),
        county_code=graphene.String(),
        direction=graphene.String(default_value="up"),
        first=graphene.Int(default_value=20),
        after=graphene.String(),
    )
    lot = graphene.Field(LotType, id=graphene.ID(required=True))
    station_lots = graphene.List(
        graphene.NonNull(LotType), required=True, station_id=graphene.ID(required=True)
    )

    @guarded(PUBLIC)
    def resolve_products(root, info, **filters):
        return search.find_products(**filters)

    @guarded(PUBLIC)
    def resolve_lots(root, info, **filters):
        page = search.find_lots(**filters)
        return LotPageType(
            nodes=_as_page(info, page.nodes), end_cursor=page.end_cursor, has_next=page.has_next
        )

    @guarded(PUBLIC)
    def resolve_lot(root, info, id):
        return search.find_lot(parse_uuid(id, "id"))

    @guarded(SELLERS)
    def resolve_station_lots(root, info, station_id):
        lots = reading.lots_of_station(
            principal=info.context.principal, station_uuid=parse_uuid(station_id, "station_id")
        )
        return _as_page(info, lots)


def _as_page(info, lots):
    info.context.loaders["lots"] = lots
    return lots


class CertificateInput(graphene.InputObjectType):
    number = graphene.String()
    basis = graphene.String(required=True, description="quality_control, self_test or commissioned_test")
    issued_on = graphene.Date(required=True)
    contact = graphene.String(required=True)
    origin = graphene.String(required=True)


class ListLot(Command):
    class Arguments:
        product_id = graphene.ID(required=True)
        farmer_id = graphene.ID(required=True)
        station_id = graphene.ID(required=True)
        quantity = graphene.Int(required=True, description="grams or pieces, as the product is sold")
        price_fen = graphene.Int(required=True, description="per kilogram or per piece")
        harvested_on = graphene.Date(required=True)
        shelf_life_days = graphene.Int()
        zone = graphene.String()
        certificate = CertificateInput()
        sender_agreement = graphene.Boolean(required=True)
        plot_id = graphene.ID()

    lot = graphene.Field(LotType)
    rule = SELLERS
    idempotent = True
    offline = True

    @classmethod
    def perform(
        cls,
        principal,
        *,
        product_id,
        farmer_id,
        station_id,
        harvested_on,
        certificate=None,
        plot_id=None,
        **fields,
    ):
        lot = listing.list_lot(
            principal=principal,
            product_uuid=parse_uuid(product_id, "product_id"),
            farmer_uuid=parse_uuid(farmer_id, "farmer_id"),
            station_uuid=parse_uuid(station_id, "station_id"),
            harvested_on=_date(harvested_on, "harvested_on"),
            certificate=_statement(certificate),
            plot_uuid=parse_uuid(plot_id, "plot_id") if plot_id else None,
            **fields,
        )
        return {"lot": lot}


def _statement(given):
    if given is None:
        return None
    return CertificateStatement(
        number=given.get("number") or "",
        basis=given["basis"],
        issued_on=_date(given["issued_on"], "certificate.issued_on"),
        contact=given["contact"],
        origin=given["origin"],
    )


def _date(value, field):
    """Offline operations bring their dates as text."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidInput(N_("日期格式应为 2026-03-01"), field=field) from None


class WithdrawLot(Command):
    class Arguments:
        id = graphene.ID(required=True)

    lot = graphene.Field(LotType)
    rule = roles("information_officer", "farmer", "hub_operator")
    offline = True

    @classmethod
    def perform(cls, principal, *, id):
        return {"lot": listing.withdraw_lot(principal=principal, lot_uuid=parse_uuid(id, "id"))}


class GrantReturns(Command):
    class Arguments:
        id = graphene.ID(required=True)
        granted = graphene.Boolean(required=True)

    lot = graphene.Field(LotType)
    rule = roles("information_officer", "farmer", "hub_operator")

    @classmethod
    def perform(cls, principal, *, id, granted):
        lot = listing.grant_returns(principal=principal, lot_uuid=parse_uuid(id, "id"), granted=granted)
        return {"lot": lot}


class RowError(graphene.ObjectType):
    """A bad cell of an import: line of the file (the header is 1), column as the file calls it."""

    row = graphene.Int(required=True)
    field = graphene.String(required=True)
    code = graphene.String(required=True)
    message = graphene.String(required=True)


class ImportPreviewRow(graphene.ObjectType):
    row = graphene.Int(required=True)
    product = graphene.String(required=True)
    farmer = graphene.String(required=True)
    quantity = graphene.Int(required=True)
    unit = graphene.String(required=True)
    price_fen = graphene.Int(required=True)
    zone = graphene.String(required=True)
    expires_on = graphene.String(description="ISO date")


class ImportLots(Command):
    """CSV or Excel. With any fault nothing is written."""

    class Arguments:
        station_id = graphene.ID(required=True)
        file_name = graphene.String(required=True)
        file = graphene.String(required=True, description="base64")
        dry_run = graphene.Boolean(required=True)

    import_id = graphene.ID(description="what undoImport takes; null when nothing was written")
    lots = graphene.List(graphene.NonNull(LotType))
    preview = graphene.List(graphene.NonNull(ImportPreviewRow))
    row_errors = graphene.List(graphene.NonNull(RowError))
    rule = OFFICERS
    idempotent = True
    files = frozenset({"file"})

    @classmethod
    def perform(cls, principal, *, station_id, file_name, file, dry_run):
        result = imports.import_lots(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            name=file_name,
            data=file_bytes(file, "file"),
            dry_run=dry_run,
        )
        return {
            "import_id": str(result.batch.uuid) if result.batch else None,
            "lots": result.lots,
            "preview": [_preview(ready) for ready in result.ready],
            "row_errors": [_row_error(fault) for fault in result.faults],
        }


def _preview(ready):
    draft = ready.draft
    return {
        "row": ready.row,
        "product": draft.product.name,
        "farmer": draft.seller.name,
        "quantity": draft.quantity,
        "unit": draft.product.unit,
        "price_fen": draft.price_fen,
        "zone": draft.travelling_zone,
        "expires_on": draft.expires_on.isoformat() if draft.expires_on else None,
    }


def _row_error(fault):
    told = refusal(fault.error)
    return {"row": fault.row, "field": fault.column, "code": told.code, "message": told.message}


class LotImportType(graphene.ObjectType):
    class Meta:
        name = "LotImport"

    id = graphene.ID(required=True)
    imported_at = graphene.DateTime(required=True)
    undone_at = graphene.DateTime()

    def resolve_id(batch, info):
        return batch.uuid


class UndoImport(Command):
    class Arguments:
        id = graphene.ID(required=True)

    lot_import = graphene.Field(LotImportType)
    rule = OFFICERS

    @classmethod
    def perform(cls, principal, *, id):
        return {"lot_import": imports.undo_import(principal=principal, import_uuid=parse_uuid(id, "id"))}


class Mutation(graphene.ObjectType):
    list_lot = ListLot.Field()
    withdraw_lot = WithdrawLot.Field()
    grant_returns = GrantReturns.Field()
    import_lots = ImportLots.Field()
    undo_import = UndoImport.Field()
