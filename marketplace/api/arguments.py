"""What no argument may be, whatever it means: looked at once, at the edge, before any rule of an app.

Each rule of an app may then rely on it: a text holds no control characters and ends somewhere, a number is
finite, a date lies in this century, a moment carries its zone.
"""

import base64
import binascii
import math
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from graphql import Undefined

from marketplace.kernel.errors import N_, InvalidInput

#: the longest text that a person writes here; files that are sent as text are named as such by their command
MAX_TEXT = 4_000
#: years that anything here can be about; a device that lost its clock begins again at 1970
YEARS = range(1970, 2101)
#: what a text area and a table may hold beside letters
_SPACING = frozenset("\t\n\r")


def filled(arguments: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with the declared default where the client wrote null: null asks for nothing else."""
    filled = dict(arguments)
    for name, value in arguments.items():
        default = getattr(declared.get(name), "default_value", Undefined)
        if value is None and default is not Undefined:
            filled[name] = default
    return filled


def check_arguments(arguments: Mapping[str, Any], *, files: Collection[str] = ()) -> None:
    """Raises InvalidInput naming the argument (`lines[0].lot_id`). `files`: texts of any length."""
    for name, value in arguments.items():
        check_value(value, name, files=files)


def check_value(value: Any, path: str, *, files: Collection[str] = ()) -> None:
    """The same for one value, which stands at `path`."""
    if isinstance(value, str):
        _check_text(value, path, math.inf if path.rpartition(".")[2] in files else MAX_TEXT)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(N_("应为有限的数字"), field=path)
    elif isinstance(value, date):  # a datetime is a date too
        _check_moment(value, path)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _check_text(name, path, MAX_TEXT)  # of JSON, a client makes up the names as well
            check_value(inner, f"{path}.{name}", files=files)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_value(inner, f"{path}[{index}]", files=files)


def file_bytes(text: str, field: str) -> bytes:
    """A file sent as base64. Raises InvalidInput naming `field` when it did not come whole."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(N_("文件没有完整传来"), field=field) from None


def _check_text(value: str, path: str, most: float) -> None:
    if len(value) > most:
        raise InvalidInput(N_("最多 %(most)s 个字"), field=path, params={"most": most})
    if not value.isprintable() and any(_is_control(character) for character in value):
        raise InvalidInput(N_("不能含有控制字符"), field=path)


def _is_control(character: str) -> bool:
    """C0, DEL, C1 and lone surrogates: no person types them, and PostgreSQL refuses some."""
    code = ord(character)
    steers = code < 0x20 or 0x7F <= code <= 0x9F
    return (steers and character not in _SPACING) or 0xD800 <= code <= 0xDFFF


def _check_moment(value: date, path: str) -> None:
    if value.year not in YEARS:
        params = {"first": YEARS.start, "last": YEARS.stop - 1}
        raise InvalidInput(N_("年份应在 %(first)s 和 %(last)s 之间"), field=path, params=params)
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise InvalidInput(N_("时间要带时区"), field=path)
