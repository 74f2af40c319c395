"""Drawing a PDF with fpdf2: what pdf.py promises. Imported by the first page that is drawn."""

from collections.abc import Sequence

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from marketplace.documents.pdf import FONT, FONT_FILE, MARGIN_MM, Column
from marketplace.kernel import clock

TEXT_PT = 10
#: greys that survive a village printer
HEAD_FILL = (232, 236, 232)


class Paper(FPDF):
    """An fpdf2 document in our font; pages are numbered where a table may run over several."""

    numbered = False

    def footer(self) -> None:
        if self.numbered:
            self.set_y(-10)
            self.set_font_size(8)
            self.cell(w=0, text=f"{self.page_no()} / {{nb}}", align="R")
            self.set_font_size(TEXT_PT)


def open_paper(title: str, size_mm: tuple[float, float] | None, margin_mm: float) -> Paper:
    pdf = Paper(unit="mm", format=size_mm or "A4")
    pdf.add_font(FONT, fname=FONT_FILE)
    pdf.set_margin(margin_mm)
    pdf.set_auto_page_break(True, margin=margin_mm)
    pdf.set_title(title)
    pdf.set_lang("zh-CN")
    pdf.set_creation_date(clock.wall())
    pdf.set_font(FONT, size=TEXT_PT)
    return pdf


def draw_table(
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    facts: Sequence[tuple[str, str]],
    notes: Sequence[str],
) -> bytes:
    pdf = open_paper(title, None, MARGIN_MM)
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
