"""What happens when: the one table event -> handlers, and the due work that the drain polls from rows."""

from collections.abc import Callable

from marketplace.outbox.delivery import Handler

HANDLERS: dict[str, list[Handler]] = {}

DUE_WORK: list[Callable[[], object]] = []
