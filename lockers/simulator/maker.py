"""`python -m lockers.simulator.maker --socket PATH [--plain M1:6]`: a maker's platform, to try ours against.

The double of docs/maker-http.md: signed calls in, signed webhooks out, repeated until they are taken.
Cabinets that speak our wire join on the unix socket; `--plain` puts up cabinets of the maker's own, whose
doors people move by POST /hands {"device", "door", "act": shut, pry or stick} (no part of the interface). The
keys come from the environment: MAKER_CALL_KEY, MAKER_HOOK_KEY, hexadecimal.
"""

import argparse
import base64
import contextlib
import os
import queue
import secrets
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import orjson

from lockers.protocol import maker
from lockers.protocol.envelope import wire_time
from lockers.simulator.json_http import Asked, Body, UnknownRoute, json_server
from lockers.transports.exchange import End, Exchange
from lockers.transports.loopback import LoopbackServer
from lockers.transports.port import Message
from marketplace.kernel import clock

AGAIN_AFTER_S = 2.0


@dataclass
class Plain:
    """A cabinet that only opens: its doors, and the number of its last report."""

    device: str
    doors: dict[int, bool]  # door -> stands open
    n: int = 0
    stuck: set[int] = field(default_factory=set)
    ordered: dict[int, tuple[str, dict[str, str]]] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)


@dataclass
class Hook:
    """Where events go at present, over a client of the exchange that keeps what is not taken."""

    url: str
    end: End
    queue: "queue.SimpleQueue[dict[str, Any] | None]" = field(default_factory=queue.SimpleQueue)
    #: sent and not taken: the event, and when it was sent last
    sent: dict[str, tuple[dict[str, Any], float]] = field(default_factory=dict)


