"""The table that lists many lots at once: what each cell means, and every bad cell named. No Django.

Columns have Chinese or English names. Weights and prices of weighed goods carry their unit in the cell
("80斤", "3.5/斤"), because a bare number there has cost others a factor of two.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from marketplace.documents.tables import Line, RowFault
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
    """One row of the table as typed values; `row` is its number in the file, the header being 1."""

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
class ParsedTable:
    rows: list[LotRow] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    #: key -> the column's name in this file
    headers: dict[str, str] = field(default_factory=dict)


def parse_rows(lines: Sequence[Line]) -> ParsedTable:
    """All rows and all faults of a table of at least one row. Raises InvalidInput on `file` without a
    column that every lot needs.
    """
    parsed = ParsedTable(headers=_headers(lines[0]))
    for line in lines:
        _parse_row(parsed, line)
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


def _headers(line: Line) -> dict[str, str]:
    """Our key of a column -> its name in this file; columns that are not ours are left alone."""
    named = {name.lower(): name for name in line.cells}
    headers = {}
    for column in _COLUMNS:
        found = [named[name] for name in column.names if name in named]
        if len(found) > 1:
            raise InvalidInput(N_("列 %(name)s 重复"), field="file", params={"name": column.names[0]})
        if column.required and not found:
            raise InvalidInput(N_("缺少列 %(name)s"), field="file", params={"name": column.names[0]})
        if found:
            headers[column.key] = found[0]
    return headers


def _parse_row(parsed: ParsedTable, line: Line) -> None:
    values: dict[str, Any] = {}
    faults: list[RowFault] = []
    for column in _COLUMNS:
        header = parsed.headers.get(column.key)
        try:
            values[column.key] = _cell(column, line.cells[header] if header else "")
        except InvalidInput as error:
            faults.append(RowFault(line.row, header or column.names[0], error))
    parsed.faults.extend(faults)
    if not faults:
        parsed.rows.append(LotRow(row=line.row, **values))


def _cell(column: _Column, text: str) -> Any:
    if text:
        return column.parse(text)
    if column.required:
        raise InvalidInput(N_("不能为空"))
    return column.empty
