from orders.schema import mutations, queries
from orders.schema.money import MoneyMutation, MoneyQuery


class Query(queries.Query, MoneyQuery):
    pass


class Mutation(mutations.Mutation, MoneyMutation):
    pass


__all__ = ["Mutation", "Query"]