class MakerPlatform:
    """One platform. Calls come from the HTTP server's threads; one lock orders them."""

    def __init__(self, call_key: bytes, hook_key: bytes, plain: Mapping[str, int]) -> None:
        self.exchange = Exchange()
        self._checked, self._hook_key = maker.Checked(call_key), hook_key
        self._lock = threading.RLock()
        self._plain = {name: Plain(name, dict.fromkeys(range(1, n + 1), False)) for name, n in plain.items()}
        self._hook: Hook | None = None
        self._reports: dict[str, dict[str, Any]] = {}  # not taken yet, by id
        self._client = httpx.Client(timeout=30, trust_env=False)
        self._platform = self.exchange.connect("platform")

    def answer(self, asked: Asked) -> Any:
        """Raises Refused, UnknownRoute."""
        path, body = asked.target, asked.body
        if path == "/hands":
            return self._hands(body)
        self._checked.check(asked.headers, path=path, at=clock.wall(), body=asked.raw)
        with self._lock:
            if path == "/hook":
                return self._set_hook(str(body["url"]), [str(each) for each in body["patterns"]])
            if path == "/unhook":
                return self._unhook(str(body["url"]))
            if path == "/taken":
                return self._taken([str(each) for each in body["ids"]])
            if path == "/send":
                return self._send(body)
            if path == "/open":
                return self._open(body)
            if path == "/doors":
                return self._doors(str(body["device"]))
        raise UnknownRoute(path)

    # -- calls -----------------------------------------------------------------------------------------------

    def _set_hook(self, url: str, patterns: list[str]) -> dict[str, Any]:
        """A later registration takes over: what is not taken goes to it, and the retained states."""
        self._stop_hook()
        hook = Hook(url, self.exchange.connect("hook"))
        self._hook = hook
        threading.Thread(target=self._deliver, args=(hook,), daemon=True).start()
        for pattern in patterns:
            hook.end.subscribe(pattern, lambda message: hook.queue.put(_as_event(message)))
        for event in self._reports.values():
            hook.queue.put(event)
        return {"plain": sorted(self._plain)}

    def _unhook(self, url: str) -> dict[str, Any]:
        if self._hook is not None and self._hook.url == url:
            self._stop_hook()
        return {}

    def _stop_hook(self) -> None:
        if self._hook is not None:
            self._hook.end.close()
            self._hook.queue.put(None)
            self._hook = None

    def _taken(self, ids: list[str]) -> dict[str, Any]:
        for each in ids:
            self._reports.pop(each, None)
            if self._hook is not None:
                self._hook.sent.pop(each, None)
                if each.isdigit():
                    self._hook.end.acknowledge(Message("", b"", receipt=int(each)))
        return {}

    def _send(self, body: Body) -> dict[str, Any]:
        topic = f"lk/{body['device']}/{body['channel']}"
        payload = base64.b64decode(str(body["payload"]))
        self._platform.publish(
            topic,
            payload,
            qos=int(body["qos"]),
            retain=bool(body["retain"]),
            expires_in_s=body.get("ttl_s"),
        )
        return {}

    def _open(self, body: Body) -> dict[str, Any]:
        cabinet, door, request = self._plain[str(body["device"])], int(body["door"]), str(body["request"])
        if request in cabinet.requests:  # once
            return {}
        cabinet.requests.add(request)
        about = {str(name): str(value) for name, value in body.get("about", {}).items()}
        if door not in cabinet.doors:
            self._report(cabinet, "refused", door, request, about)
            return {}
        cabinet.ordered[door] = (request, about)
        self._report(cabinet, "pulsed", door, request, about)
        if door in cabinet.stuck:
            self._report(cabinet, "jammed", door, request, about)
            del cabinet.ordered[door]
        else:
            cabinet.doors[door] = True
            self._report(cabinet, "opened", door, request, about)
        return {}

    def _doors(self, device: str) -> dict[str, Any]:
        plain = self._plain.get(device)
        if plain is None:
            return {"online": device in self.exchange.clients()}
        states = {str(door): "open" if is_open else "closed" for door, is_open in plain.doors.items()}
        return {"online": True, "epoch": 1, "n": plain.n, "doors": states}

    def _hands(self, body: Body) -> dict[str, Any]:
        """People at a plain cabinet."""
        with self._lock:
            cabinet, door, act = self._plain[str(body["device"])], int(body["door"]), str(body["act"])
            if act == "shut" and cabinet.doors[door]:
                cabinet.doors[door] = False
                request, about = cabinet.ordered.pop(door, (None, {}))
                self._report(cabinet, "closed", door, request, about)
            elif act == "pry":
                cabinet.doors[door] = True
                self._report(cabinet, "forced", door, None, {})
            elif act == "stick":
                cabinet.stuck.add(door)
            return {}

    # -- events ----------------------------------------------------------------------------------------------

    def _report(
        self, cabinet: Plain, kind: str, door: int, request: str | None, about: dict[str, str]
    ) -> None:
        cabinet.n += 1
        event = {
            "id": f"{cabinet.device}.{cabinet.n}", "device": cabinet.device, "epoch": 1, "n": cabinet.n,
            "at": wire_time(clock.now()), "kind": kind, "door": door, "request": request, "about": about,
        }  # fmt: skip
        self._reports[event["id"]] = event  # type: ignore[index]
        if self._hook is not None:
            self._hook.queue.put(event)

    def _deliver(self, hook: Hook) -> None:
        """In order, as they come; again what was not taken, after a while."""
        while self._hook is hook:
            try:
                event = hook.queue.get(timeout=AGAIN_AFTER_S)
            except queue.Empty:
                event = {}
            if event is None:
                return
            late_s = time.monotonic() - AGAIN_AFTER_S
            again = [each for each, at_s in list(hook.sent.values()) if at_s < late_s]
            self._post(hook, [*again, *([event] if event else [])])

    def _post(self, hook: Hook, events: list[dict[str, Any]]) -> None:
        if not events:
            return
        for each in events:
            if each.get("qos") != 0:
                hook.sent[str(each["id"])] = (each, time.monotonic())
        content = orjson.dumps({"events": events})
        path = httpx.URL(hook.url).path
        headers = maker.sign(
            self._hook_key, path=path, at=clock.wall(), nonce=secrets.token_hex(8), body=content
        )
        with contextlib.suppress(httpx.HTTPError):  # not taken: it comes again
            self._client.post(hook.url, content=content, headers=headers)


def _as_event(message: Message) -> dict[str, Any]:
    _, device, channel = message.topic.split("/", 2)
    return {
        "id": str(message.receipt or secrets.token_hex(6)), "device": device, "channel": channel,
        "payload": base64.b64encode(message.payload).decode(), "retained": message.retained,
        "qos": 0 if message.receipt is None else 1,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lockers.simulator.maker", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="cabinets that speak our wire join here")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plain", action="append", default=[], metavar="DEVICE:DOORS")
    options = parser.parse_args()
    keys = [bytes.fromhex(os.environ[name]) for name in ("MAKER_CALL_KEY", "MAKER_HOOK_KEY")]
    plain = {name: int(doors) for name, doors in (each.split(":") for each in options.plain)}
    platform = MakerPlatform(keys[0], keys[1], plain)
    joined = LoopbackServer(options.socket, platform.exchange)
    server = json_server(platform.answer, options.port)

    def stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    print(f"maker on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever(0.05)
    joined.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
