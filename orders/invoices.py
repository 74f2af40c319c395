"""What a receipt needs of a buyer who wants an invoice (发票), and how a seller's goods are taxed. No Django.

Tax numbers are unified social credit codes (统一社会信用代码, GB 32100-2015): 18 characters, the last one a
check character. Own farm produce is free of VAT (domain.md, rule 30: to be re-read against the law).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from marketplace.kernel.errors import N_, InvalidInput

TITLE_MAX, EMAIL_MAX = 100, 254
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)+")
#: a fully digital invoice (数电发票) has 20 digits; older ones a code of 10 or 12 and a number of 8
_INVOICE_NUMBER = re.compile(r"\d{20}|\d{10}-\d{8}|\d{12}-\d{8}")


class TitleKind(StrEnum):
    PERSON = "person"
    COMPANY = "company"


class TaxKind(StrEnum):
    OWN_PRODUCE = "own_produce"
    """自产农产品, free of VAT: households and co-ops of those who grew it."""
    SELLERS_RATE = "sellers_rate"
    """The seller's own rate; the platform does not know it."""
    TRANSPORT = "transport"
    """The platform's delivery service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """To whom the receipt is made out (抬头), as checked by `checked_title`."""

    kind: TitleKind
    title: str
    tax_number: str = ""
    email: str = ""


def checked_title(*, kind: str, title: str, tax_number: str, email: str) -> Title:
    """Raises InvalidInput naming the field."""
    if kind not in list(TitleKind):
        raise InvalidInput(N_("抬头类型应为 person 或 company"), field="kind")
    title, email = " ".join(title.split()), email.strip()
    if not 1 <= len(title) <= TITLE_MAX:
        raise InvalidInput(N_("请填写抬头（100 字以内）"), field="title")
    if email and (len(email) > EMAIL_MAX or not _EMAIL.fullmatch(email)):
        raise InvalidInput(N_("邮箱地址不正确"), field="email")
    if kind == TitleKind.PERSON:
        if tax_number.strip():
            raise InvalidInput(N_("个人抬头不需要税号"), field="tax_number")
        return Title(kind=TitleKind.PERSON, title=title, email=email)
    return Title(kind=TitleKind.COMPANY, title=title, tax_number=checked_tax_number(tax_number), email=email)


def checked_tax_number(text: str) -> str:
    """The code in capitals, without spaces. Raises InvalidInput for a wrong letter or check character."""
    code = "".join(text.split()).upper()
    if len(code) != 18 or any(letter not in _ALPHABET for letter in code):
        raise InvalidInput(N_("税号应为 18 位统一社会信用代码"), field="tax_number")
    if code[17] != check_character(code[:17]):
        raise InvalidInput(N_("税号校验位不对，请核对"), field="tax_number")
    return code


def check_character(first_17: str) -> str:
    """GB 32100-2015, 6: weights 3^i mod 31 over an alphabet of 31 without I, O, S, V, Z."""
    total = sum(_ALPHABET.index(letter) * weight for letter, weight in zip(first_17, _WEIGHTS, strict=True))
    return _ALPHABET[-total % 31]


def checked_invoice_number(text: str) -> str:
    """Raises InvalidInput."""
    number = "".join(text.split())
    if not _INVOICE_NUMBER.fullmatch(number):
        raise InvalidInput(N_("发票号码应为 20 位数字，或“代码-号码”"), field="invoice_number")
    return number


def tax_kind_of(seller_kind: str) -> TaxKind:
    return TaxKind.OWN_PRODUCE if seller_kind in ("household", "cooperative") else TaxKind.SELLERS_RATE
