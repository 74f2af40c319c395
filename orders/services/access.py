"""Who acts: services that write a person's name beside a fact need a person."""

from uuid import UUID

from marketplace.accounts.models import User
from marketplace.kernel.errors import Unauthenticated
from marketplace.kernel.principal import Principal


def actor_uuid(principal: Principal) -> UUID:
    """The user behind the principal. Raises Unauthenticated for nobody and for processes."""
    if principal.user_uuid is None:
        raise Unauthenticated()
    return principal.user_uuid


def acting_buyer(principal: Principal) -> User:
    return User.objects.get(uuid=actor_uuid(principal))
