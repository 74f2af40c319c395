"""What resolvers find in `info.context`."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from marketplace.kernel.principal import Principal


@dataclass(slots=True)
class Context:
    principal: Principal
    language: str
    request: HttpRequest | None = None
    client: str = ""
    #: batch caches of one request, by name
    loaders: dict[str, Any] = field(default_factory=dict)
