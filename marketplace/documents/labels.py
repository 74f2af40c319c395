"""Labels to stick on things: one page a label as PDF, or ZPL for a label printer.

Each carries its code twice: Code 128 for a reader, QR for a phone. In ZPL the words travel as a picture, so
that a printer without Chinese fonts prints them too; the codes are the printer's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: one-part waybill (GB/T 41833-2022 names the size), and the label of a crate, a lot or a shelf
WAYBILL_MM, SMALL_MM = (76.0, 130.0), (76.0, 60.0)


@dataclass(frozen=True, slots=True)
class Label:
    """`code` is what a reader says, `qr` what a phone says; `lines` are words, the first ones matter most."""

    code: str
    qr: str
    title: str
    lines: tuple[str, ...] = ()
    badge: str = ""
    size_mm: tuple[float, float] = SMALL_MM


def labels_pdf(labels: Sequence[Label]) -> bytes:
    """One page a label, each in its own size; Code 128 and QR as vectors, the font embedded."""
    from marketplace.documents.label_drawing import draw_labels

    return draw_labels(labels)


def labels_zpl(labels: Sequence[Label]) -> str:
    """One ^XA..^XZ a label, UTF-8. Codes must be letters, digits and `-./:_` (ValueError)."""
    from marketplace.documents.label_drawing import zpl

    return "".join(zpl(label) for label in labels)
