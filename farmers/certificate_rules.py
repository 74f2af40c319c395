"""承诺达标合格证: who must carry one, what it says, how it is fingerprinted. No Django.

《农产品质量安全承诺达标合格证管理办法》, 农业农村部令 2025 年第 4 号, in force since 2026-02-01.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

#: kept by law for six months; we keep longer (trace.md section 3)
KEPT_MONTHS = 24

#: firms and cooperatives issue one per batch; who buys for resale passes on or re-issues; households are
#: only encouraged
_OBLIGED_KINDS = frozenset({"cooperative", "company", "trader"})


def certificate_required(*, seller_kind: str, covered: bool) -> bool:
    """Whether a lot may only be offered with a certificate; `covered` is the product category's part."""
    return covered and seller_kind in _OBLIGED_KINDS


@dataclass(frozen=True, slots=True)
class CertificateFields:
    """What the certificate states. `quantity` counts in the lot's unit: grams ("g") or pieces ("piece")."""

    number: str
    commitment: str
    basis: str
    product_name: str
    quantity: int
    unit: str
    origin: str
    issued_on: date
    issuer: str
    contact: str


def fingerprint(fields: CertificateFields, *, file_uuid: UUID | None = None) -> str:
    """SHA-256 (hex) over the fields in one fixed spelling: shows later whether the record was touched."""
    return _digest(
        {**asdict(fields), "issued_on": fields.issued_on.isoformat(), "file": str(file_uuid or "")}
    )


def _digest(statement: Mapping[str, object]) -> str:
    text = json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
