"""Cabinets in GraphQL: for everybody, for recipients."""

from lockers.schema import cabinets, recipients


class Query(cabinets.Query, recipients.Query):
    pass


class Mutation(cabinets.Mutation, recipients.Mutation):
    pass
