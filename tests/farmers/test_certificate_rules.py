from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from farmers.certificate_rules import CertificateFields, certificate_required, fingerprint
from farmers.kinds import SellerKind

FIELDS = CertificateFields(
    number="HGZ-1",
    commitment="不使用禁用农药",
    basis="self_test",
    product_name="时令叶菜",
    quantity=40_000,
    unit="g",
    origin="奉新县赤岸镇",
    issued_on=date(2026, 3, 1),
    issuer="王婶",
    contact="13800000000",
)


@pytest.mark.parametrize(
    ("seller_kind", "covered", "required"),
    [
        ("household", True, False),
        ("cooperative", True, True),
        ("company", True, True),
        ("trader", True, True),
        ("household", False, False),
        ("cooperative", False, False),
        ("company", False, False),
        ("trader", False, False),
    ],
)
def test_who_must_carry_a_certificate(seller_kind: str, covered: bool, required: bool) -> None:
    assert certificate_required(seller_kind=seller_kind, covered=covered) is required


def test_the_table_knows_every_seller_kind() -> None:
    assert set(SellerKind.values) == {"household", "cooperative", "company", "trader"}


def test_any_changed_field_changes_the_fingerprint_and_nothing_else_does() -> None:
    first = fingerprint(FIELDS)
    assert first == fingerprint(replace(FIELDS))
    changes: list[dict[str, object]] = [
        {name: "x"}
        for name in ("number", "commitment", "basis", "product_name", "unit", "origin", "issuer", "contact")
    ]
    changes += [{"quantity": 1}, {"issued_on": date(2026, 3, 2)}]
    others = {fingerprint(replace(FIELDS, **change)) for change in changes}  # type: ignore[arg-type]
    others.add(fingerprint(FIELDS, file_uuid=UUID(int=1)))
    assert len(others) == 11
    assert first not in others
