"""The chart of accounts. No Django.

A debit is positive, a credit negative; entries of one transaction sum to zero. What we or a provider hold for
others is an asset (positive), what is owed to somebody is a liability (negative), the platform's own fees are
income (negative). The ledger records instructions and claims; it is not a purse (see docs/payments.md).

    captured    provider_clearing +   held(seller) -
    refund      held(seller) +        buyer_refunds_due -      then  buyer_refunds_due +  provider_clearing -
    delivered   held(seller) +        seller_payable -  station_payable -  commission -
    ordered     seller_payable +      settling -               asked for: nobody can spend it again
    paid out    settling +            provider_clearing -      the provider released it to the seller
    fee shared  platform_balance +    provider_clearing -      royalty: our commission is in our own account
    returned    provider_clearing +   seller_debt -  platform_balance -   the refund took it back
"""

from enum import StrEnum


class AccountKind(StrEnum):
    PROVIDER_CLEARING = "provider_clearing"
    """Money of our trades at the payment provider; the owner is empty."""
    PLATFORM_BALANCE = "platform_balance"
    """The platform's own money at the provider: commission that was shared to it, its delivery fees."""
    STATION_CASH = "station_cash"
    """Cash that a station took in and still owes the platform (its float)."""
    SELLER_DEBT = "seller_debt"
    """What a seller owes back after a refund of money that he already has."""
    HOLDER_LIABILITY = "holder_liability"
    """What somebody owes for goods lost in his hands."""
    HELD = "held"
    """Paid by buyers for a seller's goods that are not delivered yet."""
    FROZEN = "frozen"
    """Pre-authorised money, with its mirror: no revenue, and not in clearing until it is paid."""
    FROZEN_MIRROR = "frozen_mirror"
    BUYER_REFUNDS_DUE = "buyer_refunds_due"
    SETTLING = "settling"
    """Ordered to be paid out to its owner; the provider has not said yet that it is done."""
    SELLER_PAYABLE = "seller_payable"
    STATION_PAYABLE = "station_payable"
    COURIER_PAYABLE = "courier_payable"
    COMMISSION = "commission"
    DELIVERY_INCOME = "delivery_income"
    LOCKER_FEE = "locker_fee"
    PROVIDER_FEE = "provider_fee"
    SUSPENSE = "suspense"


#: whose balance must not turn against its owner: a posting that would do so has to name the debt instead
NEVER_OVERDRAWN = frozenset(
    {
        AccountKind.HELD,
        AccountKind.BUYER_REFUNDS_DUE,
        AccountKind.SETTLING,
        AccountKind.SELLER_PAYABLE,
        AccountKind.STATION_PAYABLE,
        AccountKind.COURIER_PAYABLE,
        AccountKind.FROZEN,
    }
)
