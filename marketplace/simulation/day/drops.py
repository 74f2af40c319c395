"""Leaving parcels in a cabinet: the app opens a door, the courier lays the parcel in, pushes, confirms."""

import asyncio
import contextlib
import time
from typing import Any

from marketplace.simulation.day.cast import Person
from marketplace.simulation.day.hands import DoorShut
from marketplace.simulation.day.stage import Stage

POLL_S, WAIT_S = 0.05, 60.0
#: a jammed or silent door is asked for again this often
TRIES = 3
#: what the probe of a van's box shows
BOX_C = {"frozen": -19.0, "chilled": 3.2, "cool": 13.0}


class DropFailed(Exception):
    """The door never did what it should."""


async def drop_all(stage: Stage, courier: Person, stop_id: str, units: list[dict[str, Any]]) -> None:
    """One parcel after another, as one pair of hands does it."""
    for unit in units:
        await _drop(stage, courier, stop_id, unit)


async def _drop(stage: Stage, courier: Person, stop_id: str, unit: dict[str, Any]) -> None:
    for _ in range(TRIES):
        answer = await courier.ask(
            "OpenCompartment",
            stopId=stop_id,
            unitId=unit["id"],
            damaged=False,
            weightG=unit["grossG"],
            temperatureC=BOX_C.get(unit["zone"]),
        )
        drop = await _until(courier, answer["drop"], {"open", "closed", "deposited", *_FAILED})
        if drop["status"] == "open":
            drop = await _lay_in(stage, courier, drop, unit)
        if drop["status"] == "closed":
            answer = await courier.ask("ConfirmDrop", dropId=drop["id"])
            drop = await _until(courier, answer["drop"], {"deposited", *_FAILED})
        if drop["status"] == "deposited":
            return
    raise DropFailed(f"{unit['code']}: {drop['status']} after {TRIES} tries")


_FAILED = frozenset({"jammed", "unknown", "refused", "expired", "ended"})


async def _lay_in(
    stage: Stage, courier: Person, drop: dict[str, Any], unit: dict[str, Any]
) -> dict[str, Any]:
    """Lay it in and push the door shut; shut already means that an earlier try got that far."""
    with contextlib.suppress(DoorShut):  # the cabinet has told so itself, and the drop says "closed"
        await stage.hands.lay_in(drop["device"], drop["door"], unit["code"])
    return await _until(courier, drop, {"closed", "deposited", *_FAILED})


async def _until(courier: Person, drop: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """The drop once its status is one of `wanted`; the last one seen when that never comes."""
    until = time.monotonic() + WAIT_S
    while drop["status"] not in wanted and time.monotonic() < until:
        await asyncio.sleep(POLL_S)
        drop = await courier.ask("Drop", id=drop["id"])
    return drop
