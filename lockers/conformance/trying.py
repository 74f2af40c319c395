"""One verdict per rule: pass, FAIL with how it was broken, or not tried with what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lockers.conformance.bench import Bench, NotKept
from lockers.conformance.hands import NotTried
from lockers.conformance.rules import RULES, Rule


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str
    says: str
    broken: bool = False
    not_tried: bool = False
    why: str = ""

    def line(self) -> str:
        how = "FAIL " if self.broken else "not tried " if self.not_tried else "pass "
        return f"{how:<10} {self.rule.replace('_', ' ')}{': ' if self.why else ''}{self.why}"

    def as_json(self) -> dict[str, str]:
        verdict = "fail" if self.broken else "not tried" if self.not_tried else "pass"
        return {"rule": self.rule, "says": self.says, "verdict": verdict, "why": self.why}


def try_rules(bench: Bench, rules: Sequence[Rule] = RULES) -> Iterator[Verdict]:
    """One by one; a broken rule does not end the run."""
    for rule in rules:
        says = " ".join((rule.__doc__ or "").split())
        try:
            rule(bench)
        except NotKept as broken:
            yield Verdict(rule.__name__, says, broken=True, why=str(broken))
        except NotTried as missing:
            yield Verdict(rule.__name__, says, not_tried=True, why=str(missing))
        else:
            yield Verdict(rule.__name__, says)
