"""Weights, volumes and cell sizes. Grams and millilitres in storage; 斤 is display only."""

from enum import StrEnum

from marketplace.kernel.errors import N_, InvalidInput

KG_G = 1000
JIN_G = 500
LITRE_ML = 1000
CELL_MAX_G = 25_000


class Size(StrEnum):
    """Cell sizes, nested: what fits S fits M, what fits M fits L. NONE fits no cell."""

    S = "S"
    M = "M"
    L = "L"
    NONE = "none"


_RANK = {Size.S: 0, Size.M: 1, Size.L: 2, Size.NONE: 3}
#: inner height, width, depth in cm (domain.md d: a Polish network's cells, the only ones found)
CELL_CM = {Size.S: (8, 38, 64), Size.M: (19, 38, 64), Size.L: (41, 38, 64)}
CELL_ML = {size: h * w * d for size, (h, w, d) in CELL_CM.items()}


def fits(size: Size | str, cell: Size | str) -> bool:
    """Whether goods of `size` go into a cell of size `cell`."""
    return Size(cell) is not Size.NONE and _RANK[Size(size)] <= _RANK[Size(cell)]


def larger_or_equal(size: Size | str) -> tuple[Size, ...]:
    """The cell sizes that take goods of `size`, smallest first."""
    return tuple(cell for cell in (Size.S, Size.M, Size.L) if fits(size, cell))


def size_for(volume_ml: int, weight_g: int) -> Size:
    """The smallest cell for loose goods packed at 70 % of a cell's volume, up to 25 kg."""
    if weight_g > CELL_MAX_G:
        return Size.NONE
    for size in (Size.S, Size.M, Size.L):
        if volume_ml <= CELL_ML[size] * 7 // 10:
            return size
    return Size.NONE


def require_between(value: int, low: int, high: int, field: str) -> int:
    """`value` when low <= value <= high; else InvalidInput naming the field and the limits."""
    if not low <= value <= high:
        raise InvalidInput(
            N_("应在 %(low)s 和 %(high)s 之间"), field=field, params={"low": low, "high": high}
        )
    return value
