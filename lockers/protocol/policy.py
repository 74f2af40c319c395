"""The deposit policy, what a door must know to decide offline; a snapshot travels with the allocation."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lockers.protocol.errors import Malformed, Refused

WEIGHT_TOLERANCE = 0.10  # of the label's weight, at least WEIGHT_SLACK_G
WEIGHT_SLACK_G = 100
#: above this a parcel counts as valuable, and needs the sender's agreement (guess; domain rule 5)
VALUABLE_FEN = 100_000


@dataclass(frozen=True, slots=True)
class DepositPolicy:
    """Rules 4 to 6 of 智能快件箱寄递服务管理办法 (2019): consent, sender's agreement, damage, weight."""

    consent: bool  # the recipient agreed to a cabinet, or the sender named it as the address
    sender_agreement: bool = True  # needed for fresh and valuable goods; true when not needed
    label_weight_g: int | None = None
    limit_weight_g: int = 25_000  # of the cell

    def check(self, *, damaged: bool, weight_g: int | None) -> None:
        """Raises Refused (`no_consent`, `no_sender_agreement`, `damaged`, `too_heavy`, `weight_off`)."""
        if not self.consent:
            raise Refused("the recipient has not agreed", code="no_consent")
        if not self.sender_agreement:
            raise Refused("the sender has not agreed", code="no_sender_agreement")
        if damaged:
            raise Refused("the pack is damaged", code="damaged")
        if weight_g is None:
            return
        if weight_g > self.limit_weight_g:
            raise Refused(f"{weight_g} g in a cell for {self.limit_weight_g} g", code="too_heavy")
        if self.label_weight_g is not None:
            slack_g = max(WEIGHT_SLACK_G, self.label_weight_g * WEIGHT_TOLERANCE)
            if abs(weight_g - self.label_weight_g) > slack_g:
                raise Refused(f"{weight_g} g, label {self.label_weight_g} g", code="weight_off")

    def as_wire(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_wire(cls, plain: Mapping[str, Any]) -> "DepositPolicy":
        try:
            return cls(**plain)
        except TypeError as error:
            raise Malformed(f"not a deposit policy: {error}") from None
