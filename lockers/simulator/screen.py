"""The screen API: what the programme behind a cabinet's own screen, keypad and scanner asks of the cabinet.

Served on 127.0.0.1 of the cabinet's computer, below `/{device}/`, to whoever shows the screen's secret
(`Authorization: Bearer ...`, in DIR/<device>.screen, mode 0600). docs/devices.md has the table of routes. It
works without network: nothing here asks the server.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from lockers.protocol.doors import DoorState
from lockers.protocol.envelope import wire_time
from lockers.protocol.errors import Refused
from lockers.protocol.messages import Entry, Purpose
from lockers.protocol.parcel import Outcome
from lockers.simulator import drops, pickup
from lockers.simulator.board import FIRMWARE, Board
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.host import Host
from lockers.simulator.journal import Opening
from lockers.simulator.json_http import Asked, Body, NotAllowed, UnknownRoute, json_server

LONGEST_WAIT_S, LOOK_EVERY_S = 30.0, 0.1
_OPEN = (DoorState.OPEN, DoorState.AJAR, DoorState.FORCED)


def keypad(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        return _answer(board, pickup.type_code(board, str(body["code"]), entry=Entry.KEYPAD))


def qr(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        return _answer(board, pickup.scan_qr(board, str(body["token"])))


def put_back(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    """The recipient leaves the parcel, before he pushes the door shut."""
    door = door_of(cabinet, body["door"])
    with cabinet.at_screen() as board:
        return {"ok": pickup.put_back(board, door=door)}


def courier(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    """Present a sealed token; the `tx` of the answer stands for it in what follows."""
    with cabinet.at_screen() as board:
        token = drops.present_token(board, str(body["token"]))
    return {
        "tx": token.tx,
        "expires": wire_time(token.expires_at),
        "drops": [each.placed.allocation for each in token.drops],
        "recalls": list(token.recalls),
    }


def drop(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    """Opens a cell; `larger` when the parcel did not fit the one before."""
    with cabinet.at_screen() as board:
        door = drops.open_for_drop(
            board,
            token_tx=str(body["tx"]),
            allocation=str(body["allocation"]),
            damaged=bool(body.get("damaged", False)),
            weight_g=_grams(body),
            larger=bool(body.get("larger", False)),
        )
    return {"door": door}


def confirm(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    """The parcel lies behind the door, which has closed."""
    with cabinet.at_screen() as board:
        drops.confirm_drop(
            board,
            token_tx=str(body["tx"]),
            allocation=str(body["allocation"]),
            weight_g=_grams(body),
        )
    return {"ok": True}


def recall(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    with cabinet.at_screen() as board:
        door = drops.open_for_recall(board, token_tx=str(body["tx"]), allocation=str(body["allocation"]))
    return {"door": door}


def status(cabinet: Cabinet, body: Body) -> dict[str, Any]:
    """All that a screen shows of its own accord. `mark` changes whenever anything but the time does."""
    with cabinet.at_screen() as board:
        shown = {
            "device": board.device,
            "firmware": FIRMWARE,
            "boot": board.boot,
            "server": cabinet.uplink is not None and cabinet.uplink.line.connected,
            "keypad": {"locked": pickup.wait_left(board) is not None},
            "cells": _cells(board),
            "open": [_standing_open(board, number) for number in _open_doors(board)],
            "zones": {zone: air.reading_c for zone, air in sorted(cabinet.hardware.air.items())},
        }
        mark = hashlib.sha256(orjson.dumps(shown)).hexdigest()[:16]
        wait = pickup.wait_left(board)
        shown["keypad"]["wait_s"] = 0 if wait is None else round(wait.total_seconds())  # type: ignore[index]
        return {**shown, "at": wire_time(board.now()), "mark": mark}


def opening(cabinet: Cabinet, tx: str) -> dict[str, Any]:
    """What became of each door of one opening: pending, open, done, put_back, jammed, unknown or refused."""
    with cabinet.at_screen() as board:
        doors = {str(each.door): _outcome(each) for each in board.journal.openings_under(tx)}
    if not doors:
        raise UnknownRoute(tx)
    return {"tx": tx, "doors": doors}


def door_of(cabinet: Cabinet, text: str | int) -> int:
    """Raises Refused for a door that is not there."""
    door = int(text)
    if door not in cabinet.hardware.slots:
        raise Refused(f"no door {door}", code="no_such_door")
    return door


def _answer(board: Board, answer: pickup.Answer) -> dict[str, Any]:
    wait = pickup.wait_left(board)
    return {
        "ok": answer.ok, "reason": answer.reason, "doors": list(answer.doors), "tx": answer.tx,
        "wait_s": 0 if wait is None else round(wait.total_seconds()),
    }  # fmt: skip


def _grams(body: Body) -> int | None:
    grams = body.get("weight_g")
    return None if grams is None else int(grams)


def _cells(board: Board) -> list[dict[str, Any]]:
    taken = {each.door for each in board.journal.live()} | set(board.journal.get("blocked", []))
    return [
        {
            "door": number, "size": cell.size.value, "zone": cell.zone,
            "state": board.doors[number].state.value,
            "free": number not in taken and board.doors[number].state is DoorState.CLOSED,
        }
        for number, cell in sorted(board.cells.items())
    ]  # fmt: skip


def _open_doors(board: Board) -> list[int]:
    return sorted(number for number, door in board.doors.items() if door.state in _OPEN)


def _standing_open(board: Board, number: int) -> dict[str, Any]:
    """`may_put_back`: a recipient stands before it who may still leave the parcel."""
    tx = board.doors[number].tx
    ordered = board.journal.opening(tx, number)
    purpose = ordered.purpose if ordered else None
    mine = ordered is not None and not ordered.closed and purpose in (Purpose.COLLECT, Purpose.ASSIST)
    return {"door": number, "tx": tx, "purpose": purpose, "may_put_back": mine}


def _outcome(ordered: Opening) -> str:
    if ordered.closed:
        return (Outcome.PUT_BACK if ordered.put_back else Outcome.DONE).value
    if ordered.result in ("jammed", "unknown", "refused"):
        return ordered.result
    return (Outcome.PENDING if ordered.result is None else Outcome.OPEN).value


# -- served ----------------------------------------------------------------------------------------------

ACTS: Mapping[str, Callable[[Cabinet, Body], dict[str, Any]]] = {
    "keypad": keypad,
    "qr": qr,
    "put-back": put_back,
    "courier": courier,
    "drop": drop,
    "confirm": confirm,
    "recall": recall,
}


def screen_secret(directory: Path, device: str) -> str:
    """Made at the first look; whoever may read the file is the cabinet's screen."""
    path = directory / f"{device}.screen"
    if not path.exists():
        scratch = path.with_suffix(".new")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(16))
        scratch.replace(path)
    return path.read_text().strip()


