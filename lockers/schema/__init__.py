"""Cabinets in GraphQL: for everybody, for recipients, for those who keep them."""

from lockers.schema import cabinets, desk, devices, fees, fleet, recipients, site_imports, siting


class Query(
    cabinets.Query,
    recipients.Query,
    desk.Query,
    fleet.Query,
    fees.Query,
    siting.Query,
    devices.Query,
    site_imports.Query,
):
    pass


class Mutation(
    cabinets.Mutation,
    recipients.Mutation,
    desk.Mutation,
    fleet.Mutation,
    fees.Mutation,
    devices.Mutation,
    site_imports.Mutation,
):
    pass
