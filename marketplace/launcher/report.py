"""What the launcher tells the person at the terminal."""

from __future__ import annotations

import json
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
    """Where to go, and as whom: one login per role of the loaded world."""
    if config.leaflet_file.exists():
        table = Table("role", "name", "telephone", "PIN", title="Sign in as")
        for login in json.loads(config.leaflet_file.read_text(encoding="utf-8"))["logins"]:
            table.add_row(login["role"], login["name"], login["phone"], login["pin"])
        _CONSOLE.print(table)
    _CONSOLE.print(f"\n  [bold]{config.url}[/bold]   (Ctrl-C stops everything)\n")


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
