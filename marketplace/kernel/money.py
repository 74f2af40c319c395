"""Money is integer fen; here is the one rounding rule and the one way to split a sum."""

import re
from collections.abc import Mapping

from marketplace.kernel.errors import N_, InvalidInput

BASIS_POINTS = 10_000
_YUAN = re.compile(r"^(0|[1-9]\d{0,10})(?:\.(\d{1,2}))?$")


def round_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from zero."""
    if denominator <= 0:
        raise ValueError("denominator must be positive")
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def line_amount_fen(price_fen_per_kg: int, weight_g: int) -> int:
    """What `weight_g` grams cost at a price in fen per kilogram."""
    return round_half_up(price_fen_per_kg * weight_g, 1000)


def share_fen(total_fen: int, basis_points: int) -> int:
    return round_half_up(total_fen * basis_points, BASIS_POINTS)


def split_fen(total_fen: int, shares_bp: Mapping[str, int], remainder_to: str) -> dict[str, int]:
    """Split a sum by basis points; what rounding leaves goes to `remainder_to`, so the parts add up."""
    if any(bp < 0 for bp in shares_bp.values()) or sum(shares_bp.values()) > BASIS_POINTS:
        raise ValueError("shares must lie between 0 and 10,000 basis points together")
    parts = {name: share_fen(total_fen, bp) for name, bp in shares_bp.items() if name != remainder_to}
    parts[remainder_to] = total_fen - sum(parts.values())
    return parts


def format_yuan(fen: int) -> str:
    """`12345` -> `"123.45"`: the only place where fen become text for a wire or a page."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def parse_yuan(text: str, field: str = "amount") -> int:
    """`"123.4"` -> `12340`. Raises InvalidInput for anything but digits with at most two decimals."""
    match = _YUAN.match(text.strip())
    if match is None:
        raise InvalidInput(N_("金额格式应为 12.34"), field=field)
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
