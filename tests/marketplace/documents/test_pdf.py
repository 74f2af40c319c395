"""The letters stand in the file itself: a printer without Chinese fonts prints them."""

import re
import zlib

from marketplace.documents.pdf import FONT_FILE, Column, open_pdf, table_pdf

COLUMNS = (Column("日期", 12), Column("说明", 30), Column("金额", 10, right=True))


def streams(pdf: bytes) -> list[bytes]:
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(stream) if stream[:1] == b"x" else stream for stream in found]


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


def test_the_font_is_embedded_and_only_the_letters_used() -> None:
    made = table_pdf(title="王婶的对账单", columns=COLUMNS, rows=[("11月12日", "喆堃合作社 猕猴桃", "52.00")])
    assert made.startswith(b"%PDF-")
    assert b"/FontFile3" in made
    assert len(made) < 60_000 < FONT_FILE.stat().st_size
    mapped = b"".join(
        stream for stream in streams(made) if b"beginbfchar" in stream or b"beginbfrange" in stream
    )
    for letter in "王婶喆堃":
        assert f"{ord(letter):04x}".encode() in mapped.lower()


def test_a_long_table_runs_over_pages_and_repeats_its_head() -> None:
    rows = [(f"{n}", "西红柿", "1.00") for n in range(120)]
    assert pages(table_pdf(title="对账单", columns=COLUMNS, rows=rows)) > 2


def test_an_empty_table_is_a_page() -> None:
    assert pages(table_pdf(title="对账单", columns=COLUMNS, rows=[], notes=["本期没有往来"])) == 1


def test_a_label_of_any_size() -> None:
    pdf = open_pdf(title="筐签", size_mm=(60, 40), margin_mm=2)
    pdf.add_page()
    pdf.cell(text="筐 C-0001")
    made = bytes(pdf.output())
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", made)
    assert box is not None
    assert [round(float(side) / 72 * 25.4) for side in box.groups()] == [60, 40]
