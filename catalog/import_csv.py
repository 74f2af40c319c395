"""The CSV that lists many lots at once: reading it and naming every bad cell. No Django.

One header line, Chinese or English column names, comma or tab. Weights and prices of weighed goods
carry their unit in the cell ("80斤", "3.5/斤"), because a bare number there has cost others a factor of
two.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from marketplace.documents.tables import MAX_CELL, MAX_ROWS, RowFault
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.temperature import ZONES_BY_NAME
from marketplace.kernel.units import JIN_G, KG_G


@dataclass(frozen=True, slots=True)
class Amount:
    """Integer grams (unit "g") or pieces (unit "piece")."""

    value: int
    unit: str


@dataclass(frozen=True, slots=True)
class Price:
    """Fen per kilogram (unit "g") or per piece (unit "piece")."""

    fen: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRow:
    """One line of the file as typed values; `row` counts lines of the file, the header being 1."""

    row: int
    product: str
    farmer: str
    phone: str | None
    amount: Amount
    price: Price
    harvested_on: date
    shelf_life_days: int | None
    zone: str | None
    sender_agreement: bool
    certificate_number: str | None
    certificate_basis: str | None
    certificate_issued_on: date | None
    certificate_contact: str | None
    certificate_origin: str | None


@dataclass(slots=True)
class ParsedFile:
    rows: list[LotRow] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    #: key -> the column's name in this file
    headers: dict[str, str] = field(default_factory=dict)


def parse_file(text: str) -> ParsedFile:
    """All rows and all faults of the file. Raises InvalidInput on `csv` when it is no table of lots at
    all.
    """
    lines = _lines(text.removeprefix("\ufeff"))
    header = next(lines, None)
    if header is None:
        raise InvalidInput(N_("文件是空的"), field="csv")
    keys = _keys(header[1])
    parsed = ParsedFile(headers={key: name.strip() for key, name in zip(keys, header[1], strict=True) if key})
    for row, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if row > MAX_ROWS + 1:
            raise InvalidInput(N_("一次最多导入 %(most)s 行"), field="csv", params={"most": MAX_ROWS})
        _parse_row(parsed, row, dict(zip(keys, cells, strict=False)), width=(len(cells), len(keys)))
    if not parsed.rows and not parsed.faults:
        raise InvalidInput(N_("文件里没有数据行"), field="csv")
    return parsed


def parse_amount(text: str) -> Amount:
    """`"80斤"` -> 40,000 g; `"12.5kg"` -> 12,500 g; `"12"`, `"12箱"` -> 12 pieces."""
    match = _AMOUNT.match(text)
    if match is None:
        raise InvalidInput(N_("数量格式应为 80斤、40kg 或 12"))
    value, unit_g = Fraction(match[1]), _UNIT_G.get(match[2].lower())
    if unit_g is not None:
        value *= unit_g
    if value.denominator != 1:
        raise InvalidInput(N_("数量应为整克或整件"))
    return Amount(int(value), "piece" if unit_g is None else "g")


def parse_price(text: str) -> Price:
    """`"3.5/斤"` -> 700 fen per kilogram; `"¥7元/kg"` -> 700; `"32"`, `"32元/箱"` -> 3,200 fen per piece."""
    match = _PRICE.match(text)
    if match is None:
        raise InvalidInput(N_("单价格式应为 3.5/斤、7/kg 或 32"))
    fen, unit_g = Fraction(match[1]) * 100, _UNIT_G.get((match[2] or "").lower())
    if unit_g is not None:
        fen = fen * KG_G / unit_g
    if fen.denominator != 1:
        raise InvalidInput(N_("单价最小到分"))
    return Price(int(fen), "piece" if unit_g is None else "g")


_UNIT_G = {"斤": JIN_G, "公斤": KG_G, "千克": KG_G, "kg": KG_G, "克": 1, "g": 1}
_NUMBER = r"(\d{1,9}(?:\.\d{1,3})?)"
_AMOUNT = re.compile(
    rf"^{_NUMBER}\s*(斤|公斤|千克|kg|克|g|箱|袋|盒|瓶|包|只|条|份|捆|件|个|枚|)$", re.IGNORECASE
)
_PRICE = re.compile(
    rf"^[¥￥]?{_NUMBER}\s*元?(?:\s*/\s*(斤|公斤|千克|kg|箱|袋|盒|瓶|包|只|条|份|捆|件|个|枚))?$",
    re.IGNORECASE,
)


def _text(text: str) -> str:
    return text


def _phone(text: str) -> str:
    if not re.fullmatch(r"\d{4}|1\d{10}", text):
        raise InvalidInput(N_("手机号应为 11 位，或末 4 位"))
    return text


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise InvalidInput(N_("日期格式应为 2026-03-01")) from None


def _days(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text):
        raise InvalidInput(N_("应为整数天数"))
    return int(text)


def _zone(text: str) -> str:
    """Codes pass as they are: whether one is known is the listing's rule."""
    return ZONES_BY_NAME[text].value if text in ZONES_BY_NAME else text.lower()


