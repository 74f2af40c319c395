"""Command, the base of every mutation: one rule, one service, one transaction, typed errors."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import graphene
from django.db import OperationalError, transaction
from graphene.types.argument import to_arguments
from psycopg import errors as pg

from marketplace.api import ratelimit
from marketplace.api.arguments import check_arguments, filled
from marketplace.api.errors import UserError, refusal
from marketplace.api.guard import Rule
from marketplace.api.idempotency import once
from marketplace.kernel.errors import DomainError
from marketplace.kernel.principal import Principal

log = logging.getLogger(__name__)
ATTEMPTS = 3


class Command(graphene.Mutation):
    """Subclass with `Arguments`, payload fields, `rule` and `perform`; `perform` calls one service.

    `idempotent` adds an `idempotencyKey` argument. `offline` lets the act arrive later through
    `submitOperations`, at its own time. `atomic = False` is for acts whose refusals must leave a trace.
    `files` names arguments that hold a file's text, which may be long.
    """

    class Meta:
        abstract = True

    rule: ClassVar[Rule]
    idempotent: ClassVar[bool] = False
    offline: ClassVar[bool] = False
    atomic: ClassVar[bool] = True
    files: ClassVar[frozenset[str]] = frozenset()
    #: classmethod (principal, **arguments) -> the payload's fields: calls one service
    perform: ClassVar[Callable[..., dict[str, Any]]]
    #: classmethod (principal, client, **arguments) -> (key, limit, seconds) counted before anything runs
    tries: ClassVar[Callable[..., Iterable[tuple[str, int, int]]]] = staticmethod(lambda *_, **__: ())
    by_name: ClassVar[dict[str, type["Command"]]] = {}

    errors = graphene.Field(graphene.NonNull(graphene.List(graphene.NonNull(UserError))))

    @classmethod
    def __init_subclass_with_meta__(cls, **options: Any) -> None:
        if not isinstance(getattr(cls, "rule", None), Rule):
            raise TypeError(f"{cls.__name__} declares no rule")
        arguments = getattr(cls, "Arguments", None)
        declared = {n: v for n, v in vars(arguments).items() if not n.startswith("_")} if arguments else {}
        if cls.idempotent:
            declared["idempotency_key"] = graphene.String()
        cls.by_name[cls.__name__[0].lower() + cls.__name__[1:]] = cls
        options.setdefault("name", f"{cls.__name__}Payload")
        super().__init_subclass_with_meta__(arguments=to_arguments(declared), **options)

    @classmethod
    def after_commit(cls, principal: Principal, result: dict[str, Any]) -> dict[str, Any]:
        """Work that must not run inside a transaction (a gateway call). Also runs when a key is replayed."""
        return result

    @classmethod
    def after_refusal(cls, principal: Principal, error: DomainError) -> None:
        """What is to be remembered of a refusal, once its transaction is rolled back."""

    @classmethod
    def mutate(cls, root: Any, info: Any, **arguments: Any) -> "Command":
        try:
            result = cls.execute(info.context.principal, arguments, client=info.context.client)
        except DomainError as error:
            cls.after_refusal(info.context.principal, error)
            return cls(errors=[refusal(error)])
        return cls(**result, errors=[])

    @classmethod
    def execute(
        cls, principal: Principal, arguments: Mapping[str, Any], *, client: str = ""
    ) -> dict[str, Any]:
        """Rule, arguments, rate limits, then the act (again when the database asks for it).

        Raises DomainError.
        """
        cls.rule.check(principal)
        given = filled(arguments, cls._meta.arguments)
        check_arguments(given, files=cls.files)
        for key, limit, seconds in cls.tries(principal, client, **given):
            ratelimit.hit(key, limit=limit, per_s=seconds)
        return cls.after_commit(principal, cls._with_retries(principal, given))

    @classmethod
    def _with_retries(cls, principal: Principal, arguments: dict[str, Any]) -> dict[str, Any]:
        key = arguments.pop("idempotency_key", None) if cls.idempotent else None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return cls._once(principal, arguments, key)
            except OperationalError as error:
                if attempt == ATTEMPTS or not isinstance(
                    error.__cause__, pg.DeadlockDetected | pg.SerializationFailure
                ):
                    raise
                log.warning("%s: %s, trying again", cls.__name__, type(error.__cause__).__name__)
        raise AssertionError("unreachable")

    @classmethod
    def _once(cls, principal: Principal, arguments: dict[str, Any], key: str | None) -> dict[str, Any]:
        if not cls.atomic:
            return cls.perform(principal, **arguments)
        with transaction.atomic():
            if key is None or principal.user_uuid is None:
                return cls.perform(principal, **arguments)
            return once(
                actor_uuid=principal.user_uuid,
                operation=cls.__name__,
                key=key,
                arguments=arguments,
                act=lambda: cls.perform(principal, **arguments),
            )
