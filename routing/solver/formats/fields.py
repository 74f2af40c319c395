"""Strict reading of JSON: every field is asked for once, known, of its type, and nothing is left over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from routing.solver.errors import FormatError, ProblemError
from routing.solver.guards import Number

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
MISSING: Any = object()


def load_json(file: Path) -> Any:
    """Parse a JSON file; a truncated file, NaN, Infinity or a repeated key is named with its line."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", file=str(file)) from error
    except UnicodeDecodeError as error:
        raise FormatError(f"is not UTF-8 at byte {error.start}", file=str(file)) from error

    def refuse(word: str) -> NoReturn:
        raise FormatError(f"{word} is no number", file=str(file), line=_line_of(text, word))

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(items)
        if len(fields) != len(items):
            names = [key for key, _ in items]
            twice = next(key for key in names if names.count(key) > 1)
            raise FormatError(f"the field {twice!r} stands twice in one object", file=str(file), path=twice)
        return fields

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        truncated = " (truncated?)" if error.pos >= len(text.rstrip()) else ""
        message = f"{error.msg} in column {error.colno}{truncated}"
        raise FormatError(message, file=str(file), line=error.lineno) from error


def _line_of(text: str, word: str) -> int | None:
    position = text.find(word)
    return None if position < 0 else text.count("\n", 0, position) + 1


@dataclass
class Fields:
    """One JSON object being read. `done()` refuses fields that nobody asked for."""

    values: dict[str, Any]
    file: str
    path: str

    @classmethod
    def of(cls, value: Any, *, file: str, path: str) -> Fields:
        if not isinstance(value, dict):
            raise FormatError("is not an object", file=file, path=path)
        return cls(dict(value), file, path)

    def at(self, name: str) -> str:
        """Path of one field."""
        return f"{self.path}.{name}" if self.path else name

    def fail(self, name: str, message: str) -> NoReturn:
        raise FormatError(message, file=self.file, path=self.at(name))

    def take(self, name: str, default: Any = MISSING) -> Any:
        """The raw value of a field; a missing field without default is refused."""
        if name in self.values:
            return self.values.pop(name)
        if default is MISSING:
            self.fail(name, "is missing")
        return default

    def text(self, name: str, default: Any = MISSING) -> Any:
        value = self.take(name, default)
        if value is not default and not isinstance(value, str):
            self.fail(name, f"is not a text: {value!r}")
        return value

    def number(self, name: str, default: Any = MISSING) -> Any:
        value = self.take(name, default)
        if value is not default and (isinstance(value, bool) or not isinstance(value, (int, float))):
            self.fail(name, f"is not a number: {value!r}")
        return value

    def enum(self, kind: type[E], name: str, default: Any = MISSING) -> Any:
        value = self.take(name, default)
        if value is default:
            return default
        try:
            return kind(value)
        except ValueError:
            self.fail(name, f"is none of {', '.join(str(member.value) for member in kind)}: {value!r}")

    def list(self, name: str, default: Any = MISSING) -> Any:
        value = self.take(name, default)
        if value is not default and not isinstance(value, list):
            self.fail(name, "is not a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, empty when the field is absent."""
        values = self.list(name, [])
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self.fail(f"{name}[{index}]", f"is not a text: {value!r}")
        return tuple(values)

    def numbers(self, name: str, default: Iterable[Number]) -> tuple[Number, ...]:
        return tuple(self.list(name, list(default)))

    def each(self, name: str, read: Callable[[Fields], T], default: Any = MISSING) -> tuple[T, ...]:
        """A list of objects, each read by `read` and closed."""
        values = self.list(name, default)
        return tuple(self.child(f"{name}[{i}]", value, read) for i, value in enumerate(values))

    def one(self, name: str, read: Callable[[Fields], T]) -> T | None:
        """An optional object."""
        value = self.take(name, None)
        return None if value is None else self.child(name, value, read)

    def child(self, name: str, value: Any, read: Callable[[Fields], T]) -> T:
        fields = Fields.of(value, file=self.file, path=self.at(name))
        try:
            result = read(fields)
        except FormatError:
            raise
        except ProblemError as error:
            inner = error.under(fields.path)
            raise FormatError(inner.message, file=self.file, path=inner.path) from error
        fields.done()
        return result

    def done(self) -> None:
        """Refuse what is left."""
        for name in self.values:
            self.fail(name, "unknown field")
