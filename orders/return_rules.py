"""七天无理由退货: which goods may be sent back without a reason, until when, and the seller's refund clock.
No Django.

Consumer Law 25 (2014-03-15): seven days from receipt, refund within seven days of the goods coming back, the
buyer pays the way. Fresh produce and other goods that spoil are excluded, unless the seller grants it. The
rule of the day of ordering is frozen on the line: a later version alters no placed order.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from marketplace.kernel import clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRule:
    """`days` to say so, from the day after receipt; then `bring_within_days` to hand the goods back."""

    valid_from: date
    days: int = 7
    bring_within_days: int = 7
    refund_within_days: int = 7
    granted: bool = False
    """The seller grants it where the law does not ask it (fresh produce)."""


#: every version, the latest first
RULES = (ReturnRule(valid_from=date(2014, 3, 15)),)


def rule_for(*, returnable: bool, granted: bool, on: date) -> ReturnRule | None:
    """The rule for goods ordered that day; None for what cannot be sent back without a reason."""
    if not returnable and not granted:
        return None
    rule = next(rule for rule in RULES if rule.valid_from <= on)
    return ReturnRule(**{**asdict(rule), "granted": granted and not returnable})


def freeze(rule: ReturnRule | None) -> dict[str, Any] | None:
    """As it is kept with an order line."""
    return {**asdict(rule), "valid_from": rule.valid_from.isoformat()} if rule else None


def frozen_rule(listing: Mapping[str, Any]) -> ReturnRule | None:
    """What a line's listing keeps; lines older than the rule's copy say only whether."""
    kept = listing.get("return_rule")
    if kept:
        return ReturnRule(**{**kept, "valid_from": date.fromisoformat(kept["valid_from"])})
    return RULES[-1] if listing.get("returnable") and "return_rule" not in listing else None


def returnable_until(rule: ReturnRule, *, received_at: datetime) -> datetime:
    """The end of the last day on which the buyer may ask; the day of receipt is not counted."""
    day = received_at.astimezone(clock.SHANGHAI).date()
    return clock.at(day + timedelta(days=rule.days + 1), 0)


def returned_fen(*, kept_fen: int, quantity: int, of: int) -> int:
    """The share of what was paid and kept; the whole for the whole, so that parts never exceed it."""
    return kept_fen if quantity >= of else kept_fen * quantity // of
