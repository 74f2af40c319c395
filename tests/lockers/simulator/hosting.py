"""Simulated cabinets on their own thread with their HTTP interfaces, in the tests' process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from lockers.simulator.blueprint import Blueprint
from lockers.simulator.clocks import WorldClock
from lockers.simulator.control import serve_control
from lockers.simulator.host import Host, MakeLine
from lockers.simulator.screen import screen_secret, serve_screens
from lockers.transports.exchange import Exchange


@dataclass
class Hosted:
    host: Host
    control: str
    screens: str

    def secret(self, device: str) -> str:
        return screen_secret(self.host.directory, device)

    def screen(self, path: str, body: dict[str, Any] | None = None, *, secret: str | None = None) -> Any:
        """Of L1: its answer with its status."""
        shown = {"Authorization": f"Bearer {self.secret('L1') if secret is None else secret}"}
        url = f"{self.screens}/L1/{path}"
        if body is None:
            answer = httpx.get(url, headers=shown, trust_env=False)
        else:
            answer = httpx.post(url, json=body, headers=shown, trust_env=False)
        return answer.json() | {"status": answer.status_code}

    def act(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.control}/cabinets/L1/{path}", json=body, trust_env=False)
        return answer.raise_for_status().json()


def lines_to(exchange: Exchange) -> MakeLine:
    return lambda blueprint, joined, boot: exchange.line(blueprint.device, on_connect=joined)


@contextmanager
def hosting(
    directory: Path, make_line: MakeLine, *blueprints: Blueprint, world: WorldClock | None = None
) -> Iterator[Hosted]:
    host = Host(directory, make_line, world)
    servers: list[ThreadingHTTPServer] = [serve_control(host, 0), serve_screens(host, 0)]
    targets: list[Callable[[], None]] = [host.run]
    targets += [partial(each.serve_forever, poll_interval=0.02) for each in servers]
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    try:
        for blueprint in blueprints:
            host.call(lambda blueprint=blueprint: host.add(blueprint))
        control, screens = (f"http://127.0.0.1:{each.server_port}" for each in servers)
        yield Hosted(host, control, screens)
    finally:
        for each in servers:
            each.shutdown()
            each.server_close()
        host.stop()
        for thread in threads:
            thread.join(timeout=10)
