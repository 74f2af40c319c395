from string import ascii_uppercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.errors import InvalidInput
from orders.invoices import (
    check_character,
    checked_invoice_number,
    checked_tax_number,
    checked_title,
    tax_kind_of,
)

ALPHABET = "".join(letter for letter in digits + ascii_uppercase if letter not in "IOSVZ")
CODES = st.text(ALPHABET, min_size=17, max_size=17)


@pytest.mark.parametrize("code", ["91350100M000100Y43", " 9135 0100 m000100y43"])
def test_the_standards_own_example_is_accepted_however_it_is_typed(code):
    assert checked_tax_number(code) == "91350100M000100Y43"


@pytest.mark.parametrize(
    "code", ["", "91350100M000100Y44", "91350100M000100Y4", "91350100M000100O43", "913501000000100Y43"]
)
def test_anything_else_is_refused_by_name(code):
    with pytest.raises(InvalidInput) as refused:
        checked_tax_number(code)
    assert refused.value.field == "tax_number"


@given(CODES, st.integers(0, 16), st.sampled_from(ALPHABET))
def test_one_wrong_letter_never_passes(code, place, letter):
    wrong = code[:place] + letter + code[place + 1 :]
    assert (check_character(wrong) == check_character(code)) == (wrong == code)


@given(CODES, st.integers(0, 15))
def test_two_neighbours_swapped_never_pass(code, place):
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (check_character(swapped) == check_character(code)) == (swapped == code)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("kind", {"kind": "club"}),
        ("title", {"title": "  "}),
        ("title", {"title": "长" * 101}),
        ("tax_number", {"kind": "company"}),
        ("tax_number", {"tax_number": "91350100M000100Y43"}),
        ("email", {"email": "a@b"}),
        ("email", {"email": "a b@c.cn"}),
    ],
)
def test_a_title_names_the_field_that_is_wrong(field, given):
    with pytest.raises(InvalidInput) as refused:
        checked_title(**{"kind": "person", "title": "李先生", "tax_number": "", "email": ""} | given)
    assert refused.value.field == field


def test_invoice_numbers_and_taxes():
    assert checked_invoice_number(" 26362000000012345678") == "26362000000012345678"
    assert checked_invoice_number("036001900111-12345678") == "036001900111-12345678"
    with pytest.raises(InvalidInput):
        checked_invoice_number("123")
    kinds = ("household", "cooperative", "company", "trader")
    assert [tax_kind_of(kind) for kind in kinds] == ["own_produce"] * 2 + ["sellers_rate"] * 2
