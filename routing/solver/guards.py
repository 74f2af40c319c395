"""Small refusals shared by the dataclasses of the problem and of the plan."""

from __future__ import annotations

import math
from collections.abc import Iterable

from routing.solver.errors import ProblemError

Number = int | float


def number(value: object, path: str, *, low: float | None = 0.0, high: float | None = None) -> None:
    """Refuse what is no finite number or lies outside [low, high]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ProblemError(f"is not a number: {value!r}", path=path)
    if not math.isfinite(value):
        raise ProblemError(f"is not finite: {value!r}", path=path)
    if low is not None and value < low:
        raise ProblemError(f"is below {low:g}: {value!r}", path=path)
    if high is not None and value > high:
        raise ProblemError(f"is above {high:g}: {value!r}", path=path)


def integer(value: object, path: str, *, low: int = 0) -> None:
    """Refuse what is no integer or lies below `low`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProblemError(f"is not an integer: {value!r}", path=path)
    number(value, path, low=low)


def name(value: object, path: str) -> None:
    """Refuse what is no identifier."""
    if not isinstance(value, str) or not value:
        raise ProblemError(f"is not a non-empty text: {value!r}", path=path)


def unique(values: Iterable[str], path: str, field: str = "id") -> None:
    """Refuse a repeated identifier, naming the second place where it stands."""
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        if value in seen:
            message = f"duplicate {value!r}, first at {path}[{seen[value]}]"
            raise ProblemError(message, path=f"{path}[{index}].{field}")
        seen[value] = index


def band(low: Number | None, high: Number | None, path: str) -> None:
    """Refuse a temperature band that is half given or upside down."""
    if (low is None) != (high is None):
        raise ProblemError("a temperature band needs both ends", path=path)
    if low is None or high is None:
        return
    number(low, path, low=-90.0, high=90.0)
    number(high, path, low=-90.0, high=90.0)
    if low > high:
        raise ProblemError(f"the band ends below its start: {low!r}..{high!r}", path=path)
