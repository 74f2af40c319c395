"""`python -m lockers.simulator (--socket PATH | --mqtt URL) --data DIR`; docs/devices.md has the rest."""

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path

import structlog

from lockers.protocol import keys
from lockers.protocol.errors import Malformed
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.control import serve_control
from lockers.simulator.host import SIMULATION_PATTERN, Host, MakeLine
from lockers.simulator.screen import serve_screens
from lockers.transports.https import HttpsLine, WithFallback
from lockers.transports.loopback import LoopbackLink
from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Line

log = structlog.get_logger()


def main() -> int:
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    options.data.mkdir(parents=True, exist_ok=True)
    try:
        make_line, server = _transport(options)
    except ValueError as error:
        print(f"--mqtt: {error}", file=sys.stderr)
        return 2
    host = Host(options.data, make_line)
    server.subscribe(SIMULATION_PATTERN, host.hear)
    server.reopen()
    try:
        blueprints = _blueprints(options.cabinets)
    except (OSError, json.JSONDecodeError, Malformed, KeyError, TypeError) as error:
        print(f"{options.cabinets}: {error}", file=sys.stderr)
        return 2
    for name, port, serve in (
        ("control", options.control, serve_control),
        ("screens", options.screens, serve_screens),
    ):
        if port is not None and not _serve(name, port, host, serve):
            return 2
    host.restore()
    for blueprint in blueprints:
        host.add(blueprint)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: host.stop())
    host.run()
    server.close()
    return 0


def _serve(name: str, port: int, host: Host, serve: Callable[[Host, int], ThreadingHTTPServer]) -> bool:
    try:
        server = serve(host, port)
    except OSError as error:
        print(f"{name} port {port}: {error}", file=sys.stderr)
        return False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"{name} on http://127.0.0.1:{server.server_port}", flush=True)
    return True


def _transport(options: argparse.Namespace) -> tuple[MakeLine, Line]:
    """How cabinets reach the server, and the line on which this process hears what they are.

    Over MQTT each cabinet is its own client with its own password; the address names our own user.
    """
    if options.mqtt is None:
        link = LoopbackLink(options.socket)
        return lambda blueprint, joined, boot: link.line(blueprint.device, on_connect=joined), link.line(
            options.name
        )
    broker = Broker.from_url(options.mqtt)

    def make_line(blueprint: Blueprint, joined: Callable[[], None], boot: Callable[[], int]) -> Line:
        password = keys.broker_password(blueprint.key)
        as_device = replace(broker, user=blueprint.device, password=password)
        line = MqttLine(as_device, blueprint.device, on_connect=joined)
        if options.https is None:
            return line
        fallback = HttpsLine(options.https, blueprint.device, blueprint.key, boot=boot, on_connect=joined)
        return WithFallback(line, fallback)

    return make_line, MqttLine(broker, options.name)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lockers.simulator", description=__doc__)
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--socket", type=Path, help="the ingest process's unix socket")
    way.add_argument("--mqtt", help="mqtt://user:password@host:port or mqtts://…?ca=FILE")
    parser.add_argument("--https", help="https://host of the web process: the fallback where --mqtt fails")
    parser.add_argument("--data", type=Path, required=True, help="journals and physical state")
    parser.add_argument(
        "--cabinets", type=Path, help='JSON file {"cabinets": [...]}; the server names them else'
    )
    parser.add_argument("--control", type=int, help="port of the physical world's double on 127.0.0.1")
    parser.add_argument("--screens", type=int, help="port of the cabinets' screen API on 127.0.0.1")
    parser.add_argument("--name", default="cabinets", help="client name on the socket")
    return parser.parse_args()


def _blueprints(path: Path | None) -> list[Blueprint]:
    if path is None:
        return []
    return [Blueprint.from_wire(each) for each in json.loads(path.read_text())["cabinets"]]


if __name__ == "__main__":
    sys.exit(main())
