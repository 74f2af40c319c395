"""A printed label scans back to its record, and its words stand in the file."""

import re

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from marketplace.documents.labels import SMALL_MM, WAYBILL_MM, Label, labels_pdf, labels_zpl

WAYBILL = Label(
    code="P0192F3A7C001",
    qr="P0192F3A7C001",
    title="宜阳新城小区 智能柜",
    lines=("李** 1******0012", "袁州区宜阳大道 88 号", "毛重 2.6 kg"),
    badge="冷藏",
    size_mm=WAYBILL_MM,
)
LOT = Label(
    code="YC7K2M9QXA",
    qr="http://127.0.0.1:8000/trace/YC7K2M9QXA",
    title="奉新猕猴桃",
    lines=("王婶",),
    badge="冷藏",
)


def test_pdf_pages_scan_back_and_say_their_words() -> None:
    pdf = labels_pdf([WAYBILL, LOT])
    assert b"/FontFile3" in pdf
    pages = list(pypdfium2.PdfDocument(pdf))
    assert [tuple(round(side / 72 * 25.4) for side in page.get_size()) for page in pages] == [
        tuple(map(round, WAYBILL_MM)),
        tuple(map(round, SMALL_MM)),
    ]
    for page, label in zip(pages, (WAYBILL, LOT), strict=True):
        seen = zxingcpp.read_barcodes(page.render(scale=4).to_pil())
        assert {(str(each.format), each.text) for each in seen} == {
            ("Code 128", label.code), ("QR Code", label.qr),
        }  # fmt: skip
        words = re.sub(r"\s+", "", page.get_textpage().get_text_bounded())
        for expected in (label.title, label.badge, *label.lines):
            assert re.sub(r"\s+", "", expected) in words


def test_zpl_carries_the_codes_as_commands_and_the_words_as_a_picture() -> None:
    zpl = labels_zpl([WAYBILL, LOT])
    assert (zpl.count("^XA"), zpl.count("^XZ")) == (2, 2)
    assert "^FDP0192F3A7C001^FS" in zpl
    assert "^FDMA,http://127.0.0.1:8000/trace/YC7K2M9QXA^FS" in zpl
    total, _, per_row, data = re.findall(r"\^GFA,(\d+),(\d+),(\d+),([0-9A-F]+)\^FS", zpl)[0]
    assert len(data) == 2 * int(total)
    picture = Image.frombytes(
        "1", (int(per_row) * 8, int(total) // int(per_row)), bytes(b ^ 0xFF for b in bytes.fromhex(data))
    )
    dark = picture.convert("L").histogram()[0]
    assert 0.01 < dark / (picture.width * picture.height) < 0.4


@pytest.mark.parametrize("code", ["A^XZ", "柜-1", "A B", "A~B"])
def test_no_code_can_command_the_printer(code: str) -> None:
    with pytest.raises(ValueError, match="no code"):
        labels_zpl([Label(code, "x", "x")])


def test_what_a_phone_reads_cannot_command_the_printer_either() -> None:
    assert "^FDMA,a_5Exa_7Eb_5Fc^FS" in labels_zpl([Label("A1", "a^xa~b_c", "x")])
