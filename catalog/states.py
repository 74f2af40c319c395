"""The states of a lot and of a reservation. No Django."""

from typing import Final

from marketplace.kernel.transitions import Transitions

LISTED: Final = "listed"
WITHDRAWN: Final = "withdrawn"
EXPIRED: Final = "expired"

LOT: Final = Transitions({LISTED: {WITHDRAWN, EXPIRED}, WITHDRAWN: set(), EXPIRED: set()})

HELD: Final = "held"
FIRM: Final = "firm"
CONSUMED: Final = "consumed"
RELEASED: Final = "released"

#: held while the buyer pays; firm once paid; consumed when the goods left the stock
RESERVATION: Final = Transitions(
    {HELD: {FIRM, RELEASED}, FIRM: {CONSUMED, RELEASED}, CONSUMED: set(), RELEASED: set()}
)
