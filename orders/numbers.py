"""Order numbers that people read aloud: day, running number, check digit. `261123-000042-6`. No Django."""

import re
from datetime import date

from marketplace.kernel.errors import N_, InvalidInput

_SHAPE = re.compile(r"^(\d{6})-(\d{6,})-(\d)$")


def order_number(day: date, serial: int) -> str:
    """The number of the order with this serial (its primary key: unique by itself) placed on `day`."""
    if serial < 1:
        raise ValueError("serial numbers start at 1")
    digits = f"{day:%y%m%d}{serial:06d}"
    return f"{digits[:6]}-{digits[6:]}-{luhn_digit(digits)}"


def parse_order_number(text: str, field: str = "number") -> tuple[str, int]:
    """(yymmdd, serial). Raises InvalidInput when a digit was misread: Luhn finds any single wrong digit."""
    match = _SHAPE.match(text.strip())
    if match is None or luhn_digit(match[1] + match[2]) != int(match[3]):
        raise InvalidInput(N_("订单号有误"), field=field)
    return match[1], int(match[2])


def luhn_digit(digits: str) -> int:
    """The check digit after `digits` (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10
