import graphene

from marketplace.api.guard import guarded, roles
from marketplace.custody.models import HandlingUnit
from marketplace.kernel.errors import NotFound

#: who scans codes at work; what they see of a unit holds no person's data
SCANNERS = roles(
    "information_officer", "courier", "hub_operator", "dispatcher", "cabinet_operator", "county_reviewer"
)


class HolderType(graphene.ObjectType):
    class Meta:
        name = "Holder"

    kind = graphene.String(required=True)
    id = graphene.ID(required=True)


class CustodyEventType(graphene.ObjectType):
    class Meta:
        name = "CustodyEvent"

    seq = graphene.Int(required=True)
    at = graphene.DateTime(required=True)
    from_holder = graphene.Field(HolderType)
    to_holder = graphene.Field(HolderType, required=True)
    place_id = graphene.ID()
    temperature_c = graphene.Float()
    hash = graphene.String(required=True)

    def resolve_from_holder(event, info):
        return HolderType(kind=event.from_kind, id=event.from_uuid) if event.from_uuid else None

    def resolve_to_holder(event, info):
        return HolderType(kind=event.to_kind, id=event.to_uuid)

    def resolve_place_id(event, info):
        return event.place_uuid


class UnitContentType(graphene.ObjectType):
    class Meta:
        name = "UnitContent"

    kind = graphene.String(required=True)
    id = graphene.ID(required=True)
    grams = graphene.Int(required=True)

    def resolve_id(content, info):
        return content.content_uuid


class HandlingUnitType(graphene.ObjectType):
    class Meta:
        name = "HandlingUnit"

    id = graphene.ID(required=True)
    code = graphene.String(required=True)
    kind = graphene.String(required=True)
    zone = graphene.String(required=True)
    status = graphene.String(required=True)
    gross_g = graphene.Int(required=True)
    tare_g = graphene.Int(required=True)
    volume_ml = graphene.Int(required=True)
    size = graphene.String(required=True)
    reference = graphene.ID()
    holder = graphene.Field(HolderType, required=True)
    contents = graphene.List(graphene.NonNull(UnitContentType), required=True)
    history = graphene.List(graphene.NonNull(CustodyEventType), required=True)

    def resolve_id(unit, info):
        return unit.uuid

    def resolve_holder(unit, info):
        return HolderType(kind=unit.holder_kind, id=unit.holder_uuid)

    def resolve_contents(unit, info):
        return list(unit.contents.all())

    def resolve_history(unit, info):
        return sorted(unit.custody.all(), key=lambda event: event.seq)


class Query(graphene.ObjectType):
    unit = graphene.Field(HandlingUnitType, code=graphene.String(required=True))

    @guarded(SCANNERS)
    def resolve_unit(root, info, code):
        unit = HandlingUnit.objects.prefetch_related("contents", "custody").filter(code=code).first()
        if unit is None:
            raise NotFound(field="code")
        return unit


class Mutation(graphene.ObjectType):
    pass