def serve_screens(host: Host, port: int) -> ThreadingHTTPServer:
    """The screens of all cabinets of this process, not yet serving. A cabinet of its own has one."""

    def answers(asked: Asked) -> Any:
        url = urlsplit(asked.target)
        device, _, rest = url.path.lstrip("/").partition("/")
        cabinet = host.cabinets.get(device)
        if cabinet is None:
            raise UnknownRoute(device)
        shown = asked.headers.get("authorization", "").encode()
        secret = host.call(lambda: screen_secret(host.directory, device))  # made by one thread
        if not hmac.compare_digest(shown, f"Bearer {secret}".encode()):
            raise NotAllowed(device)
        if asked.method == "GET" and rest == "status":
            wanted = {name: values[0] for name, values in parse_qs(url.query).items()}
            return _status_after(host, cabinet, wanted)
        kind, _, tx = rest.partition("/")
        if asked.method == "GET" and kind == "openings" and tx:
            return host.call(lambda: opening(cabinet, tx))
        if asked.method == "POST" and rest in ACTS:
            return host.call(lambda: ACTS[rest](cabinet, asked.body))
        raise UnknownRoute(rest)

    return json_server(answers, port)


def _status_after(host: Host, cabinet: Cabinet, asked: Mapping[str, str]) -> dict[str, Any]:
    """At once, or when something changes after the mark `after`, at the latest after `wait_s`."""
    until_s = time.monotonic() + min(float(asked.get("wait_s", 0)), LONGEST_WAIT_S)
    while True:
        shown = host.call(lambda: status(cabinet, {}))
        if shown["mark"] != asked.get("after") or time.monotonic() >= until_s:
            return shown
        time.sleep(LOOK_EVERY_S)
