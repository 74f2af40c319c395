from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lot_rows import Amount, LotRow, ParsedTable, Price, parse_amount, parse_price, parse_rows
from marketplace.documents.tables import read_table
from marketplace.kernel.errors import InvalidInput

HEADER = "商品,农户,手机,数量,单价,采收日期,保质天数,温区,入柜约定\n"
GOOD = "时令叶菜,王婶,,80斤,3.5/斤,2026-03-01,3,冷藏,是\n"


def parsed_of(text: str) -> ParsedTable:
    return parse_rows(read_table(name="lots.csv", data=text.encode()))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("80斤", Amount(40_000, "g")),
        ("12.5 KG", Amount(12_500, "g")),
        ("3公斤", Amount(3000, "g")),
        ("250克", Amount(250, "g")),
        ("12", Amount(12, "piece")),
        ("12箱", Amount(12, "piece")),
        ("0", Amount(0, "piece")),
    ],
)
def test_amounts(text: str, amount: Amount) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", ["-3斤", "80 jin", "1.5", "0.001斤", "1e3", "八十斤", "12;", "1,000", "nan"])
def test_no_amounts(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("3.5/斤", Price(700, "g")),
        ("7元/kg", Price(700, "g")),
        ("￥7/公斤", Price(700, "g")),
        ("32", Price(3200, "piece")),
        ("32元/箱", Price(3200, "piece")),
        ("0.01", Price(1, "piece")),
    ],
)
def test_prices(text: str, price: Price) -> None:
    assert parse_price(text) == price


@pytest.mark.parametrize("text", ["-1", "3.555", "abc", "3,5", "1/2", "", "3.5//斤"])
def test_no_prices(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_price(text)


@given(st.integers(1, 10**7))
def test_half_kilograms_and_jin_agree(jin: int) -> None:
    assert parse_amount(f"{jin}斤").value == jin * 500
    assert parse_price(f"{jin}/斤").fen == parse_price(f"{jin * 2}/kg").fen


def test_a_good_line_becomes_typed_values() -> None:
    parsed = parsed_of(HEADER + GOOD)
    assert parsed.faults == []
    assert parsed.rows == [
        LotRow(
            row=2,
            product="时令叶菜",
            farmer="王婶",
            phone=None,
            amount=Amount(40_000, "g"),
            price=Price(700, "g"),
            harvested_on=date(2026, 3, 1),
            shelf_life_days=3,
            zone="chilled",
            sender_agreement=True,
            certificate_number=None,
            certificate_basis=None,
            certificate_issued_on=None,
            certificate_contact=None,
            certificate_origin=None,
        )
    ]


def test_every_bad_cell_is_named_by_line_and_column() -> None:
    bad = ",王婶,12,many,free,2026-13-01,soon,冷藏,maybe\n"
    parsed = parsed_of(HEADER + GOOD + bad + "\n" + GOOD)
    assert [row.row for row in parsed.rows] == [2, 5]
    assert [(fault.row, fault.column) for fault in parsed.faults] == [
        (3, "商品"),
        (3, "手机"),
        (3, "数量"),
        (3, "单价"),
        (3, "采收日期"),
        (3, "保质天数"),
        (3, "入柜约定"),
    ]


def test_cells_left_out_at_the_end_are_empty() -> None:
    parsed = parsed_of(HEADER + "时令叶菜,王婶\n")
    assert [(fault.row, fault.column) for fault in parsed.faults] == [
        (2, "数量"),
        (2, "单价"),
        (2, "采收日期"),
    ]


def test_english_headers_tabs_and_a_byte_order_mark() -> None:
    header = "\ufeffproduct\tfarmer\tquantity\tprice\tharvested_on\tour note\n"
    parsed = parsed_of(header + "时令叶菜\t王婶\t1kg\t7/kg\t2026/03/01\thello\n")
    assert parsed.faults == []
    assert parsed.rows[0].harvested_on == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("商品,农户\n时令叶菜,王婶\n", "缺少列 数量"),
        (HEADER.replace("手机", "product") + GOOD, "列 商品 重复"),
    ],
)
def test_what_is_no_table_of_lots(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed_of(text)
    assert (refused.value.field, str(refused.value)) == ("file", message)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_text_is_parsed_or_refused_by_name(text: str) -> None:
    try:
        parsed = parsed_of(HEADER + text)
    except InvalidInput as error:
        refused = error
    else:
        assert parsed.rows or parsed.faults
        return
    assert refused.field == "file"
