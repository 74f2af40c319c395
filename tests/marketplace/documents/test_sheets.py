import io
from datetime import UTC, datetime
from decimal import Decimal

from openpyxl import load_workbook

from marketplace.documents.sheets import csv_file, xlsx_file, yuan_cell

AT = datetime(2026, 11, 12, 1, 30, tzinfo=UTC)


def test_csv_opens_as_chinese_and_text_is_never_a_formula() -> None:
    made = csv_file(columns=["时间", "说明", "元"], rows=[(AT, '=1+1, "坏"', yuan_cell(-5))])
    assert made.startswith(b"\xef\xbb\xbf")
    lines = made.decode("utf-8-sig").split("\r\n")
    assert lines == ["时间,说明,元", '2026-11-12 09:30,"\'=1+1, ""坏""",-0.05', ""]


def test_excel_holds_numbers_and_moments_and_text_as_text() -> None:
    made = xlsx_file(
        title="对账单",
        columns=["时间", "说明", "元"],
        rows=[(AT, "=1+1", yuan_cell(123456))],
        widths=[18, 40, 12],
    )
    sheet = load_workbook(io.BytesIO(made)).active
    assert sheet is not None
    (head, row) = list(sheet.iter_rows())
    assert [cell.value for cell in head] == ["时间", "说明", "元"]
    assert row[0].value == datetime(2026, 11, 12, 9, 30)
    assert (row[1].value, row[1].data_type) == ("=1+1", "s")
    assert Decimal(str(row[2].value)) == Decimal("1234.56")
    assert sheet.freeze_panes == "A2"
