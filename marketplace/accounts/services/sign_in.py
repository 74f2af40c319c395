"""Signing in: a code by phone, or a PIN on a shared tablet. Wire time, since these are security deadlines."""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from marketplace.accounts.errors import BadPhone, WrongCode, WrongPin
from marketplace.accounts.models import AccessToken, Membership, SignInCode, User
from marketplace.kernel import clock
from marketplace.kernel.errors import Unauthenticated
from marketplace.kernel.principal import Grant, Principal
from marketplace.messages.services import send

_PHONE = re.compile(r"^1\d{10}$")
MAX_TRIES = 5


def checked_phone(phone: str) -> str:
    """The number without blanks. Raises BadPhone unless it is a mainland mobile number."""
    digits = re.sub(r"[\s-]", "", phone)
    if not _PHONE.match(digits):
        raise BadPhone(field="phone")
    return digits


def request_sign_in_code(*, phone: str) -> None:
    """Send a six-digit code; earlier codes of the phone end. The code is never stored or logged by us."""
    number = checked_phone(phone)
    code = f"{secrets.randbelow(1_000_000):06d}"
    minutes = settings.SIGN_IN_CODE_MINUTES
    with transaction.atomic():
        SignInCode.objects.filter(phone=number, used_at=None).update(used_at=clock.wall())
        SignInCode.objects.create(
            phone=number,
            digest=_code_digest(number, code),
            expires_at=clock.wall() + timedelta(minutes=minutes),
        )
        send(template="sign_in_code", params={"code": code, "minutes": minutes}, to_phone=number)


def sign_in_with_code(*, phone: str, code: str) -> tuple[str, User]:
    """A token and its user, made on the first sign-in. Raises WrongCode; each try is counted at once."""
    number = checked_phone(phone)
    row = SignInCode.objects.filter(phone=number, used_at=None, expires_at__gt=clock.wall()).last()
    if row is None or not SignInCode.objects.filter(pk=row.pk, tries__lt=MAX_TRIES).update(
        tries=F("tries") + 1
    ):
        raise WrongCode(field="code")
    if not hmac.compare_digest(row.digest, _code_digest(number, code.strip())):
        raise WrongCode(field="code")
    with transaction.atomic():
        # Two tabs with one code: the conditional update lets one of them in.
        if not SignInCode.objects.filter(pk=row.pk, used_at=None).update(used_at=clock.wall()):
            raise WrongCode(field="code")
        user, _ = User.objects.get_or_create(
            phone=number, defaults={"joined_at": clock.now(), "password": "!"}
        )
        return _open_session(user), user


def sign_in_with_pin(*, phone: str, pin: str) -> tuple[str, User]:
    """Raises WrongPin, with the same answer for an unknown phone."""
    user = User.objects.filter(phone=checked_phone(phone), is_active=True).first()
    if user is None:
        User().set_password(pin)  # the same work as a check, so that timing tells nothing
        raise WrongPin(field="pin")
    if not user.has_usable_password() or not user.check_password(pin):
        raise WrongPin(field="pin")
    return _open_session(user), user


def sign_out(*, token: str) -> None:
    AccessToken.objects.filter(digest=_token_digest(token)).delete()


def authenticate(token: str | None) -> Principal:
    """The Principal behind a bearer token, in one query; nobody without a token. Raises Unauthenticated."""
    if token is None:
        return Principal()
    rows = list(
        AccessToken.objects.filter(
            digest=_token_digest(token), expires_at__gt=clock.wall(), user__is_active=True
        ).values_list(
            "user__uuid",
            "user__memberships__role",
            "user__memberships__scope_kind",
            "user__memberships__scope_uuid",
        )
    )
    if not rows:
        raise Unauthenticated()
    grants = frozenset(Grant(role, kind, scope) for _, role, kind, scope in rows if role)
    return Principal(user_uuid=rows[0][0], grants=grants)


def principal_of(user: User) -> Principal:
    grants = frozenset(
        Grant(member.role, member.scope_kind, member.scope_uuid)
        for member in Membership.objects.filter(user=user)
    )
    return Principal(user_uuid=user.uuid, grants=grants)


def _open_session(user: User) -> str:
    token = secrets.token_urlsafe(32)
    AccessToken.objects.create(
        user=user,
        digest=_token_digest(token),
        created_at=clock.wall(),
        expires_at=clock.wall() + timedelta(days=settings.ACCESS_TOKEN_DAYS),
    )
    return token


def _token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _code_digest(phone: str, code: str) -> str:
    return hmac.new(
        settings.SECRET_KEY.encode(), f"sign-in:{phone}:{code}".encode(), hashlib.sha256
    ).hexdigest()
