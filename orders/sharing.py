"""The fair-share rule for goods that fell short. No Django.

Everybody gets the same share of what he ordered, in whole units, never more than he ordered; what does not
divide goes to those who lost most by rounding, the earliest first. The parts add up to what there is.
"""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")


def fair_share(*, available: int, wanted: Mapping[Key, int]) -> dict[Key, int]:
    """`wanted` in the order of ordering; `available` and the parts in the unit of the lot (grams, pieces)."""
    total = sum(wanted.values())
    if available < 0 or any(amount <= 0 for amount in wanted.values()):
        raise ValueError("amounts must be positive")
    if available >= total:
        return dict(wanted)
    parts = {key: amount * available // total for key, amount in wanted.items()}
    lost = sorted(wanted, key=lambda key: -(wanted[key] * available % total))  # stable: earliest first
    for key in lost[: available - sum(parts.values())]:
        parts[key] += 1
    return parts
