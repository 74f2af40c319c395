"""The double of the physical world: JSON over HTTP on 127.0.0.1.

Here people type, scan, push doors and break things; nothing of it is part of the device wire. docs/devices.md
has the table of routes. Refusals are 409 {"code"}, a dark screen is 503.
"""

import re
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import structlog

from lockers.protocol.errors import Malformed, ProtocolError, Refused
from lockers.protocol.messages import Entry
from lockers.simulator import drops, pickup
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet, NoPower
from lockers.simulator.faults import set_fault
from lockers.simulator.host import Host

log = structlog.get_logger()

Body = Mapping[str, Any]
BODY_LIMIT_BYTES = 1024 * 1024


def _clock(host: Host, body: Body) -> dict[str, Any]:
    if body:
        host.set_clock(dict(body))
    return {"at": host.world.now().isoformat(), "frozen": host.world.frozen}


def _quiet(host: Host, body: Body) -> dict[str, Any]:
    """Nothing on its way up: for whoever moves the day and must wait."""
    reachable = [
        each for each in host.cabinets.values() if each.board and each.uplink and each.uplink.line.connected
    ]
    outbox = sum(each.journal.outbox_length() for each in reachable)
    moving = sum(len(each.journal.openings_in_flight()) for each in reachable)
    return {"quiet": outbox == 0 and moving == 0, "outbox": outbox, "moving": moving, **_clock(host, {})}


def _add(host: Host, body: Body) -> dict[str, Any]:
    return host.add(Blueprint.from_wire(body)).state()


