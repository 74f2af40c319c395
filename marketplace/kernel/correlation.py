"""One id that runs through request, events, tasks and logs of one cause."""

from contextvars import ContextVar
from uuid import UUID

#: set by the edge (request, task, delivered event)
correlation_id: ContextVar[UUID | None] = ContextVar("correlation_id", default=None)
