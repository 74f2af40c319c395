"""How much of a product's life is left after what its parcel went through. A quality aid: it never lengthens
a legal date and never overrides a limit of safety.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.kernel.errors import N_, InvalidInput
from marketplace.telemetry.cold import Proof, ShelfLife, Span, evaluate, known_spans
from marketplace.telemetry.models import ShelfLifeFigure
from marketplace.telemetry.services.readings import by_probe, temperatures

#: for products without figures of their own (devices.md, section 8)
GUESS_Q10, GUESS_REFERENCE_C, GUESS = 2.5, 4.0, "guess"


@dataclass(frozen=True, slots=True)
class Stay:
    """Where the goods were, from when to when: a zone of a cabinet, a van, a fridge, a cold room."""

    asset_uuid: UUID
    zone: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Remaining:
    """`left_days` at the steady reference temperature; what is not known is said, not assumed to be fine."""

    left_days: float
    used_days: float
    unknown_s: float
    proof: Proof
    q10: float
    reference_c: float
    source: str


def set_shelf_life(*, product_uuid: UUID, life: ShelfLife) -> None:
    """Figures found for one product. Raises InvalidInput naming the field."""
    if not 1 <= life.q10 <= 10:
        raise InvalidInput(N_("Q10 应在 1 到 10 之间"), field="q10")
    if not 0 < life.days <= 3650:
        raise InvalidInput(N_("保质天数不合理"), field="days")
    if not life.source.strip():
        raise InvalidInput(N_("请写明数据来源"), field="source")
    ShelfLifeFigure.objects.update_or_create(
        product_uuid=product_uuid,
        defaults={
            "q10": life.q10,
            "days": life.days,
            "reference_c": life.reference_c,
            "source": life.source[:200],
        },
    )


def shelf_life_of(*, product_uuid: UUID, listed_days: float) -> ShelfLife:
    """The product's own figures; without them its listed days and a guess, and `source` says so."""
    known = ShelfLifeFigure.objects.filter(product_uuid=product_uuid).first()
    if known is None:
        return ShelfLife(q10=GUESS_Q10, days=listed_days, reference_c=GUESS_REFERENCE_C, source=GUESS)
    return ShelfLife(q10=known.q10, days=known.days, reference_c=known.reference_c, source=known.source)


def remaining(*, life: ShelfLife, stays: Iterable[Stay]) -> Remaining:
    """From stored readings of every stay; the weakest proof of them counts."""
    spans: list[Span] = []
    unknown_s, proofs = 0.0, []
    for stay in stays:
        readings = temperatures(asset_uuid=stay.asset_uuid, zone=stay.zone, start=stay.start, end=stay.end)
        period = (stay.start.timestamp(), stay.end.timestamp())
        seen = [
            (samples, *known_spans(samples, start_s=period[0], end_s=period[1]))
            for samples in by_probe(readings) or [[]]
        ]
        # Where a zone has several probes, the one by which most of the life is used speaks for it.
        samples, known, gaps = max(seen, key=lambda each: life.used_days(each[1]))
        spans += known
        unknown_s += sum(gap.duration_s for gap in gaps)
        proofs.append(evaluate(samples, max_c=None, start_s=period[0], end_s=period[1]).proof)
    weakest = next((proof for proof in (Proof.NONE, Proof.UNVERIFIED) if proof in proofs), Proof.VERIFIED)
    return Remaining(
        left_days=life.left_days(spans),
        used_days=life.used_days(spans),
        unknown_s=unknown_s,
        proof=weakest if proofs else Proof.NONE,
        q10=life.q10,
        reference_c=life.reference_c,
        source=life.source,
    )