def _keypad(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        return _answer(pickup.type_code(board, str(body["code"]), entry=Entry.KEYPAD))


def _qr(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        return _answer(pickup.scan_qr(board, str(body["token"])))


def _visit(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    """A whole pick-up: identify oneself, take what lies behind the doors that open, push them shut."""
    answer = _keypad(cabinet, body) if "code" in body else _qr(cabinet, body)
    taken: list[str] = []
    for door in answer["doors"]:
        if cabinet.hardware.slots[door].is_open:
            taken += _take(cabinet, door, {"shut": True})["taken"]
    return {**answer, "taken": taken}


def _put_back(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        return {"ok": pickup.put_back(board, door=_number(cabinet, body["door"]))}


def _courier(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        token = drops.present_token(board, str(body["token"]))
    return {
        "tx": token.tx,
        "drops": [each.placed.allocation for each in token.drops],
        "recalls": list(token.recalls),
    }


def _drop(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        door = drops.open_for_drop(
            board,
            token_tx=str(body["tx"]),
            allocation=str(body["allocation"]),
            damaged=bool(body.get("damaged", False)),
            weight_g=body.get("weight_g"),
            larger=bool(body.get("larger", False)),
        )
    return {"door": door}


def _confirm(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        drops.confirm_drop(
            board,
            token_tx=str(body["tx"]),
            allocation=str(body["allocation"]),
            weight_g=body.get("weight_g"),
        )
    return {"ok": True}


def _recall(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        door = drops.open_for_recall(board, token_tx=str(body["tx"]), allocation=str(body["allocation"]))
    return {"door": door}


def _fault(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    about = {name: value for name, value in body.items() if name not in ("fault", "on")}
    set_fault(cabinet, str(body["fault"]), on=bool(body["on"]), about=about)
    return {"ok": True}


def _shut(cabinet: Cabinet, door: int, body: Body) -> dict[str, Any]:
    cabinet.hardware.push_shut(door)
    cabinet.tick()
    return {"open": False}


def _pry(cabinet: Cabinet, door: int, body: Body) -> dict[str, Any]:
    cabinet.hardware.pry_open(door)
    cabinet.tick()
    return {"open": True}


def _put(cabinet: Cabinet, door: int, body: Body) -> dict[str, Any]:
    """Lay a parcel into an open compartment; `shut` pushes the door shut after it."""
    slot = cabinet.hardware.slots[door]
    if not slot.is_open:
        raise Refused("the door is shut", code="door_shut")
    slot.contents.append(str(body["parcel"]))
    return _shut(cabinet, door, body) if body.get("shut") else {"open": True}


def _take(cabinet: Cabinet, door: int, body: Body) -> dict[str, Any]:
    slot = cabinet.hardware.slots[door]
    if not slot.is_open:
        raise Refused("the door is shut", code="door_shut")
    taken, slot.contents = slot.contents, []
    if body.get("shut"):
        _shut(cabinet, door, body)
    return {"taken": taken, "open": slot.is_open}


def _answer(answer: pickup.Answer) -> dict[str, Any]:
    return {"ok": answer.ok, "reason": answer.reason, "doors": list(answer.doors), "tx": answer.tx}


def _number(cabinet: Cabinet, text: str | int) -> int:
    door = int(text)
    if door not in cabinet.hardware.slots:
        raise Refused(f"no door {door}", code="no_such_door")
    return door


AT_HOST: Mapping[tuple[str, str], Callable[[Host, Body], Any]] = {
    ("GET", "/clock"): _clock,
    ("POST", "/clock"): _clock,
    ("GET", "/quiet"): _quiet,
    ("GET", "/cabinets"): lambda host, body: [cabinet.state() for cabinet in host.cabinets.values()],
    ("POST", "/cabinets"): _add,
}
AT_CABINET: Mapping[tuple[str, str], Callable[[Cabinet, Body], Any]] = {
    ("GET", ""): lambda cabinet, body: cabinet.state(),
    ("POST", "/keypad"): _keypad,
    ("POST", "/qr"): _qr,
    ("POST", "/visit"): _visit,
    ("POST", "/put-back"): _put_back,
    ("POST", "/courier"): _courier,
    ("POST", "/drop"): _drop,
    ("POST", "/confirm"): _confirm,
    ("POST", "/recall"): _recall,
    ("POST", "/fault"): _fault,
}
AT_DOOR: Mapping[str, Callable[[Cabinet, int, Body], Any]] = {
    "shut": _shut,
    "pry": _pry,
    "put": _put,
    "take": _take,
}
_CABINET = re.compile(r"/cabinets/(?P<device>[^/]+)(?P<rest>(/[a-z-]+)?)")
_DOOR = re.compile(r"/cabinets/(?P<device>[^/]+)/doors/(?P<door>\d+)/(?P<verb>[a-z]+)")


class UnknownRoute(Exception):
    """404."""


def dispatch(host: Host, method: str, path: str, body: Body) -> Any:
    """Carry out one request on the host's own thread. Raises UnknownRoute, ProtocolError, NoPower."""
    if (method, path) in AT_HOST:
        return AT_HOST[method, path](host, body)
    if (found := _DOOR.fullmatch(path)) and method == "POST" and found["verb"] in AT_DOOR:
        cabinet = _cabinet(host, found["device"])
        return _saved(cabinet, AT_DOOR[found["verb"]](cabinet, _number(cabinet, found["door"]), body))
    if (found := _CABINET.fullmatch(path)) and (method, found["rest"]) in AT_CABINET:
        cabinet = _cabinet(host, found["device"])
        return _saved(cabinet, AT_CABINET[method, found["rest"]](cabinet, body))
    raise UnknownRoute(path)


def _saved(cabinet: Cabinet, answer: Any) -> Any:
    cabinet.save_world()
    return answer


def _cabinet(host: Host, device: str) -> Cabinet:
    if device not in host.cabinets:
        raise UnknownRoute(device)
    return host.cabinets[device]


class _Handler(BaseHTTPRequestHandler):
    host: Host
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_LIMIT_BYTES:
            self._reply(413, {"code": "too_large"})
            return
        try:
            body = orjson.loads(self.rfile.read(length) or b"{}")
        except orjson.JSONDecodeError as error:
            self._reply(400, {"code": "malformed", "text": str(error)})
            return
        if isinstance(body, dict):
            self._serve(body)
        else:
            self._reply(400, {"code": "malformed", "text": "an object is expected"})

    def _serve(self, body: Body) -> None:
        path = self.path.split("?")[0]
        try:
            self._reply(200, self.host.call(lambda: dispatch(self.host, self.command, path, body)))
        except UnknownRoute as error:
            self._reply(404, {"code": "not_found", "text": str(error)})
        except NoPower:
            self._reply(503, {"code": "no_power"})
        except (Malformed, KeyError, TypeError, OverflowError) as error:
            self._reply(400, {"code": "malformed", "text": str(error)})
        except ProtocolError as error:
            self._reply(409, {"code": error.code, "text": str(error)})

    def _reply(self, status: int, body: Any) -> None:
        payload = orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("control", line=format % args)


def serve_control(host: Host, port: int) -> ThreadingHTTPServer:
    """A server on 127.0.0.1:`port` (0: any free one), not yet serving."""
    handler = type("Handler", (_Handler,), {"host": host})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)
