"""Catch weight (称重商品): what a weighed portion costs, and how much may be lost on the way. No Django.

The buyer pays the agreed maximum at checkout; the weighed portion sets what is kept of it. More weight than
ordered never costs more; less weight, or fewer pieces, comes back line by line. Two weighings are two facts:
WeighIn (what the farmer handed over) and PortionWeight (what the buyer pays and the seller earns).
"""

from dataclasses import dataclass

from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.money import line_amount_fen

#: allowed shrinkage between the station's scale and the portions, in percent (day.md)
SHRINKAGE_PERCENT = 2
#: a portion may pass what was ordered by this much before the packer is asked to cut it
GENEROUS_PERCENT = 10
#: the heaviest crate that a person lifts, and the lightest thing that a crate scale shows
CRATE_MAX_G = 60_000


@dataclass(frozen=True, slots=True)
class Ordered:
    """One line as agreed, in grams at fen per kg (unit "g") or pieces of `unit_net_g` grams at fen each."""

    unit: str
    quantity: int
    price_fen: int
    unit_net_g: int | None = None

    @property
    def net_g(self) -> int:
        """The net weight that the line asks for."""
        return self.quantity if self.unit == "g" else self.quantity * (self.unit_net_g or 0)

    @property
    def max_amount_fen(self) -> int:
        """The most that this line can cost."""
        return self.amount_fen(self.quantity)

    def amount_fen(self, quantity: int) -> int:
        if self.unit == "g":
            return line_amount_fen(self.price_fen, quantity)
        return self.price_fen * quantity

    def delivered(self, net_g: int) -> int:
        """What a portion of `net_g` counts for, in the line's unit, never above what was ordered.

        A piece counts as whole while it is within the allowed shrinkage.
        """
        if self.unit == "g":
            return min(self.quantity, net_g)
        if not self.unit_net_g:
            return self.quantity if net_g > 0 else 0
        return min(self.quantity, net_g * 100 // (self.unit_net_g * (100 - SHRINKAGE_PERCENT)))

    def final_amount_fen(self, net_g: int) -> int:
        """What the buyer pays for a weighed portion: at most `max_amount_fen`, nothing for nothing."""
        return self.amount_fen(self.delivered(net_g))


def check_portion(ordered: Ordered, net_g: int, *, field: str) -> None:
    """Raises InvalidInput for a negative weight, or one so far above the order that it must be a mistake."""
    limit_g = ordered.net_g * (100 + GENEROUS_PERCENT) // 100
    if net_g < 0 or (limit_g and net_g > limit_g):
        raise InvalidInput(
            N_("分装重量应在 0 和 %(limit_g)s 克之间"), field=field, params={"limit_g": limit_g}
        )


def net_of_crate(*, gross_g: int, tare_g: int) -> int:
    """Net grams of a crate. Raises InvalidInput naming the value that cannot be."""
    if not 0 <= tare_g <= CRATE_MAX_G:
        raise InvalidInput(
            N_("皮重应在 0 和 %(limit_g)s 克之间"), field="tare_g", params={"limit_g": CRATE_MAX_G}
        )
    if not tare_g < gross_g <= CRATE_MAX_G:
        raise InvalidInput(
            N_("毛重应大于皮重，且不超过 %(limit_g)s 克"), field="gross_g", params={"limit_g": CRATE_MAX_G}
        )
    return gross_g - tare_g


def excess_shrinkage_g(*, weighed_in_g: int, portioned_g: int) -> int:
    """Grams lost beyond the allowed shrinkage: what the holder of the goods answers for."""
    return max(0, weighed_in_g - portioned_g - weighed_in_g * SHRINKAGE_PERCENT // 100)
