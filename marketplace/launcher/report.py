"""What the launcher tells the person at the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from marketplace.launcher.config import Config

_CONSOLE = Console(highlight=False, soft_wrap=True)


def say(what: str) -> None:
    _CONSOLE.print(f"[dim]yinong:[/dim] {what}")


def show_day(result: Mapping[str, Any]) -> None:
    """The day's figures and the auditor's verdict, as one table."""
    table = Table(title="益农 Yinong: one day in Yichun", show_header=False)
    table.add_column(style="cyan")
    table.add_column(justify="right")
    for name, value in _rows(result):
        table.add_row(name, value)
    _CONSOLE.print(table)


def show_address(config: Config) -> None:
    _CONSOLE.print(f"\n  [bold]{config.url}[/bold]\n")


def _rows(result: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested figures flattened, "up.served" style, as far as they are figures and short texts."""
    for key, value in result.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _rows(value, prefix=f"{name}: ")
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        elif isinstance(value, int | float):
            yield name, f"{value:,}"
        elif isinstance(value, str):
            yield name, value
        elif isinstance(value, list) and not value:
            yield name, "none"
