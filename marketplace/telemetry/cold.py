"""The cold chain, computed: breaches, unknown gaps, mean kinetic temperature, shelf life used. Pure.

Times are seconds on any one scale (epoch seconds in the product), temperatures °C. Every result is a function
of the set of readings: order and repetition change nothing, so recompute from stored rows, never from a
running sum.

- A reading holds until the next one. More than `gap_s` between two is an unknown gap: it ends a breach,
  counts as neither good nor bad, and the reading before it holds for nothing.
- A breach is a run outside the limits of at least `run_s`. Minutes outside are counted with or without it:
  the mean kinetic temperature hides short peaks.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise

RUN_S = 1800.0
GAP_S = 300.0
DECIDE_AFTER_GAP_S = 3600.0

# Activation energy of the mean kinetic temperature (USP <1160>: 83.144 kJ/mol) and the gas constant.
_E_J_PER_MOL = 83_144.0
_R_J_PER_MOL_K = 8.314462
_KELVIN = 273.15
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of one probe. `calibrated`: its certificate was valid at that time."""

    at_s: float
    c: float
    calibrated: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of known temperature."""

    start_s: float
    end_s: float
    c: float
    calibrated: bool = True

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class Side(StrEnum):
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch outside one limit; `peak_c` is its worst value."""

    start_s: float
    end_s: float
    peak_c: float
    side: Side = Side.ABOVE

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Gap:
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class Proof(StrEnum):
    VERIFIED = "verified"
    UNVERIFIED = "unverified"  # the only proof is a probe without valid calibration
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe says about a stretch of time. Means are None when nothing is known."""

    breaches: tuple[Run, ...]
    gaps: tuple[Gap, ...]
    known_s: float
    above_s: float
    below_s: float
    peak_c: float | None
    lowest_c: float | None
    mean_c: float | None
    mkt_c: float | None
    proof: Proof

    @property
    def unknown_s(self) -> float:
        return sum(gap.duration_s for gap in self.gaps)

    @property
    def needs_decision(self) -> bool:
        """A person decides after a gap of more than an hour."""
        return any(gap.duration_s > DECIDE_AFTER_GAP_S for gap in self.gaps)


def evaluate(
    samples: Iterable[Sample],
    *,
    max_c: float | None,
    min_c: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    run_s: float = RUN_S,
    gap_s: float = GAP_S,
) -> Verdict:
    """The verdict between `start_s` and `end_s` (default: first and last sample).

    Samples before `start_s` still say what held at the start. Two values for one instant: the warmer counts.
    """
    spans, gaps = known_spans(samples, start_s=start_s, end_s=end_s, gap_s=gap_s)
    runs = _runs(spans, Side.ABOVE, max_c) + _runs(spans, Side.BELOW, min_c)
    known_s = math.fsum(span.duration_s for span in spans)
    return Verdict(
        breaches=tuple(sorted((run for run in runs if run.duration_s >= run_s), key=lambda run: run.start_s)),
        gaps=tuple(gaps),
        known_s=known_s,
        above_s=math.fsum(run.duration_s for run in runs if run.side is Side.ABOVE),
        below_s=math.fsum(run.duration_s for run in runs if run.side is Side.BELOW),
        peak_c=max((span.c for span in spans), default=None),
        lowest_c=min((span.c for span in spans), default=None),
        mean_c=math.fsum(span.c * span.duration_s for span in spans) / known_s if known_s else None,
        mkt_c=mean_kinetic_c(spans),
        proof=_proof(spans),
    )


def known_spans(
    samples: Iterable[Sample],
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    gap_s: float = GAP_S,
) -> tuple[list[Span], list[Gap]]:
    """The stretches of known temperature, and those without. Silence at either end is a gap too."""
    ordered = _each_instant_once(samples)
    if not ordered:
        missing = start_s is not None and end_s is not None and end_s - start_s > gap_s
        return [], [Gap(start_s, end_s)] if missing and start_s is not None and end_s is not None else []
    low = ordered[0].at_s if start_s is None else start_s
    high = ordered[-1].at_s if end_s is None else end_s
    spans: list[Span] = []
    gaps: list[Gap] = []
    if ordered[0].at_s - low > gap_s:
        gaps.append(Gap(low, min(ordered[0].at_s, high)))
    last = Sample(max(high, ordered[-1].at_s), ordered[-1].c)
    for here, following in pairwise([*ordered, last]):
        start, end = max(here.at_s, low), min(following.at_s, high)
        if end <= start:
            continue
        if following.at_s - here.at_s > gap_s:
            gaps.append(Gap(start, end))
        else:
            spans.append(Span(start, end, here.c, here.calibrated))
    return spans, gaps


def mean_kinetic_c(spans: Sequence[Span]) -> float | None:
    """MKT (平均动力学温度) weighted by duration; without weights irregular sampling is wrong."""
    known_s = math.fsum(span.duration_s for span in spans)
    if known_s <= 0:
        return None
    rate = _E_J_PER_MOL / _R_J_PER_MOL_K
    total = math.fsum(span.duration_s * math.exp(-rate / (span.c + _KELVIN)) for span in spans)
    return rate / -math.log(total / known_s) - _KELVIN


@dataclass(frozen=True, slots=True)
class ShelfLife:
    """Parameters of one product: `days` at a steady `reference_c`; `source` says who found them."""

    q10: float
    days: float
    reference_c: float
    source: str

    def used_days(self, spans: Iterable[Span]) -> float:
        """Days of life used: sum of dt * Q10^((T - Tref) / 10). A quality aid, never a safety rule."""
        return math.fsum(
            span.duration_s / _DAY_S * self.q10 ** ((span.c - self.reference_c) / 10) for span in spans
        )

    def left_days(self, spans: Iterable[Span]) -> float:
        return max(0.0, self.days - self.used_days(spans))


# Guesses until a product has its own figures (devices.md section 8).
LEAFY_GREENS = ShelfLife(q10=3.0, days=10.0, reference_c=2.0, source="guess")
BERRIES = ShelfLife(q10=2.5, days=7.0, reference_c=2.0, source="guess")


def _each_instant_once(samples: Iterable[Sample]) -> list[Sample]:
    ordered = sorted(set(samples), key=lambda each: (each.at_s, each.c, not each.calibrated))
    return [list(same)[-1] for _, same in groupby(ordered, key=lambda each: each.at_s)]


def _runs(spans: Sequence[Span], side: Side, limit_c: float | None) -> list[Run]:
    """Consecutive spans outside the limit, joined; anything between two spans is a gap and parts them."""
    if limit_c is None:
        return []
    worst = max if side is Side.ABOVE else min
    runs: list[Run] = []
    for span in spans:
        outside = span.c > limit_c if side is Side.ABOVE else span.c < limit_c
        if not outside:
            continue
        if runs and runs[-1].end_s == span.start_s:
            runs[-1] = Run(runs[-1].start_s, span.end_s, worst(runs[-1].peak_c, span.c), side)
        else:
            runs.append(Run(span.start_s, span.end_s, span.c, side))
    return runs


def _proof(spans: Sequence[Span]) -> Proof:
    if not spans:
        return Proof.NONE
    return Proof.VERIFIED if all(span.calibrated for span in spans) else Proof.UNVERIFIED
