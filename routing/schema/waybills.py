"""Other carriers' parcels: a file in, what rides along on a day, the whole file back."""

import graphene

from marketplace.api.arguments import file_bytes
from marketplace.api.errors import cell_refusal
from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.places.schema import PlaceType
from routing.services.shipments import waybills

STAFF = roles("dispatcher", "hub_operator")


class WaybillType(graphene.ObjectType):
    class Meta:
        name = "Waybill"

    id = graphene.ID(required=True)
    batch_id = graphene.ID(required=True)
    firm = graphene.String(required=True)
    number = graphene.String(required=True)
    place = graphene.Field(PlaceType, required=True)
    weight_g = graphene.Int(required=True)
    size = graphene.String(required=True)
    zone = graphene.String(required=True)
    fee_fen = graphene.Int(required=True)
    recipient = graphene.String(required=True, description="masked")
    status = graphene.String(required=True, description="of its shipment")

    def resolve_id(row, info):
        return row.uuid

    def resolve_batch_id(row, info):
        return row.batch.uuid

    def resolve_weight_g(row, info):
        return row.shipment.weight_g

    def resolve_size(row, info):
        return row.shipment.size

    def resolve_zone(row, info):
        return row.shipment.zone

    def resolve_status(row, info):
        return row.shipment.status


class WaybillRowType(graphene.ObjectType):
    class Meta:
        name = "WaybillPreview"

    row = graphene.Int(required=True)
    number = graphene.String(required=True)
    place = graphene.String(required=True)
    weight_g = graphene.Int(required=True)
    fee_fen = graphene.Int(required=True)


class WaybillFaultType(graphene.ObjectType):
    class Meta:
        name = "WaybillFault"

    row = graphene.Int(required=True)
    column = graphene.String(required=True, description="as the file calls it")
    code = graphene.String(required=True)
    message = graphene.String(required=True)


class Query(graphene.ObjectType):
    waybills = graphene.List(
        graphene.NonNull(WaybillType),
        required=True,
        hub_id=graphene.ID(required=True),
        date=graphene.Date(required=True),
    )

    @guarded(STAFF)
    def resolve_waybills(root, info, hub_id, date):
        uuid = parse_uuid(hub_id, "hub_id")
        return list(waybills.waybills_of(principal=info.context.principal, hub_uuid=uuid, day=date))


class ImportWaybills(Command):
    """CSV, Excel or GPX. With any fault nothing is written."""

    class Arguments:
        hub_id = graphene.ID(required=True)
        firm = graphene.String(required=True, description="the courier firm whose parcels they are")
        date = graphene.Date(required=True)
        file_name = graphene.String(required=True)
        file = graphene.String(required=True, description="base64")
        dry_run = graphene.Boolean(required=True)

    batch_id = graphene.ID(description="what undoWaybills takes; null when nothing was written")
    preview = graphene.List(graphene.NonNull(WaybillRowType))
    faults = graphene.List(graphene.NonNull(WaybillFaultType))
    rule, idempotent = STAFF, True
    files = frozenset({"file"})

    @classmethod
    def perform(cls, principal, *, hub_id, firm, date, file_name, file, dry_run):
        result = waybills.import_waybills(
            principal=principal,
            hub_uuid=parse_uuid(hub_id, "hub_id"),
            firm=firm,
            day=date,
            name=file_name,
            data=file_bytes(file, "file"),
            dry_run=dry_run,
        )
        return {
            "batch_id": str(result.batch.uuid) if result.batch else None,
            "preview": [
                {
                    "row": row.row,
                    "number": row.number,
                    "place": row.place.name,
                    "weight_g": row.parcel.weight_g,
                    "fee_fen": row.fee_fen,
                }
                for row in result.ready
            ],
            "faults": [cell_refusal(fault) for fault in result.faults],
        }


class UndoWaybills(Command):
    class Arguments:
        id = graphene.ID(required=True)

    batch_id = graphene.ID()
    rule, idempotent = STAFF, True

    @classmethod
    def perform(cls, principal, *, id):
        batch = waybills.undo_waybills(principal=principal, batch_uuid=parse_uuid(id, "id"))
        return {"batch_id": str(batch.uuid)}


class Mutation(graphene.ObjectType):
    import_waybills = ImportWaybills.Field()
    undo_waybills = UndoWaybills.Field()
