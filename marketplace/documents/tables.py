"""Tables that people send: CSV, Excel and GPX as rows of text. What a cell means, the importer says.

openpyxl takes 20 MB: it is loaded by the process that reads a workbook, when it first does.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final
from xml.etree import ElementTree as xml

from marketplace.kernel.errors import N_, DomainError, InvalidInput

MAX_ROWS: Final = 500
#: longest text in one cell
MAX_CELL: Final = 200
MAX_COLUMNS: Final = 40
#: a workbook is a zip: what it may become when unpacked
MAX_UNPACKED: Final = 20 * 1024 * 1024
_GPX = "{http://www.topografix.com/GPX/1/1}"


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its number as the sender's program shows it, and a text for every named column."""

    row: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class RowFault:
    """A bad cell: the row, the column as the file calls it ("" for the whole row), what is wrong."""

    row: int
    column: str
    error: DomainError


def read_table(*, name: str, data: bytes) -> list[Line]:
    """Rows below the header; of GPX the waypoints, with the columns name, desc, lon and lat.

    Raises InvalidInput on `file` for what is no such table, a column that comes twice, a row wider than the
    header, more than 500 rows or 40 columns.
    """
    if data.startswith(b"PK"):
        lines = _lines(_workbook(data))
    elif name.lower().endswith(".gpx") or data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        lines = _waypoints(data)
    else:
        lines = _lines(_text(data))
    found = list(_no_more_than(lines))
    if not found:
        raise InvalidInput(N_("文件里没有数据行"), field="file")
    return found


def _no_more_than(lines: Iterable[Line]) -> Iterator[Line]:
    for count, line in enumerate(lines, start=1):
        if count > MAX_ROWS:
            raise InvalidInput(N_("一次最多 %(rows)s 行"), field="file", params={"rows": MAX_ROWS})
        yield line


def _lines(rows: Iterable[list[str]]) -> Iterator[Line]:
    head: list[str] | None = None
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        while not cells[-1]:  # a sheet is as wide as its widest row ever was
            cells.pop()
        if len(cells) > MAX_COLUMNS or any(len(cell) > MAX_CELL for cell in cells):
            raise InvalidInput(N_("第 %(row)s 行太长"), field="file", params={"row": number})
        if head is None:
            head = _head(cells)
            continue
        if len(cells) > len(head):  # a comma inside a cell has moved what follows it
            raise InvalidInput(
                N_("第 %(row)s 行有 %(found)s 列，表头只有 %(expected)s 列"),
                field="file",
                params={"row": number, "found": len(cells), "expected": len(head)},
            )
        cells += [""] * (len(head) - len(cells))
        yield Line(number, {name: cell for name, cell in zip(head, cells, strict=True) if name})


def _head(names: list[str]) -> list[str]:
    for name in names:
        if name and names.count(name) > 1:
            raise InvalidInput(N_("列 %(name)s 重复"), field="file", params={"name": name})
    return names


def _text(data: bytes) -> Iterator[list[str]]:
    """UTF-8, or what Excel in China saves; comma, semicolon or tab."""
    if b"\x00" in data:
        raise InvalidInput(N_("只能读取 CSV、Excel（xlsx）和 GPX 文件"), field="file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")
    head = text.split("\n", 1)[0]
    comma = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    try:
        yield from reader
    except csv.Error as error:  # a quote that never closes, or closes in the middle of a cell
        raise InvalidInput(
            N_("第 %(row)s 行不是合法的 CSV"), field="file", params={"row": reader.line_num}
        ) from error


def _workbook(data: bytes) -> Iterator[list[str]]:
    """The first sheet, values only."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > MAX_UNPACKED:
            raise InvalidInput(N_("文件太大"), field="file")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS + 1)
        yield from ([_plain(value) for value in row] for row in rows)
    except InvalidInput:
        raise
    except Exception as error:  # openpyxl raises whatever its parts do
        raise InvalidInput(N_("只能读取 CSV、Excel（xlsx）和 GPX 文件"), field="file") from error


def _plain(value: object) -> str:
    """As the sheet shows it: a number without a tail of zeros, a day without midnight."""
    if value is None:
        return ""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def _waypoints(data: bytes) -> Iterator[Line]:
    """GPX 1.1 `wpt`, else the points of routes; no DTD, so nothing in it can grow."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise InvalidInput(N_("GPX 文件不能带 DTD"), field="file")
    try:
        root = xml.fromstring(data)
    except xml.ParseError as error:
        raise InvalidInput(
            N_("GPX 第 %(line)s 行读不懂"), field="file", params={"line": error.position[0]}
        ) from error
    points = root.findall(f"{_GPX}wpt") or root.findall(f"{_GPX}rte/{_GPX}rtept")
    for number, point in enumerate(points, start=1):
        cells = {key: (point.findtext(f"{_GPX}{key}") or "").strip()[:MAX_CELL] for key in ("name", "desc")}
        yield Line(number, cells | {key: point.get(key, "")[:MAX_CELL] for key in ("lon", "lat")})
