"""Routes for those who drive, plans for those who dispatch, doors for those who drop."""

from routing.schema import drops, edits, plans, tour


class Query(edits.Query, plans.Query, tour.Query, drops.Query):
    pass


class Mutation(edits.Mutation, plans.Mutation, tour.Mutation, drops.Mutation):
    pass
