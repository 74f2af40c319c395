"""Who gets what of a line, by dated fee rules. No Django.

What a line costs is in `orders.weighing`; here is how that sum is divided. Rates are in basis points of the
goods amount; rounding is the kernel's one rule, and the last fen always stays with the seller (goods) or the
platform (delivery), so that the parts add up. The rates are our own choice, after 农村淘宝's published ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.kernel.money import split_fen

#: receivers of shares get at most this much of a trade; the seller's own part never goes that way
ROYALTY_CAP_BP = 3000


class Party(StrEnum):
    SELLER = "seller"
    STATION = "station"
    COURIER = "courier"
    PLATFORM = "platform"


class Agency(StrEnum):
    """What a station did for a sale: 代卖 for the farmer, 代买 for the villager, or nothing."""

    SELLING = "agent_sale"
    BUYING = "agent_purchase"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class FeeRules:
    """Rates that hold from `valid_from` on; an order keeps the rules of the day it was placed.

    The defaults are the rates that the marketplace opened with; versions are published as dated rows.
    """

    valid_from: date
    commission_bp: int = 700
    station_selling_bp: int = 600
    station_buying_bp: int = 400
    courier_bp: int = 8000
    """Of the delivery fee, not of the goods."""
    second_leg_fen: int = 300

    def __post_init__(self) -> None:
        fees = self.commission_bp + self.station_selling_bp + self.station_buying_bp
        if min(self.commission_bp, self.station_selling_bp, self.station_buying_bp, self.courier_bp) < 0:
            raise ValueError("a rate below zero")
        if fees > ROYALTY_CAP_BP or self.courier_bp > 10_000 or self.second_leg_fen < 0:
            raise ValueError("fees pass the provider's cap, or the courier's share passes the whole")


#: what holds until the first published version does (orders.models.FeeRule)
OPENING_RULES = FeeRules(valid_from=date(2015, 1, 1))

Parts = Mapping[Party, int]


def split_goods(*, amount_fen: int, rules: FeeRules, agency: Agency = Agency.NONE) -> dict[Party, int]:
    """Commission and station fee come out of the goods; the rest, with the last fen, is the seller's."""
    shares = {Party.PLATFORM: rules.commission_bp, Party.SELLER: 0}
    if agency is Agency.SELLING:
        shares[Party.STATION] = rules.station_selling_bp
    if agency is Agency.BUYING:
        shares[Party.STATION] = rules.station_buying_bp
    return _split(amount_fen, shares, remainder_to=Party.SELLER)


def split_delivery(*, fee_fen: int, rules: FeeRules) -> dict[Party, int]:
    """The buyer's delivery fee pays the courier; the rest is the platform's."""
    shares = {Party.COURIER: rules.courier_bp, Party.PLATFORM: 0}
    return _split(fee_fen, shares, remainder_to=Party.PLATFORM)


def taken_back(*, before: Parts, after: Parts) -> dict[Party, int]:
    """What each party gives back when an amount shrinks from the split `before` to the split `after`.

    Both are splits of the kept amount, so any row of partial refunds ends where one full refund would.
    """
    parties = [party for party in Party if party in before or party in after]
    return {party: before.get(party, 0) - after.get(party, 0) for party in parties}


def _split(amount_fen: int, shares: dict[Party, int], *, remainder_to: Party) -> dict[Party, int]:
    if amount_fen < 0:
        raise ValueError("a negative amount cannot be split")
    parts = split_fen(amount_fen, {str(party): bp for party, bp in shares.items()}, str(remainder_to))
    return {Party(name): part for name, part in parts.items()}
