"""Stripe's form bodies: `metadata[a]=b`, `expand[0]=latest_charge`; and readers that refuse by name."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from orders.payments.stripe_api.errors import ApiError, invalid

Params = dict[str, Any]
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
MAX_FIELDS, MAX_DEPTH = 500, 5
METADATA_MAX_KEYS, METADATA_KEY_MAX, METADATA_VALUE_MAX = 50, 40, 500


def parse_form(text: str) -> Params:
    """Nested dicts; lists keep Stripe's indexes as keys until `text_list` reads them."""
    params: Params = {}
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=MAX_FIELDS, encoding="utf-8", errors="strict"
        )
    except UnicodeDecodeError:
        raise ApiError(400, "The parameters are not UTF-8.") from None
    except ValueError:
        raise ApiError(400, "Too many parameters.") from None
    for number, (key, value) in enumerate(pairs):
        if "\0" in key or "\0" in value:
            name = key.replace("\0", "")
            raise invalid(f"Invalid string: {name} contains a null character", param=name)
        match = _KEY.match(key)
        if match is None:
            raise invalid(f"Invalid parameter name: {key}", param=key)
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > MAX_DEPTH:
            raise invalid(f"Parameter nested too deeply: {key}", param=key)
        _put(params, [part or str(number) for part in path], value, key=key)
    return params


def _put(params: Params, path: list[str], value: str, *, key: str) -> None:
    for part in path[:-1]:
        params = params.setdefault(part, {})
        if not isinstance(params, dict):
            raise invalid(f"Parameter is given as text and as object: {key}", param=key)
    if isinstance(params.get(path[-1]), dict):
        raise invalid(f"Parameter is given as text and as object: {key}", param=key)
    params[path[-1]] = value


class Reader:
    """Takes parameters out by name and kind; `finish` refuses what nobody asked for."""

    def __init__(self, params: Params) -> None:
        self._left = dict(params)

    def text(self, name: str, *, most: int = 500, needed: bool = False) -> str | None:
        value = self._left.pop(name, None)
        if value is None or value == "":
            if needed:
                raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
            return None if value is None else ""
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {name}", param=name)
        if len(value) > most:
            raise invalid(f"Invalid string: {name} must be at most {most} characters", param=name)
        return value

    def integer(self, name: str, *, needed: bool = False, low: int, high: int) -> int | None:
        text = self.text(name, needed=needed)
        if not text:
            return None
        if not re.fullmatch(r"-?\d{1,18}", text):
            raise invalid(f"Invalid integer: {text}", param=name, code="parameter_invalid_integer")
        value = int(text)
        if not low <= value <= high:
            raise invalid(
                f"Invalid integer: {name} must be from {low} to {high}",
                param=name,
                code="parameter_invalid_integer",
            )
        return value

    def flag(self, name: str) -> bool:
        text = self.text(name)
        if text not in (None, "", "true", "false"):
            raise invalid(f"Invalid boolean: {text}", param=name)
        return text == "true"

    def choice(self, name: str, allowed: tuple[str, ...], *, needed: bool = False) -> str | None:
        text = self.text(name, needed=needed)
        if text and text not in allowed:
            raise invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)
        return text

    def texts(self, name: str) -> list[str]:
        value = self._left.pop(name, {})
        if value == "":
            return []
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise invalid(f"Invalid array: {name}", param=name)
        return list(value.values())

    def either(self, name: str) -> str | Params:
        """Text or object, as it was given; an absent one is empty."""
        value = self._left.pop(name, "")
        return value if isinstance(value, dict) else str(value)

    def object(self, name: str) -> Params:
        value = self._left.pop(name, {})
        if value == "":
            return {}
        if not isinstance(value, dict):
            raise invalid(f"Invalid object: {name}", param=name)
        return value

    def metadata(self) -> Mapping[str, str] | None:
        """None if absent; an empty value removes its key, an empty mapping every key."""
        if "metadata" not in self._left:
            return None
        given = self.object("metadata")
        if len(given) > METADATA_MAX_KEYS:
            raise invalid(f"Metadata can have up to {METADATA_MAX_KEYS} keys", param="metadata")
        for key, value in given.items():
            if not isinstance(value, str):
                raise invalid("Metadata values must be strings", param=f"metadata[{key}]")
            if len(key) > METADATA_KEY_MAX or len(value) > METADATA_VALUE_MAX:
                raise invalid("Metadata key or value is too long", param=f"metadata[{key}]")
        return given

    def finish(self) -> None:
        if self._left:
            name = next(iter(self._left))
            raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
