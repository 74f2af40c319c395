"""Rules: who may ask. Each root field declares one; objects are checked again in the services."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

from marketplace.api.arguments import check_arguments, filled
from marketplace.kernel.errors import Forbidden, Unauthenticated
from marketplace.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is what the rights matrix of the tests lists."""

    name: str
    allows: Callable[[Principal], bool]

    def check(self, principal: Principal) -> None:
        """Raises Unauthenticated for nobody, Forbidden for the wrong somebody."""
        if self.allows(principal):
            return
        raise Forbidden() if principal.is_authenticated else Unauthenticated()


PUBLIC = Rule("public", lambda principal: True)
SIGNED_IN = Rule("signed_in", lambda principal: principal.is_authenticated)


def roles(*names: str) -> Rule:
    """Any of these roles in some scope; the service checks which scope."""
    return Rule("+".join(sorted(names)), lambda principal: principal.has(names))


def guarded(rule: Rule) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates `resolve_x` of a root Query: the rule first, then what no argument may be."""

    def decorate(resolver: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(resolver)
        def checked(root: Any, info: Any, **arguments: Any) -> Any:
            rule.check(info.context.principal)
            given = filled(arguments, _declared(info))
            check_arguments(given)
            return resolver(root, info, **given)

        checked.rule = rule  # type: ignore[attr-defined]
        return checked

    return decorate


def _declared(info: Any) -> dict[str, Any]:
    arguments = info.parent_type.fields[info.field_name].args
    return {argument.out_name or name: argument for name, argument in arguments.items()}


def declared_rules(schema: Any) -> Iterator[tuple[str, Rule | None]]:
    """("Query.lots", rule) for every root field of a graphene schema; None where none is declared."""
    for root in (schema.query, schema.mutation):
        for name, field in sorted(root._meta.fields.items()):
            resolver = getattr(field, "resolver", None) or getattr(root, f"resolve_{name}", None)
            rule = getattr(resolver, "rule", None)
            if rule is None:
                rule = getattr(getattr(resolver, "__self__", None), "rule", None)
            yield f"{root._meta.name}.{name}", rule


def require_rules(schema: Any) -> None:
    """Refuses a schema with a root field that declares no rule."""
    bare = [name for name, rule in declared_rules(schema) if rule is None]
    if bare:
        raise TypeError(f"root fields without a rule: {', '.join(bare)}")
