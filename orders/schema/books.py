"""The settlement run, the trial balance, the bill's differences and the station's till."""

import graphene

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from orders.schema.types import many
from orders.services.settlement import books, carrier_payouts, cash_closing

PLATFORM = roles("platform")
OFFICERS = roles("information_officer")


class PayoutType(graphene.ObjectType):
    """What one seller and his helpers are to get of one collected parcel."""

    class Meta:
        name = "Payout"

    id = graphene.ID(required=True)
    order_number = graphene.String(required=True)
    merchant_id = graphene.ID(description="empty: the platform's own, for the delivery")
    status = graphene.String(required=True)
    due_at = graphene.DateTime(required=True)
    amount_fen = graphene.Int(required=True)
    failure = graphene.String(required=True)
    tries = graphene.Int(required=True)
    ordered_at = graphene.DateTime()
    ended_at = graphene.DateTime()

    def resolve_id(row, info):
        return row.uuid

    def resolve_order_number(row, info):
        return row.fulfilment.order.number

    def resolve_merchant_id(row, info):
        return row.merchant_uuid


class AccountSumType(graphene.ObjectType):
    class Meta:
        name = "AccountSum"

    kind = graphene.String(required=True)
    owners = graphene.Int(required=True)
    amount_fen = graphene.Float(required=True, description="whole fen; debit positive")


class TrialBalanceType(graphene.ObjectType):
    class Meta:
        name = "TrialBalance"

    accounts = many(AccountSumType)
    sum_fen = graphene.Float(required=True, description="zero, or the books are broken")


class ReconciliationItemType(graphene.ObjectType):
    """One row where the provider's bill and our books differ."""

    class Meta:
        name = "ReconciliationItem"

    id = graphene.ID(required=True)
    difference = graphene.String(
        required=True, description="missing_here, missing_there, amount, status, fee or date_boundary"
    )
    kind = graphene.String(required=True, description="payment or refund")
    out_trade_no = graphene.String(required=True)
    ours_fen = graphene.Int()
    theirs_fen = graphene.Int()
    found_at = graphene.DateTime(required=True)
    resolved_at = graphene.DateTime()

    def resolve_id(row, info):
        return row.uuid


class CarrierPayoutType(graphene.ObjectType):
    """What a courier's firm is paid for the deliveries of a week."""

    class Meta:
        name = "CarrierPayout"

    id = graphene.ID(required=True)
    carrier_id = graphene.ID(required=True)
    carrier_name = graphene.String(required=True)
    until = graphene.Date(required=True, description="a Monday; that day is not included")
    amount_fen = graphene.Int(required=True)
    status = graphene.String(required=True, description="ordered, done or refused")
    failure = graphene.String(required=True)
    ordered_at = graphene.DateTime(required=True)
    ended_at = graphene.DateTime()

    def resolve_id(row, info):
        return row.uuid

    def resolve_carrier_id(row, info):
        return row.carrier.uuid

    def resolve_carrier_name(row, info):
        return row.carrier.name


class BillDayType(graphene.ObjectType):
    class Meta:
        name = "BillDay"

    day = graphene.Date(required=True)
    status = graphene.String(required=True, description="wanted or fetched")
    rows = graphene.Int(required=True)
    items = many(ReconciliationItemType)


class CashClosingType(graphene.ObjectType):
    class Meta:
        name = "CashClosing"

    id = graphene.ID(required=True)
    day = graphene.Date(required=True)
    expected_fen = graphene.Int(required=True)
    counted_fen = graphene.Int(required=True)
    difference_fen = graphene.Int(required=True)
    reason = graphene.String(required=True)
    at = graphene.DateTime(required=True)
    closed_by = graphene.String(description="who counted")

    def resolve_id(row, info):
        return row.uuid

    def resolve_closed_by(row, info):
        return getattr(row, "closed_by_name", None)


class CloseCash(Command):
    class Arguments:
        station_id = graphene.ID(required=True)
        counted_fen = graphene.Int(required=True)
        reason = graphene.String(default_value="", description="needed when the count differs from the books")

    closing = graphene.Field(CashClosingType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal, *, station_id, counted_fen, reason=""):
        closing = cash_closing.close_cash(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            counted_fen=counted_fen,
            reason=reason,
        )
        return {"closing": closing}


class BooksQuery(graphene.ObjectType):
    payouts = graphene.List(
        graphene.NonNull(PayoutType),
        required=True,
        status=graphene.String(),
        first=graphene.Int(default_value=50),
    )
    carrier_payouts = graphene.List(
        graphene.NonNull(CarrierPayoutType), required=True, first=graphene.Int(default_value=50)
    )
    trial_balance = graphene.Field(TrialBalanceType, required=True)
    reconciliation = graphene.List(
        graphene.NonNull(BillDayType), required=True, first=graphene.Int(default_value=7)
    )
    cash_closings = graphene.List(
        graphene.NonNull(CashClosingType),
        required=True,
        station_id=graphene.ID(required=True),
        first=graphene.Int(default_value=10),
    )

    @guarded(PLATFORM)
    def resolve_payouts(root, info, first, status=None):
        return books.payouts(principal=info.context.principal, status=status, first=first)

    @guarded(roles("courier", "platform"))
    def resolve_carrier_payouts(root, info, first):
        return carrier_payouts.carrier_payouts(principal=info.context.principal, first=first)

    @guarded(PLATFORM)
    def resolve_trial_balance(root, info):
        return books.trial_balance(principal=info.context.principal)

    @guarded(PLATFORM)
    def resolve_reconciliation(root, info, first):
        return books.reconciliation(principal=info.context.principal, first=first)

    @guarded(OFFICERS)
    def resolve_cash_closings(root, info, station_id, first):
        return cash_closing.closings(
            principal=info.context.principal, station_uuid=parse_uuid(station_id, "station_id"), first=first
        )


class BooksMutation(graphene.ObjectType):
    close_cash = CloseCash.Field()
