"""The tree of errors that a user can be told.

DomainError
├── InvalidInput      a value is wrong; `field` names it
├── NotFound          nothing there, or nothing that the asker may see
├── Unauthenticated   nobody is signed in
├── Forbidden         signed in, but not for this object
├── Conflict          true now is not what the request supposed
│   └── IllegalTransition
├── Expired           it was good once
├── RateLimited       too many tries
└── TryAgain          transient: a queue or a partner is away; never counted as a failure

Only the edges (GraphQL, HTTP, device wire, drain) translate or swallow them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


def N_(message: str) -> str:
    """Mark a message id for translation where no Django may be imported."""
    return message


class DomainError(Exception):
    """A refusal with a stable `code`, the `field` it is about and a translatable message.

    `message` is a zh-Hans message id; `params` fill its %(name)s places after translation.
    """

    code: ClassVar[str] = "error"
    message: ClassVar[str] = N_("操作失败")

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        code: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.msgid = message or type(self).message
        self.field = field
        self.error_code = code or type(self).code
        self.params = dict(params or {})
        super().__init__(self.render())

    def render(self, translate: Any = None) -> str:
        """The message in the language of `translate` (a gettext function), or zh-Hans."""
        text = str(translate(self.msgid)) if translate else self.msgid
        return text % self.params if self.params else text


class InvalidInput(DomainError):
    code = "invalid"
    message = N_("输入有误")


class NotFound(DomainError):
    code = "not_found"
    message = N_("没有找到")


class Unauthenticated(DomainError):
    code = "unauthenticated"
    message = N_("请先登录")


class Forbidden(DomainError):
    code = "forbidden"
    message = N_("没有权限")


class Conflict(DomainError):
    code = "conflict"
    message = N_("情况已变化，请刷新后再试")


class IllegalTransition(Conflict):
    code = "illegal_transition"
    message = N_("当前状态不能这样操作")


class Expired(DomainError):
    code = "expired"
    message = N_("已过期")


class RateLimited(DomainError):
    code = "rate_limited"
    message = N_("操作太频繁，请稍后再试")


class TryAgain(DomainError):
    code = "try_again"
    message = N_("服务暂时不可用，请稍后再试")
