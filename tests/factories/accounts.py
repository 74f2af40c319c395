from itertools import count
from uuid import UUID

from marketplace.accounts.models import User
from marketplace.accounts.services.memberships import grant
from marketplace.accounts.services.sign_in import principal_of
from marketplace.kernel.principal import Principal

_phones = count(13_900_000_000)


def make_user(*, phone: str | None = None, name: str = "李先生", pin: str | None = None) -> User:
    user = User(phone=phone or str(next(_phones)), name=name)
    if pin is None:
        user.set_unusable_password()
    else:
        user.set_password(pin)
    user.save()
    return user


def make_principal(
    role: str | None = None,
    scope_kind: str = "platform",
    scope_uuid: UUID | None = None,
    user: User | None = None,
) -> Principal:
    """A signed-in user with at most one role; a buyer without any."""
    user = user or make_user()
    if role is not None:
        grant(user=user, role=role, scope_kind=scope_kind, scope_uuid=scope_uuid)
    return principal_of(user)
