"""What farmers and stations refuse, by name.

Forbidden
└── NoAgentConsent      nobody may act for somebody without a recorded, living consent
Conflict
├── AlreadyRegistered
└── CertificateReplaced
InvalidInput
├── EvidenceMissing     this kind of evidence comes with an uploaded file
├── NotDeclared         a household must declare its own produce
└── LicenceMissing      what this seller sells needs a licence
"""

from marketplace.kernel.errors import N_, Conflict, Forbidden, InvalidInput


class NoAgentConsent(Forbidden):
    code = "no_consent"
    message = N_("%(party)s没有授权本站代办")


class AlreadyRegistered(Conflict):
    code = "already_registered"
    message = N_("%(name)s已经登记过")


class CertificateReplaced(Conflict):
    code = "certificate_replaced"
    message = N_("这张合格证已被新证替代")


class EvidenceMissing(InvalidInput):
    code = "evidence_missing"
    message = N_("请上传签名或照片")


class NotDeclared(InvalidInput):
    code = "not_declared"
    message = N_("自产农户须声明所售为自产农产品")


class LicenceMissing(InvalidInput):
    code = "licence_missing"
    message = N_("%(seller)s没有有效的%(licence)s")
