from orders.schema import mutations, queries
from orders.schema.books import BooksMutation, BooksQuery
from orders.schema.claims import ClaimsMutation, ClaimsQuery
from orders.schema.money import MoneyMutation, MoneyQuery
from orders.schema.receipts import ReceiptsMutation, ReceiptsQuery
from orders.schema.returns import ReturnsMutation, ReturnsQuery
from orders.schema.shortages import ShortagesMutation, ShortagesQuery
from orders.schema.wishes import WishesMutation, WishesQuery


class Query(
    queries.Query,
    MoneyQuery,
    ClaimsQuery,
    BooksQuery,
    ReceiptsQuery,
    ReturnsQuery,
    ShortagesQuery,
    WishesQuery,
):
    pass


class Mutation(
    mutations.Mutation,
    MoneyMutation,
    ClaimsMutation,
    ShortagesMutation,
    BooksMutation,
    ReceiptsMutation,
    ReturnsMutation,
    WishesMutation,
):
    pass


__all__ = ["Mutation", "Query"]
