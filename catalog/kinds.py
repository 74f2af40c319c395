"""The closed lists of this app; the stored values are also what the API shows."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog import states


class Direction(models.TextChoices):
    UP = "up", _("农产品进城")
    DOWN = "down", _("工业品下乡")


class Unit(models.TextChoices):
    """Sold by weight (quantity in grams, price per kilogram) or by piece."""

    GRAM = "g", _("克")
    PIECE = "piece", _("件")


class Cargo(models.TextChoices):
    """What may not travel together: pesticide never with food."""

    FOOD = "food", _("食品")
    PESTICIDE = "pesticide", _("农药")
    GENERAL = "general", _("普通")


class LotStatus(models.TextChoices):
    LISTED = states.LISTED, _("在售")
    WITHDRAWN = states.WITHDRAWN, _("已下架")
    EXPIRED = states.EXPIRED, _("已过期")


class ReservationStatus(models.TextChoices):
    HELD = states.HELD, _("待付款")
    FIRM = states.FIRM, _("已确认")
    CONSUMED = states.CONSUMED, _("已出库")
    RELEASED = states.RELEASED, _("已释放")
