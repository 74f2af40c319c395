"""Drawing labels as PDF and as ZPL: what labels.py promises. Imported by the first label that is drawn."""

from collections.abc import Sequence
from functools import cache

import segno
from barcode import Code128
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from marketplace.documents.labels import WAYBILL_MM, Label
from marketplace.documents.paper import open_paper
from marketplace.documents.pdf import FONT_FILE

MARGIN_MM = 4.0
BARCODE_MM = 14.0
QR_MM = 24.0
#: 203 dpi, what small label printers have
DOTS_PER_MM = 8
_PT_IN_MM = 0.3528


def draw_labels(labels: Sequence[Label]) -> bytes:
    pdf = open_paper(labels[0].code, labels[0].size_mm, MARGIN_MM)
    pdf.set_auto_page_break(False)
    for label in labels:
        pdf.add_page(format=label.size_mm)
        _draw(pdf, label)
    return bytes(pdf.output())


def _draw(pdf: FPDF, label: Label) -> None:
    width, height = label.size_mm
    inner = width - 2 * MARGIN_MM
    low = height - MARGIN_MM - BARCODE_MM - 5 - QR_MM - 1
    narrow = inner - QR_MM - 2
    pdf.set_xy(MARGIN_MM, MARGIN_MM)
    pdf.set_font_size(15)
    pdf.multi_cell(
        w=inner if low > 20 else narrow,
        h=6.5,
        text=label.title,
        max_line_height=6.5,
        new_x="LMARGIN",
        new_y="NEXT",
    )
    if label.badge:
        pdf.set_font_size(12)
        wide = pdf.get_string_width(label.badge) + 4
        pdf.cell(w=wide, h=6.5, text=label.badge, border=1, align="C", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1)
    points = 12 if label.size_mm == WAYBILL_MM else 9
    step = points * 0.52
    pdf.set_font_size(points)
    for line in label.lines:
        if pdf.get_y() + step > low + QR_MM:
            break
        wide = narrow if pdf.get_y() + step > low else inner
        pdf.multi_cell(w=wide, h=step, text=line, new_x="LMARGIN", new_y="NEXT")
    _qr(pdf, label.qr, x=width - MARGIN_MM - QR_MM, y=low)
    top = height - MARGIN_MM - BARCODE_MM - 5
    _code128(pdf, label.code, x=MARGIN_MM, y=top, w=inner)
    pdf.set_xy(MARGIN_MM, top + BARCODE_MM)
    pdf.set_font_size(9)
    pdf.cell(w=inner, h=5, text=label.code, align="C")


def _code128(pdf: FPDF, code: str, *, x: float, y: float, w: float) -> None:
    """Bars over the width that is left after a quiet zone of ten modules on either side."""
    bars = Code128(code).build()[0]
    module = w / (len(bars) + 20)
    pdf.set_fill_color(0)
    at = 0
    while at < len(bars):
        run = len(bars[at:]) - len(bars[at:].lstrip(bars[at]))
        if bars[at] == "1":
            pdf.rect(x + (at + 10) * module, y, run * module, BARCODE_MM, style="F")
        at += run


def _qr(pdf: FPDF, text: str, *, x: float, y: float) -> None:
    rows = tuple(segno.make(text, error="m", micro=False).matrix)
    module = QR_MM / (len(rows) + 4)
    pdf.set_fill_color(0)
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            if dark:
                pdf.rect(x + (across + 2) * module, y + (down + 2) * module, module, module, style="F")


def zpl(label: Label) -> str:
    if not label.code.isascii() or not all(sign.isalnum() or sign in "-./:_" for sign in label.code):
        raise ValueError(f"no code for a label printer: {label.code!r}")
    width, height = (round(side * DOTS_PER_MM) for side in label.size_mm)
    margin = round(MARGIN_MM * DOTS_PER_MM)
    qr_top = height - margin - round((BARCODE_MM + QR_MM + 7) * DOTS_PER_MM)
    bar_top = height - margin - round((BARCODE_MM + 5) * DOTS_PER_MM)
    words = _words(label, width - 2 * margin, qr_top - margin)
    dots = max(1, (width - 2 * margin) // (len(Code128(label.code).build()[0]) + 20))
    return "\n".join(
        (
            f"^XA^CI28^PW{width}^LL{height}",
            f"^FO{margin},{margin}{_picture(words)}^FS",
            f"^FO{width - margin - round(QR_MM * DOTS_PER_MM)},{qr_top}^BQN,2,5^FH^FDMA,{_hex(label.qr)}^FS",
            f"^FO{margin},{bar_top}^BY{dots}^BCN,{round(BARCODE_MM * DOTS_PER_MM)},Y,N,N^FD{label.code}^FS",
            "^XZ\n",
        )
    )


def _hex(text: str) -> str:
    """^FH: what would be a command of the printer goes as its hexadecimal number."""
    return "".join(f"_{ord(sign):02X}" if sign in "^~_" else sign for sign in text)


def _words(label: Label, width: int, height: int) -> Image.Image:
    page = Image.new("1", (width, height), 1)
    draw = ImageDraw.Draw(page)
    y = 0
    for text, points in ((label.title, 15), (label.badge, 12), *((line, 9) for line in label.lines)):
        font = _font(round(points * _PT_IN_MM * DOTS_PER_MM))
        for row in _wrapped(text, font, width):
            step = round(points * 1.45 * _PT_IN_MM * DOTS_PER_MM)
            if y + step > height:
                return page
            draw.text((0, y), row, font=font, fill=0)
            y += step
    return page


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    rows, row = [], ""
    for sign in text:
        if row and font.getlength(row + sign) > width:
            rows.append(row)
            row = ""
        row += sign
    return [*rows, row] if row else rows


@cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT_FILE), pixels)


def _picture(image: Image.Image) -> str:
    """^GFA: a byte is eight dots, a set bit is black."""
    per_row = (image.width + 7) // 8
    flat = Image.new("1", (per_row * 8, image.height), 1)
    flat.paste(image)
    data = bytes(byte ^ 0xFF for byte in flat.tobytes())
    return f"^GFA,{len(data)},{len(data)},{per_row},{data.hex().upper()}"
