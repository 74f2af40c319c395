"""`python -m lockers.simulator --socket PATH --data DIR [--cabinets FILE] [--control PORT]`."""

import argparse
import json
import logging
import signal
import sys
import threading
from pathlib import Path

import structlog

from lockers.protocol.errors import Malformed
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.control import serve_control
from lockers.simulator.host import SIMULATION_PATTERN, Host
from lockers.transports.loopback import LoopbackLink

log = structlog.get_logger()


def main() -> int:
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    options.data.mkdir(parents=True, exist_ok=True)
    link = LoopbackLink(options.socket)
    host = Host(options.data, lambda device, on_connect: link.line(device, on_connect=on_connect))
    link.connect(options.name).subscribe(SIMULATION_PATTERN, host.hear)
    try:
        blueprints = _blueprints(options.cabinets)
    except (OSError, json.JSONDecodeError, Malformed, KeyError, TypeError) as error:
        print(f"{options.cabinets}: {error}", file=sys.stderr)
        return 2
    if options.control is not None:
        try:
            control = serve_control(host, options.control)
        except OSError as error:
            print(f"control port {options.control}: {error}", file=sys.stderr)
            return 2
        threading.Thread(target=control.serve_forever, daemon=True).start()
        print(f"control on http://127.0.0.1:{control.server_port}", flush=True)
    host.restore()
    for blueprint in blueprints:
        host.add(blueprint)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: host.stop())
    host.run()
    link.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lockers.simulator", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the ingest process's unix socket")
    parser.add_argument("--data", type=Path, required=True, help="journals and physical state")
    parser.add_argument(
        "--cabinets", type=Path, help='JSON file {"cabinets": [...]}; the server names them else'
    )
    parser.add_argument("--control", type=int, help="port of the physical world's double on 127.0.0.1")
    parser.add_argument("--name", default="cabinets", help="client name on the socket")
    return parser.parse_args()


def _blueprints(path: Path | None) -> list[Blueprint]:
    if path is None:
        return []
    return [Blueprint.from_wire(each) for each in json.loads(path.read_text())["cabinets"]]


if __name__ == "__main__":
    sys.exit(main())
