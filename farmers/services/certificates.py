"""Issuing and replacing certificates; a stored one is never edited."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from farmers.certificate_rules import CertificateFields, fingerprint
from farmers.errors import CertificateReplaced
from farmers.kinds import CertificateBasis
from farmers.models import Certificate, EvidenceFile, Farmer
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.principal import Principal

#: 承诺事项, the words of the ministry's form
COMMITMENT = N_("不使用禁用农药兽药、停用兽药和非法添加物；常规农药兽药残留不超标；对承诺的真实性负责")
#: what is aged (tea, liquor) may be old; an older certificate was typed wrongly
OLDEST = timedelta(days=3650)


def certificate_number(given: str = "") -> str:
    """The issuer's own number, or one of ours (households have none)."""
    return given.strip() or f"CD{secrets.token_hex(10).upper()}"


def issue_certificate(
    *,
    farmer: Farmer,
    fields: CertificateFields,
    file: EvidenceFile | None = None,
    parents: Iterable[Certificate] = (),
) -> Certificate:
    """Put a certificate on record; `parents` are those of the lots it was mixed from.

    The same number of the same farmer with the same words is the same certificate. Raises InvalidInput.
    """
    checked = checked_fields(fields)
    digest = fingerprint(checked, file_uuid=file.uuid if file else None)
    with transaction.atomic():
        certificate, _ = Certificate.objects.get_or_create(
            farmer=farmer,
            number=checked.number,
            defaults={
                **{name: getattr(checked, name) for name in _STATED},
                "file": file,
                "sha256": digest,
                "recorded_at": clock.now(),
            },
        )
        if certificate.sha256 != digest:
            raise _number_taken()
        certificate.parents.add(*parents)
    issued: Certificate = certificate
    return issued


def require_free_number(*, farmer: Farmer, fields: CertificateFields) -> None:
    """Raises InvalidInput when the farmer's number already stands for a certificate with other words."""
    same_number = Certificate.objects.filter(farmer=farmer, number=fields.number)
    if same_number.exclude(sha256=fingerprint(fields)).exists():
        raise _number_taken()


def _number_taken() -> InvalidInput:
    return InvalidInput(N_("这个合格证编号已用于另一张证"), field="certificate.number")


def replace_certificate(
    *, principal: Principal, certificate: Certificate, fields: CertificateFields
) -> Certificate:
    """A corrected certificate in place of a wrong one; both stay. Raises CertificateReplaced, Forbidden."""
    farmer = certificate.farmer
    if not principal.has("farmer", farmer.uuid):
        principal.require("information_officer", farmer.station.uuid if farmer.station else None)
    with transaction.atomic():
        old = Certificate.objects.select_for_update(of=("self",)).get(pk=certificate.pk)
        if old.replaced_by_id is not None:
            raise CertificateReplaced(field="id")
        new = issue_certificate(farmer=farmer, fields=fields)
        old.replaced_by = new
        old.save(update_fields=["replaced_by"])
    return new


def checked_fields(fields: CertificateFields, *, path: str = "certificate") -> CertificateFields:
    """The fields as they are. Raises InvalidInput naming `path`.field for one that is wrong or empty."""
    if fields.basis not in CertificateBasis.values:
        raise InvalidInput(N_("承诺依据应为质量安全控制、自行检测或委托检测"), field=f"{path}.basis")
    if fields.issued_on > clock.today():
        raise InvalidInput(N_("开具日期不能在将来"), field=f"{path}.issued_on")
    if fields.issued_on < clock.today() - OLDEST:
        raise InvalidInput(N_("开具日期太早"), field=f"{path}.issued_on")
    for name, most in _TEXTS.items():
        if not 1 <= len(getattr(fields, name).strip()) <= most:
            raise InvalidInput(N_("应为 1 到 %(most)s 个字"), field=f"{path}.{name}", params={"most": most})
    return fields


def is_untouched(certificate: Certificate) -> bool:
    """Whether the stored fields still give the stored fingerprint."""
    fields = CertificateFields(number=certificate.number, **{n: getattr(certificate, n) for n in _STATED})
    file_uuid: UUID | None = certificate.file.uuid if certificate.file else None
    return fingerprint(fields, file_uuid=file_uuid) == certificate.sha256


_TEXTS = {"number": 60, "commitment": 300, "origin": 120, "issuer": 80, "contact": 80}
_STATED = (
    "commitment",
    "basis",
    "product_name",
    "quantity",
    "unit",
    "origin",
    "issued_on",
    "issuer",
    "contact",
)
