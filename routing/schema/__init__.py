"""Routes for those who drive, plans for those who dispatch, doors for those who drop."""

from routing.schema import drops, plans, tour


class Query(plans.Query, tour.Query, drops.Query):
    pass


class Mutation(plans.Mutation, tour.Mutation, drops.Mutation):
    pass
