from orders.schema import mutations, queries
from orders.schema.claims import ClaimsMutation, ClaimsQuery
from orders.schema.money import MoneyMutation, MoneyQuery


class Query(queries.Query, MoneyQuery, ClaimsQuery):
    pass


class Mutation(mutations.Mutation, MoneyMutation, ClaimsMutation):
    pass


__all__ = ["Mutation", "Query"]
