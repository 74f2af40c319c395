"""Reading text files of numbers line by line; every complaint names file, line and field."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from routing.solver.errors import FormatError


class Row(list[float]):
    """The numbers of one line, which knows its place."""

    def __init__(self, values: Iterable[float], line: int) -> None:
        super().__init__(values)
        self.line = line


class Lines:
    """The lines of a file with a cursor. Blank lines are skipped."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", file=self.file) from error
        except UnicodeDecodeError as error:
            raise FormatError(f"is not UTF-8 at byte {error.start}", file=self.file) from error
        self.lines = text.splitlines()
        self.number = 0

    def fail(self, message: str, *, field: str = "", row: Row | None = None) -> NoReturn:
        """Refuse the current line, or that of a row read before."""
        raise FormatError(message, file=self.file, path=field, line=self.number if row is None else row.line)

    def more(self) -> bool:
        """Whether a line with something on it is left."""
        return any(line.strip() for line in self.lines[self.number :])

    def next(self, what: str) -> str:
        """The next line with something on it."""
        while self.number < len(self.lines):
            self.number += 1
            if self.lines[self.number - 1].strip():
                return self.lines[self.number - 1].strip()
        self.fail(f"the file ends where {what} should stand (truncated?)", field=what)

    def expect(self, start: str) -> str:
        """The next line, which begins with these words."""
        line = self.next(start)
        if line.split()[: len(start.split())] != start.split():
            self.fail(f"expected {start!r}, found {line[:40]!r}", field=start)
        return line

    def numbers(self, fields: Sequence[str], *, signed: Container[str] = ()) -> Row:
        """The next line as exactly these fields; only `signed` ones may be below zero."""
        words = self.next(fields[0]).split()
        if len(words) != len(fields):
            message = f"has {len(words)} fields instead of {len(fields)} ({', '.join(fields)})"
            self.fail(message, field=fields[min(len(words), len(fields) - 1)])
        row = Row((self.number_of(w, f) for w, f in zip(words, fields, strict=True)), self.number)
        for value, field in zip(row, fields, strict=True):
            if value < 0 and field not in signed:
                self.fail(f"is below 0: {value:g}", field=field)
        return row

    def number_of(self, word: str, field: str) -> float:
        """A finite number."""
        try:
            value = float(word)
        except ValueError:
            self.fail(f"is not a number: {word!r}", field=field)
        if not math.isfinite(value):
            self.fail(f"is not finite: {word!r}", field=field)
        return value

    def fits(self, demand: float, capacity: float, row: Row, field: str = "DEMAND") -> float:
        """A demand that some vehicle holds."""
        if demand > capacity:
            self.fail(f"is {demand:g}, more than a vehicle holds ({capacity:g})", field=field, row=row)
        return demand

    def whole(
        self, value: float, field: str, *, low: int = 0, below: int | None = None, row: Row | None = None
    ) -> int:
        """An integer in [low, below)."""
        if value != int(value) or value < low or (below is not None and value >= below):
            limit = "" if below is None else f" and below {below}"
            self.fail(f"is no integer from {low}{limit}: {value:g}", field=field, row=row)
        return int(value)
