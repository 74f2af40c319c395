import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmers.masking import masked_phone


@pytest.mark.parametrize(
    ("phone", "masked"), [("13812345678", "1******5678"), ("", ""), ("110", "*10"), ("9", "9")]
)
def test_masks(phone: str, masked: str) -> None:
    assert masked_phone(phone) == masked


@given(st.from_regex(r"1[0-9]{10}", fullmatch=True))
def test_six_digits_of_a_mobile_number_are_hidden(phone: str) -> None:
    masked = masked_phone(phone)
    assert (len(masked), masked.count("*"), masked[-4:]) == (11, 6, phone[-4:])
