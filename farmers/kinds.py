"""The closed lists of this app; the stored values are also what the API shows."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Grade(models.TextChoices):
    STANDARD = "standard", _("标准型")
    SPECIALISED = "specialised", _("专业型")
    SIMPLE = "simple", _("简易型")


class ServiceKind(models.TextChoices):
    """The four services of a station; only ecommerce earns the platform money, all four are counted."""

    PUBLIC_GOOD = "public_good", _("公益服务")
    CONVENIENCE = "convenience", _("便民服务")
    ECOMMERCE = "ecommerce", _("电子商务")
    TRAINING = "training", _("培训体验")


class SellerKind(models.TextChoices):
    HOUSEHOLD = "household", _("自产农户")
    COOPERATIVE = "cooperative", _("农民专业合作社")
    COMPANY = "company", _("农业企业")
    TRADER = "trader", _("个体工商户")


class LicenceKind(models.TextChoices):
    BUSINESS = "business", _("营业执照")
    FOOD = "food", _("食品经营许可证")
    PESTICIDE = "pesticide", _("农药经营许可证")
    SALT = "salt", _("食盐零售许可")
    SEED = "seed", _("农作物种子经营备案")


class ConsentKind(models.TextChoices):
    AGENT_SALE = "agent_sale", _("代卖")
    AGENT_PURCHASE = "agent_purchase", _("代买")


class EvidenceKind(models.TextChoices):
    """How a consent was given. A signature on the glass and a photo are files; paper stays at the station."""

    SIGNATURE = "signature", _("手写签名")
    PHOTO = "photo", _("照片")
    PRINTED_FORM = "printed_form", _("纸质授权书")
    WITNESS = "witness", _("村委会见证")


#: evidence that must come with an uploaded file
FILED_EVIDENCE = frozenset({EvidenceKind.SIGNATURE, EvidenceKind.PHOTO})


class FieldWork(models.TextChoices):
    SOWING = "sowing", _("播种")
    FERTILISING = "fertilising", _("施肥")
    SPRAYING = "spraying", _("用药")
    HARVEST = "harvest", _("采收")


class CertificateBasis(models.TextChoices):
    QUALITY_CONTROL = "quality_control", _("质量安全控制")
    SELF_TEST = "self_test", _("自行检测")
    COMMISSIONED_TEST = "commissioned_test", _("委托检测")
