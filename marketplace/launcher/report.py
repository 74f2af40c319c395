"""What the launcher tells the person at the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from marketplace.launcher.config import Config

_CONSOLE = Console(highlight=False, soft_wrap=True)


def say(what: str) -> None:
    _CONSOLE.print(f"[dim]yinong:[/dim] {what}")


def show_day(result: Mapping[str, Any]) -> None:
    """The day's figures and the auditor's verdict: one row a subject; what lies deeper is for the file."""
    table = Table(title="益农 Yinong: one day in Yichun", show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for key, value in result.items():
        if isinstance(value, Mapping):
            shown = {name: _shown(figure) for name, figure in value.items()}
            text = ", ".join(f"{_words(name)} {figure}" for name, figure in shown.items() if figure)
            text = text if value else "none"
        else:
            text = _shown(value) or ""
        if text:
            table.add_row(_words(key), text)
    _CONSOLE.print(table)


def show_address(config: Config) -> None:
    """Where to go, and as whom: one login per role of the loaded world."""
    if config.leaflet_file.exists():
        table = Table("role", "name", "telephone", "PIN", title="Sign in as")
        for login in json.loads(config.leaflet_file.read_text(encoding="utf-8"))["logins"]:
            table.add_row(login["role"], login["name"], login["phone"], login["pin"])
        _CONSOLE.print(table)
    _CONSOLE.print(f"\n  [bold]{config.url}[/bold]   (Ctrl-C stops everything)\n")


def _words(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    return "none" if value == [] else None
