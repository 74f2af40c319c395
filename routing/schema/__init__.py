"""Routes for those who drive, plans for those who dispatch, doors for those who drop."""

from routing.schema import city, drops, edits, plans, roads, tour, waybills


class Query(
    city.Query,
    edits.Query,
    roads.Query,
    plans.Query,
    tour.Query,
    waybills.Query,
    drops.Query,
):
    pass


class Mutation(
    city.Mutation,
    edits.Mutation,
    roads.Mutation,
    plans.Mutation,
    tour.Mutation,
    waybills.Mutation,
    drops.Mutation,
):
    pass
