"""Users by phone number; roles with a scope; consent rows that are never deleted, only withdrawn."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from marketplace.database.models import Identified


class UserManager(BaseUserManager["User"]):
    def create_user(self, phone: str, name: str = "", password: str | None = None, **fields: Any) -> "User":
        user = self.model(phone=phone, name=name, **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, phone: str, password: str, **fields: Any) -> "User":
        return self.create_user(phone, password=password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(phone=username)


class User(AbstractBaseUser, PermissionsMixin, Identified):
    """A person with a phone. `password` holds the PIN for shared tablets (and the admin's password)."""

    phone = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=10, default="zh-hans")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField(null=True)

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]
    USERNAME_FIELD = "phone"
    REQUIRED_FIELDS: ClassVar[list[str]] = []


class Role(models.TextChoices):
    INFORMATION_OFFICER = "information_officer", "信息员"
    FARMER = "farmer", "农户"
    COURIER = "courier", "配送员"
    HUB_OPERATOR = "hub_operator", "共配中心操作员"
    DISPATCHER = "dispatcher", "调度员"
    CABINET_OPERATOR = "cabinet_operator", "柜机运营方"
    COUNTY_REVIEWER = "county_reviewer", "县级审核员"
    CITY_VIEWER = "city_viewer", "市级主管"
    PLATFORM = "platform", "平台"
    TESTER = "tester", "测试员"


class ScopeKind(models.TextChoices):
    STATION = "station", "益农信息社"
    FARMER = "farmer", "农户"
    CARRIER = "carrier", "快递企业"
    HUB = "hub", "县级共配中心"
    COUNTY = "county", "县(市、区)"
    PLATFORM = "platform", "平台"


class Membership(Identified):
    """A role of a user within one scope; platform-wide roles have no scope uuid."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=30, choices=Role.choices)
    scope_kind = models.CharField(max_length=20, choices=ScopeKind.choices)
    scope_uuid = models.UUIDField(null=True)
    scope_label = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "scope_uuid"], name="membership_once", nulls_distinct=False
            )
        ]


class DeliveryConsent(Identified):
    """The recipient agrees to be served at a place (rule 4 of domain.md); withdrawable."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="delivery_consents")
    place_uuid = models.UUIDField()
    standing = models.BooleanField(default=True)
    granted_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "place_uuid"],
                condition=models.Q(withdrawn_at=None),
                name="one_live_delivery_consent",
            )
        ]


class SignInCode(models.Model):
    """A code sent to a phone: stored as HMAC, used once, five tries."""

    phone = models.CharField(max_length=20, db_index=True)
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)


class AccessToken(models.Model):
    """A signed-in device. Only the SHA-256 of the token is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
