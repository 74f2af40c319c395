"""What the auditor says: findings by name, and the day's counts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from marketplace.reports.audit.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be. `check` names the rule, `subject` the row."""

    check: str
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: {self.what}"


Check = Callable[[Evidence], Iterator[Finding]]


@dataclass(slots=True)
class Verdict:
    day: date
    counts: Mapping[str, Any]
    checks: tuple[str, ...]
    findings: list[Finding] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "passed": self.passed,
            **self.counts,
            "checks": list(self.checks),
            "findings": [
                {"check": each.check, "subject": each.subject, "what": each.what} for each in self.findings
            ],
        }
