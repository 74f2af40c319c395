"""Routes for those who drive, plans for those who dispatch."""

from routing.schema import plans, tour


class Query(plans.Query, tour.Query):
    pass


class Mutation(plans.Mutation, tour.Mutation):
    pass
