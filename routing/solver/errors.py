"""Errors of the solver.

SolverError
  ProblemError        nonsense in a problem or plan: names the path and the field
    FormatError       the same, read from a file: names the file and, where known, the line
  Unsupported         an engine or format that cannot express what the problem asks for
"""

from __future__ import annotations


class SolverError(Exception):
    """Base of everything that the solver raises on purpose."""


class ProblemError(SolverError):
    """A value that makes no sense. `path` leads to it, e.g. `shipments[3].options[0].place`."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def under(self, prefix: str) -> ProblemError:
        """The same error seen from one level further out."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return ProblemError(self.message, path=f"{prefix}{joint}{self.path}")

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class FormatError(ProblemError):
    """A file that cannot be read as what it claims to be."""

    def __init__(self, message: str, *, file: str, path: str = "", line: int | None = None) -> None:
        super().__init__(message, path=path)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {super().__str__()}"


class Unsupported(SolverError):
    """The chosen engine or format cannot express a feature of the problem; the message names it."""
