"""PDF with the font embedded, so that Chinese prints wherever it is opened.

`open_pdf` gives a blank fpdf2 document for labels and forms of any size; `table_pdf` is the common sheet:
a title, a few facts, one table, notes. The font holds the 21,003 characters of GBK (Noto Sans SC, SIL Open
Font License); a letter outside of it prints as an empty box.

The drawing libraries take 30 MB: they are loaded by the process that draws, when it first does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marketplace.documents.paper import Paper

FONT = "NotoSansSC"
FONT_FILE = Path(__file__).with_name("NotoSansSC-GBK.otf")
MARGIN_MM = 14


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is relative to the other columns."""

    title: str
    width: int = 10
    right: bool = False


def open_pdf(
    *, title: str, size_mm: tuple[float, float] | None = None, margin_mm: float = MARGIN_MM
) -> Paper:
    """An empty document, A4 upright unless a size is given; the caller adds pages and calls `output`."""
    from marketplace.documents.paper import open_paper

    return open_paper(title, size_mm, margin_mm)


def table_pdf(
    *,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    facts: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
) -> bytes:
    """One table over as many A4 pages as it needs; the head repeats, each page carries its number."""
    from marketplace.documents.paper import draw_table

    return draw_table(title, columns, rows, facts, notes)
