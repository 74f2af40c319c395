from orders.schema import mutations, queries
from orders.schema.books import BooksMutation, BooksQuery
from orders.schema.claims import ClaimsMutation, ClaimsQuery
from orders.schema.money import MoneyMutation, MoneyQuery
from orders.schema.shortages import ShortagesMutation


class Query(queries.Query, MoneyQuery, ClaimsQuery, BooksQuery):
    pass


class Mutation(mutations.Mutation, MoneyMutation, ClaimsMutation, ShortagesMutation, BooksMutation):
    pass


__all__ = ["Mutation", "Query"]
