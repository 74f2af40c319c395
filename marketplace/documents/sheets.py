"""CSV and Excel files from rows of text and numbers.

openpyxl takes 20 MB: it is loaded by the process that writes a sheet, when it first does.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from marketplace.kernel.clock import SHANGHAI

Value = str | int | Decimal | date | datetime | None
#: a cell that begins so is a formula to a spreadsheet: text that came from a person must not be one
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MONEY_FORMAT = "#,##0.00"


def yuan_cell(fen: int) -> Decimal:
    """A sum as a spreadsheet can add it up."""
    return Decimal(fen) / 100


def csv_file(*, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """UTF-8 with its mark, so that Excel reads Chinese; line ends as RFC 4180 has them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def xlsx_file(
    *, title: str, columns: Sequence[str], rows: Iterable[Sequence[Value]], widths: Sequence[int] = ()
) -> bytes:
    """One sheet with a bold, frozen head; sums are numbers with two decimals, moments are Yichun's time."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for index, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    head = []
    for name in columns:
        cell = _cell(sheet, name)
        cell.font = Font(bold=True)
        head.append(cell)
    sheet.append(head)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return str(value)


def _cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, datetime):
        value = value.astimezone(SHANGHAI).replace(tzinfo=None)
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, Decimal):
        cell.number_format = MONEY_FORMAT
    if isinstance(value, str):
        cell.data_type = "s"  # never a formula
    return cell
