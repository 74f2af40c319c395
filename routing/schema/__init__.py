"""Routes for those who drive, plans for those who dispatch, doors for those who drop."""

from routing.schema import drops, edits, plans, roads, tour


class Query(edits.Query, roads.Query, plans.Query, tour.Query, drops.Query):
    pass


class Mutation(edits.Mutation, roads.Mutation, plans.Mutation, tour.Mutation, drops.Mutation):
    pass
