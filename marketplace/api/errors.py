"""Domain errors on their way out: translated, with the field in GraphQL spelling."""

import re
from dataclasses import dataclass

import graphene
from django.utils.translation import gettext

from marketplace.documents.tables import RowFault
from marketplace.kernel.errors import DomainError

_SNAKE = re.compile(r"_([a-z0-9])")


def camel(path: str) -> str:
    """`portions[0].net_weight_g` -> `portions[0].netWeightG`."""
    return _SNAKE.sub(lambda match: match[1].upper(), path)


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    field: str | None
    message: str

    def as_json(self) -> dict[str, str | None]:
        return {"code": self.code, "field": self.field, "message": self.message}


def refusal(error: DomainError) -> Refusal:
    """The error in the reader's language."""
    field = camel(error.field) if error.field else None
    return Refusal(code=error.error_code, field=field, message=error.render(gettext))


def cell_refusal(fault: RowFault) -> dict[str, object]:
    """A bad cell of a table as `{row, column, code, message}`, in the reader's language."""
    told = refusal(fault.error)
    return {"row": fault.row, "column": fault.column, "code": told.code, "message": told.message}


class UserError(graphene.ObjectType):
    """Why nothing was done: a stable code, the argument it is about, a sentence for the reader."""

    code = graphene.String(required=True)
    field = graphene.String()
    message = graphene.String(required=True)
