"""Cabinets in GraphQL: for everybody, for recipients, for those who keep them."""

from lockers.schema import cabinets, operators, recipients


class Query(cabinets.Query, recipients.Query, operators.Query):
    pass


class Mutation(cabinets.Mutation, recipients.Mutation, operators.Mutation):
    pass