def _yes(text: str) -> bool:
    answer = {"是": True, "yes": True, "y": True, "1": True, "否": False, "no": False, "n": False, "0": False}
    if text.lower() not in answer:
        raise InvalidInput(N_("应为“是”或“否”"))
    return answer[text.lower()]


_BASES = {"质量安全控制": "quality_control", "自行检测": "self_test", "委托检测": "commissioned_test"}


def _basis(text: str) -> str:
    return _BASES.get(text, text)


@dataclass(frozen=True, slots=True)
class _Column:
    """`names`: Chinese first, then English. Cells of optional columns may be empty."""

    key: str
    names: tuple[str, ...]
    parse: Callable[[str], Any]
    required: bool = False
    empty: Any = None


_COLUMNS = (
    _Column("product", ("商品", "product"), _text, required=True),
    _Column("farmer", ("农户", "farmer"), _text, required=True),
    _Column("phone", ("手机", "phone"), _phone),
    _Column("amount", ("数量", "quantity"), parse_amount, required=True),
    _Column("price", ("单价", "price"), parse_price, required=True),
    _Column("harvested_on", ("采收日期", "harvested_on"), _date, required=True),
    _Column("shelf_life_days", ("保质天数", "shelf_life_days"), _days),
    _Column("zone", ("温区", "zone"), _zone),
    _Column("sender_agreement", ("入柜约定", "sender_agreement"), _yes, empty=False),
    _Column("certificate_number", ("合格证编号", "certificate_number"), _text),
    _Column("certificate_basis", ("合格证依据", "certificate_basis"), _basis),
    _Column("certificate_issued_on", ("合格证日期", "certificate_issued_on"), _date),
    _Column("certificate_contact", ("合格证联系方式", "certificate_contact"), _text),
    _Column("certificate_origin", ("合格证产地", "certificate_origin"), _text),
)
COLUMNS: Mapping[str, tuple[str, ...]] = {column.key: column.names for column in _COLUMNS}
_KEY_OF = {name: column.key for column in _COLUMNS for name in column.names}


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Numbered lines; a quote that never closes is told with its line."""
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise InvalidInput(
                N_("第 %(row)s 行不是合法的 CSV"), field="csv", params={"row": number}
            ) from None


def _keys(header: list[str]) -> list[str | None]:
    """The key of each column, None for columns that are not ours and are left alone."""
    keys = [_KEY_OF.get(name.strip().lower()) for name in header]
    known = [key for key in keys if key]
    for key in known:
        if known.count(key) > 1:
            raise InvalidInput(N_("列 %(name)s 重复"), field="csv", params={"name": COLUMNS[key][0]})
    for column in _COLUMNS:
        if column.required and column.key not in known:
            raise InvalidInput(N_("缺少列 %(name)s"), field="csv", params={"name": column.names[0]})
    return keys


def _parse_row(parsed: ParsedFile, row: int, cells: dict[str | None, str], width: tuple[int, int]) -> None:
    if width[0] != width[1]:
        error = InvalidInput(
            N_("有 %(found)s 列，应有 %(expected)s 列"), params={"found": width[0], "expected": width[1]}
        )
        parsed.faults.append(RowFault(row, "", error))
        return
    values: dict[str, Any] = {}
    faults: list[RowFault] = []
    for column in _COLUMNS:
        try:
            values[column.key] = _cell(column, cells.get(column.key, ""))
        except InvalidInput as error:
            faults.append(RowFault(row, parsed.headers.get(column.key, column.names[0]), error))
    parsed.faults.extend(faults)
    if not faults:
        parsed.rows.append(LotRow(row=row, **values))


def _cell(column: _Column, raw: str) -> Any:
    text = raw.strip()
    if not text:
        if column.required:
            raise InvalidInput(N_("不能为空"))
        return column.empty
    if len(text) > MAX_CELL:
        raise InvalidInput(N_("最多 %(most)s 个字"), params={"most": MAX_CELL})
    return column.parse(text)
