import graphene
from django.utils.translation import get_language

from marketplace.accounts.models import DeliveryConsent
from marketplace.accounts.services import consents
from marketplace.api.guard import PUBLIC, SIGNED_IN, guarded
from marketplace.api.mutations import Command
from marketplace.kernel.geo import LonLat
from marketplace.kernel.ids import parse_uuid
from marketplace.places.models import County, Hub, Place
from marketplace.places.services.nearest import nearest_places


class CountyType(graphene.ObjectType):
    class Meta:
        name = "County"

    code = graphene.String(required=True)
    name = graphene.String(required=True)


class CountyOutlineType(graphene.ObjectType):
    class Meta:
        name = "CountyOutline"

    code = graphene.String(required=True)
    ring = graphene.List(graphene.NonNull(graphene.List(graphene.NonNull(graphene.Float))), required=True)

    def resolve_ring(county, info):
        return county.outline


class PlaceType(graphene.ObjectType):
    class Meta:
        name = "Place"

    id = graphene.ID(required=True)
    kind = graphene.String(required=True)
    name = graphene.String(required=True)
    address = graphene.String(required=True)
    county = graphene.Field(CountyType, required=True)
    lon = graphene.Float(required=True)
    lat = graphene.Float(required=True)
    opens = graphene.Time(required=True)
    closes = graphene.Time(required=True)
    synthetic = graphene.Boolean(required=True)

    def resolve_id(place, info):
        return place.uuid

    def resolve_name(place, info):
        """In the reader's language where somebody has written it."""
        return (get_language() == "en" and place.name_en) or place.name


class NearPlaceType(graphene.ObjectType):
    class Meta:
        name = "NearPlace"

    place = graphene.Field(PlaceType, required=True)
    distance_m = graphene.Int(required=True)


class HubType(graphene.ObjectType):
    class Meta:
        name = "Hub"

    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    county = graphene.Field(CountyType, required=True)
    place = graphene.Field(PlaceType, required=True)
    is_city = graphene.Boolean(required=True)

    def resolve_id(hub, info):
        return hub.uuid


class DeliveryConsentType(graphene.ObjectType):
    class Meta:
        name = "DeliveryConsent"

    id = graphene.ID(required=True)
    place = graphene.Field(PlaceType, required=True)
    standing = graphene.Boolean(required=True)
    granted_at = graphene.DateTime(required=True)
    withdrawn_at = graphene.DateTime()

    def resolve_id(consent, info):
        return consent.uuid

    def resolve_place(consent, info):
        places = info.context.loaders.setdefault("places_by_uuid", {})
        if consent.place_uuid not in places:
            places[consent.place_uuid] = Place.objects.select_related("county").get(uuid=consent.place_uuid)
        return places[consent.place_uuid]


class Query(graphene.ObjectType):
    counties = graphene.List(graphene.NonNull(CountyType), required=True)
    county_outlines = graphene.List(graphene.NonNull(CountyOutlineType), required=True)
    hubs = graphene.List(graphene.NonNull(HubType), required=True)
    places = graphene.List(
        graphene.NonNull(PlaceType),
        required=True,
        kind=graphene.String(),
        county_code=graphene.String(),
        first=graphene.Int(default_value=400),
    )
    near_places = graphene.List(
        graphene.NonNull(NearPlaceType),
        required=True,
        lon=graphene.Float(required=True),
        lat=graphene.Float(required=True),
        kinds=graphene.List(graphene.NonNull(graphene.String), default_value=["cabinet_site", "station"]),
        first=graphene.Int(default_value=10),
    )
    my_delivery_consents = graphene.List(graphene.NonNull(DeliveryConsentType), required=True)

    @guarded(PUBLIC)
    def resolve_counties(root, info):
        return list(County.objects.defer("outline").order_by("code"))

    @guarded(PUBLIC)
    def resolve_county_outlines(root, info):
        return list(County.objects.order_by("code"))

    @guarded(PUBLIC)
    def resolve_hubs(root, info):
        return list(Hub.objects.select_related("county", "place__county").order_by("id"))

    @guarded(PUBLIC)
    def resolve_places(root, info, first, kind=None, county_code=None):
        places = Place.objects.select_related("county").exclude(kind="door").order_by("id")
        if kind:
            places = places.filter(kind=kind)
        if county_code:
            places = places.filter(county__code=county_code)
        return list(places[: max(1, min(first, 2000))])

    @guarded(PUBLIC)
    def resolve_near_places(root, info, lon, lat, kinds, first):
        shown = [kind for kind in kinds if kind != "door"]
        found = nearest_places(to=LonLat(lon, lat), kinds=shown, limit=max(1, min(first, 50)))
        return [NearPlaceType(place=place, distance_m=round(metres)) for place, metres in found]

    @guarded(SIGNED_IN)
    def resolve_my_delivery_consents(root, info):
        mine = list(
            DeliveryConsent.objects.filter(
                user__uuid=info.context.principal.user_uuid, withdrawn_at=None
            ).order_by("id")
        )
        wanted = Place.objects.select_related("county").filter(uuid__in=[row.place_uuid for row in mine])
        info.context.loaders["places_by_uuid"] = {place.uuid: place for place in wanted}
        return mine


class GiveDeliveryConsent(Command):
    class Arguments:
        place_id = graphene.ID(required=True)
        standing = graphene.Boolean(default_value=True)

    consent = graphene.Field(DeliveryConsentType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, place_id, standing=True):
        place = Place.by_uuid(parse_uuid(place_id, "place_id"), field="place_id")
        consent = consents.give_delivery_consent(
            principal=principal, place_uuid=place.uuid, standing=standing
        )
        return {"consent": consent}


class WithdrawDeliveryConsent(Command):
    class Arguments:
        place_id = graphene.ID(required=True)

    consent = graphene.Field(DeliveryConsentType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, place_id):
        uuid = parse_uuid(place_id, "place_id")
        return {"consent": consents.withdraw_delivery_consent(principal=principal, place_uuid=uuid)}


class Mutation(graphene.ObjectType):
    give_delivery_consent = GiveDeliveryConsent.Field()
    withdraw_delivery_consent = WithdrawDeliveryConsent.Field()
