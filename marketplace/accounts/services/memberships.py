"""Who may act as what, where."""

from uuid import UUID

from marketplace.accounts.errors import UnknownRole
from marketplace.accounts.models import Membership, Role, ScopeKind, User
from marketplace.kernel.errors import InvalidInput


def grant(
    *, user: User, role: str, scope_kind: str, scope_uuid: UUID | None = None, scope_label: str = ""
) -> Membership:
    """Give a role in a scope; giving it twice is the same. Raises UnknownRole, InvalidInput."""
    if role not in Role.values:
        raise UnknownRole(field="role", params={"role": role})
    if scope_kind not in ScopeKind.values or (scope_uuid is None) != (scope_kind == ScopeKind.PLATFORM):
        raise InvalidInput(field="scope")
    member, _ = Membership.objects.get_or_create(
        user=user,
        role=role,
        scope_uuid=scope_uuid,
        defaults={"scope_kind": scope_kind, "scope_label": scope_label},
    )
    return member


def revoke(*, user: User, role: str, scope_uuid: UUID | None = None) -> bool:
    """Take a role away; open sessions lose it with the next request."""
    deleted, _ = Membership.objects.filter(user=user, role=role, scope_uuid=scope_uuid).delete()
    return bool(deleted)
