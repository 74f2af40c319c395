"""Who acts. The edge builds a Principal once a request; services ask it, never the request."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from marketplace.kernel.errors import Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True)
class Grant:
    """A role within one scope: ("information_officer", "station", <uuid>)."""

    role: str
    scope_kind: str
    scope_uuid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """A user with grants, nobody (`Principal()`), or a process of ours (`Principal.system("drain")`)."""

    user_uuid: UUID | None = None
    grants: frozenset[Grant] = field(default_factory=frozenset)
    process: str | None = None

    @classmethod
    def system(cls, name: str) -> "Principal":
        return cls(process=name)

    @property
    def is_authenticated(self) -> bool:
        return self.user_uuid is not None or self.process is not None

    def has(self, role: str | Iterable[str], scope_uuid: UUID | None = None) -> bool:
        """Whether it holds one of the roles, in the scope if named. `platform` and processes hold all."""
        roles = {role} if isinstance(role, str) else set(role)
        if self.process is not None:
            return True
        return any(
            (grant.role == "platform" and "tester" not in roles)
            or (grant.role in roles and (scope_uuid is None or grant.scope_uuid == scope_uuid))
            for grant in self.grants
        )

    def require(self, role: str | Iterable[str], scope_uuid: UUID | None = None) -> None:
        """Raises Unauthenticated for nobody and Forbidden for somebody without the role in the scope."""
        self.require_signed_in()
        if not self.has(role, scope_uuid):
            raise Forbidden()

    def require_signed_in(self) -> None:
        if not self.is_authenticated:
            raise Unauthenticated()

    def scopes(self, role: str) -> frozenset[UUID]:
        """The uuids in which it holds exactly this role."""
        return frozenset(g.scope_uuid for g in self.grants if g.role == role and g.scope_uuid is not None)
