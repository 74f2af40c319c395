"""PDF with the font embedded, so that Chinese prints wherever it is opened.

`open_pdf` gives a blank fpdf2 document for labels and forms of any size; `table_pdf` is the common sheet:
a title, a few facts, one table, notes. The font holds the 21,003 characters of GBK (Noto Sans SC, SIL Open
Font License); a letter outside of it prints as an empty box.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from marketplace.kernel import clock

FONT = "NotoSansSC"
FONT_FILE = Path(__file__).with_name("NotoSansSC-GBK.otf")
MARGIN_MM = 14
TEXT_PT = 10
#: greys that survive a village printer
HEAD_FILL = (232, 236, 232)


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is relative to the other columns."""

    title: str
    width: int = 10
    right: bool = False


class Paper(FPDF):
    """An fpdf2 document in our font; pages are numbered where a table may run over several."""

    numbered = False

    def footer(self) -> None:
        if self.numbered:
            self.set_y(-10)
            self.set_font_size(8)
            self.cell(w=0, text=f"{self.page_no()} / {{nb}}", align="R")
            self.set_font_size(TEXT_PT)


def open_pdf(
    *, title: str, size_mm: tuple[float, float] | None = None, margin_mm: float = MARGIN_MM
) -> Paper:
    """An empty document, A4 upright unless a size is given; the caller adds pages and calls `output`."""
    pdf = Paper(unit="mm", format=size_mm or "A4")
    pdf.add_font(FONT, fname=FONT_FILE)
    pdf.set_margin(margin_mm)
    pdf.set_auto_page_break(True, margin=margin_mm)
    pdf.set_title(title)
    pdf.set_lang("zh-CN")
    pdf.set_creation_date(clock.wall())
    pdf.set_font(FONT, size=TEXT_PT)
    return pdf


def table_pdf(
    *,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    facts: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
) -> bytes:
    """One table over as many A4 pages as it needs; the head repeats, each page carries its number."""
    pdf = open_pdf(title=title)
    pdf.numbered = True
    pdf.add_page()
    pdf.set_font_size(16)
    pdf.cell(text=title, new_x="LMARGIN", new_y="NEXT", h=10)
    pdf.set_font_size(TEXT_PT)
    for name, value in facts:
        pdf.cell(text=f"{name}  {value}", new_x="LMARGIN", new_y="NEXT", h=6)
    pdf.ln(3)
    _table(pdf, columns, rows)
    pdf.ln(3)
    for note in notes:
        pdf.multi_cell(w=0, text=note, new_x="LMARGIN", new_y="NEXT", h=5.5)
    return bytes(pdf.output())


def _table(pdf: FPDF, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    pdf.set_font_size(9)
    with pdf.table(
        col_widths=tuple(column.width for column in columns),
        text_align=tuple("RIGHT" if column.right else "LEFT" for column in columns),
        headings_style=FontFace(fill_color=HEAD_FILL),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=6,
        padding=(0.6, 1),
    ) as table:
        table.row([column.title for column in columns])
        for row in rows:
            table.row(list(row))
    pdf.set_font_size(TEXT_PT)
