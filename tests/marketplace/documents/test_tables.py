"""Tables that people send: the same rows out of CSV, Excel and GPX; nonsense refused."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import pytest
from openpyxl import Workbook

from marketplace.documents.tables import MAX_ROWS, Line, read_table
from marketplace.kernel.errors import InvalidInput

ROWS = [Line(2, {"运单号": "ZT1001", "重量": "1.5"}), Line(4, {"运单号": "ZT1002", "重量": "2"})]
CSV = "运单号,重量\nZT1001,1.5\n\n ZT1002 ,2\n"


def workbook() -> bytes:
    book = Workbook()
    for row in (["运单号", "重量"], ["ZT1001", 1.5], [None, None], ["ZT1002", 2]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("gb18030"),
        CSV.replace(",", "\t").encode(),
        CSV.replace(",", ";").replace("\n", "\r\n").encode(),
        workbook(),
    ],
    ids=["utf-8", "bom", "gb18030", "tab", "semicolon", "xlsx"],
)
def test_the_same_rows(data: bytes) -> None:
    assert read_table(name="a", data=data) == ROWS


def test_a_day_is_a_day_and_what_is_left_out_is_empty() -> None:
    book = Workbook()
    for row in (["采收日期", "备注"], [datetime(2026, 3, 1), None], [datetime(2026, 3, 1, 8, 30), "早"]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    assert read_table(name="a.xlsx", data=out.getvalue()) == [
        Line(2, {"采收日期": "2026-03-01", "备注": ""}),
        Line(3, {"采收日期": "2026-03-01 08:30:00", "备注": "早"}),
    ]


def test_gpx_waypoints() -> None:
    gpx = (
        '<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1" creator="x">'
        '<wpt lat="28.7" lon="115.4"><name>ZT1001</name><desc>1.5</desc></wpt></gpx>'
    )
    cells = {"name": "ZT1001", "desc": "1.5", "lat": "28.7", "lon": "115.4"}
    assert read_table(name="a.gpx", data=gpx.encode()) == [Line(1, cells)]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"0" * (21 * 1024 * 1024))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "没有数据行"),
        ("运单号\n".encode(), "没有数据行"),
        (b"\x00\x01\x02", "只能读取"),
        (b"PK\x03\x04 no zip", "只能读取"),
        (bomb(), "太大"),
        (b"<gpx><wpt>", "读不懂"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><gpx>&b;</gpx>', "DTD"),
        (("a\n" + "b\n" * (MAX_ROWS + 1)).encode(), "最多 500 行"),
        (("a\n" + "b" * 201).encode(), "第 2 行太长"),
        (b"a,b\nc,d\ne,f,g", "第 3 行有 3 列，表头只有 2 列"),
        (b"a,b,a\nc,d,e", "列 a 重复"),
        (b'a,b\nc,d\n"e,f\ng,h\n', "第 4 行不是合法的 CSV"),
    ],
)
def test_nonsense_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        read_table(name="a.csv", data=data)
    assert refused.value.field == "file"
