"""The double of the physical world: JSON over HTTP on 127.0.0.1.

Here people type, scan, push doors and break things; nothing of it is part of the device wire. docs/devices.md
has the table of routes. Refusals are 409 {"code"}, a dark screen is 503.
"""

import re
from collections.abc import Callable, Mapping
from http.server import ThreadingHTTPServer
from typing import Any

from lockers.protocol.errors import Refused
from lockers.simulator import screen
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.faults import set_fault
from lockers.simulator.host import Host
from lockers.simulator.json_http import Asked, Body, UnknownRoute, json_server


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


def _visit(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    """A whole pick-up: identify oneself, take what lies behind the doors that open, push them shut."""
    answer = screen.keypad(cabinet, body) if "code" in body else screen.qr(cabinet, body)
    taken: list[str] = []
    for door in answer["doors"]:
        if cabinet.hardware.slots[door].is_open:
            taken += _take(cabinet, door, {"shut": True})["taken"]
    return {**answer, "taken": taken}


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


AT_HOST: Mapping[tuple[str, str], Callable[[Host, Body], Any]] = {
    ("GET", "/clock"): _clock,
    ("POST", "/clock"): _clock,
    ("GET", "/quiet"): _quiet,
    ("GET", "/cabinets"): lambda host, body: [cabinet.state() for cabinet in host.cabinets.values()],
    ("POST", "/cabinets"): _add,
}
AT_CABINET: Mapping[tuple[str, str], Callable[[Cabinet, Body], Any]] = {
    ("GET", ""): lambda cabinet, body: cabinet.state(),
    **{("POST", f"/{name}"): act for name, act in screen.ACTS.items()},
    ("POST", "/visit"): _visit,
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


def dispatch(host: Host, method: str, path: str, body: Body) -> Any:
    """Carry out one request on the host's own thread. Raises UnknownRoute, ProtocolError, NoPower."""
    if (method, path) in AT_HOST:
        return AT_HOST[method, path](host, body)
    if (found := _DOOR.fullmatch(path)) and method == "POST" and found["verb"] in AT_DOOR:
        cabinet = _cabinet(host, found["device"])
        return _saved(cabinet, AT_DOOR[found["verb"]](cabinet, screen.door_of(cabinet, found["door"]), body))
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


def serve_control(host: Host, port: int) -> ThreadingHTTPServer:
    """A server on 127.0.0.1:`port` (0: any free one), not yet serving."""

    def answers(asked: Asked) -> Any:
        path = asked.target.split("?")[0]
        return host.call(lambda: dispatch(host, asked.method, path, asked.body))

    return json_server(answers, port)
