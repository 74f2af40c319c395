"""Where another cabinet would help, for operators and the county."""

import graphene

from lockers.services.oversight import siting
from marketplace.api.guard import guarded, roles


class SiteCandidateType(graphene.ObjectType):
    class Meta:
        name = "SiteCandidate"

    place_id = graphene.ID(required=True)
    name = graphene.String(required=True)
    lon = graphene.Float(required=True)
    lat = graphene.Float(required=True)
    kind = graphene.String(
        required=True, description="new: no cabinet there yet; more: the one there is full"
    )
    fetched = graphene.Int(required=True, description="parcels that people fetched there by hand")
    turned_away = graphene.Int(required=True, description="parcels that its cells were too full for")
    nearest_m = graphene.Int(description="to the nearest other cabinet")
    saved_km = graphene.Float(required=True, description="ways that it saves in the period, one way each")

    def resolve_place_id(candidate, info):
        return candidate.demand.place

    def resolve_name(candidate, info):
        return candidate.demand.name

    def resolve_lon(candidate, info):
        return candidate.demand.at.lon

    def resolve_lat(candidate, info):
        return candidate.demand.at.lat

    def resolve_fetched(candidate, info):
        return candidate.demand.fetched

    def resolve_turned_away(candidate, info):
        return candidate.demand.turned_away


class ReachBandType(graphene.ObjectType):
    class Meta:
        name = "ReachBand"

    from_m = graphene.Int(required=True)
    to_m = graphene.Int(description="null: or further")
    buyers = graphene.Int(required=True, description="rounded to fives; never fewer than ten")


class SitingType(graphene.ObjectType):
    class Meta:
        name = "Siting"

    stations = graphene.Int(required=True, description="places without a cabinet")
    median_m = graphene.Int(description="of the stations' ways to the nearest cabinet")
    near_share = graphene.Float(description="of the stations that have one within 2 km")
    turned_away = graphene.Int(required=True)
    candidates = graphene.List(graphene.NonNull(SiteCandidateType), required=True, description="best first")
    buyers = graphene.List(
        graphene.NonNull(ReachBandType),
        required=True,
        description="by the way from their nearest agreed place to a cabinet; empty for fewer than ten",
    )


class Query(graphene.ObjectType):
    siting = graphene.Field(
        SitingType,
        required=True,
        start=graphene.DateTime(required=True),
        end=graphene.DateTime(required=True),
    )

    @guarded(roles("cabinet_operator", "county_reviewer"))
    def resolve_siting(root, info, start, end):
        return siting.siting(principal=info.context.principal, start=start, end=end)
