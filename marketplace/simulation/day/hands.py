"""Hands at the cabinets: lay a parcel in and push the door, type a code, take what lies there.

The other end is the control interface of the simulated cabinets: their doubles of keypad and doors.
"""

from typing import Any

import httpx

from marketplace.simulation.day.patience import patiently

TIMEOUT_S = 30.0


class DoorShut(Exception):
    """The compartment is not open."""


class Hands:
    """`control_url`: where the simulated cabinets take a person's hand."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=control_url, timeout=TIMEOUT_S)

    async def close(self) -> None:
        await self._http.aclose()

    async def lay_in(self, device: str, door: int, parcel: str) -> None:
        """Put a parcel into an open compartment and push the door shut. Raises DoorShut."""
        await self._post(f"/cabinets/{device}/doors/{door}/put", {"parcel": parcel, "shut": True})

    async def push_shut(self, device: str, door: int) -> None:
        await self._post(f"/cabinets/{device}/doors/{door}/shut", {})

    async def pick_up(self, device: str, code: str) -> dict[str, Any]:
        """Type a code; take everything behind the doors that open and push them shut.

        Gives {ok, reason, doors, taken}; `reason`: wrong, locked, overdue, held, ...
        """
        return await self._post(f"/cabinets/{device}/visit", {"code": code})

    async def state(self, device: str) -> dict[str, Any]:
        return await self._request("GET", f"/cabinets/{device}", None)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._request("POST", path, body)

    async def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        answer = await patiently(lambda: self._http.request(method, path, json=body), again=_again)
        if answer.status_code == 409 and answer.json().get("code") == "door_shut":
            raise DoorShut(path)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _again(error: Exception) -> bool:
    return isinstance(error, httpx.TransportError)
