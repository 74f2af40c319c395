"""The public GraphQL API as a client sees it: patient when nobody answers, plain when it is refused."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from marketplace.simulation.day.documents import DOCUMENTS
from marketplace.simulation.day.patience import GATEWAY_ERRORS, PATIENCE_S, Away, patiently

TIMEOUT_S = 60.0
#: codes that mean "again in a moment"
_TRANSIENT = frozenset({"try_again", "rate_limited"})


class Refused(Exception):
    """The server understood and said no."""

    def __init__(self, operation: str, code: str, field: str | None, message: str) -> None:
        super().__init__(f"{operation}: {code} ({field}): {message}")
        self.operation, self.code, self.field, self.message = operation, code, field, message


class Broken(Exception):
    """An answer that no client should ever get."""


class NotSignedIn(Exception):
    """The token is unknown or has run out."""


@dataclass(slots=True)
class Answered:
    """How often an operation was answered, and how long that took in all."""

    times: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.times += 1
        self.seconds += seconds


class Api:
    """One connection pool; `at_once` requests in flight at most."""

    def __init__(self, base_url: str, *, at_once: int = 8, patience_s: float = PATIENCE_S) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, timeout=TIMEOUT_S)
        self._gate = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self.answered: dict[str, Answered] = {}

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, operation: str, variables: Mapping[str, Any], *, token: str | None = None) -> Any:
        """The value of the operation's one root field.

        Every mutation used here is safe to repeat (an idempotency key, or an absolute value), so a lost
        answer is asked for again. Raises Refused for a typed error, NotSignedIn, Broken for anything else.
        """

        async def once() -> Any:
            return _value(operation, await self._post(operation, variables, token))

        return await patiently(once, again=_again, patience_s=self._patience_s)

    async def _post(self, operation: str, variables: Mapping[str, Any], token: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": DOCUMENTS[operation], "operationName": operation, "variables": dict(variables)}
        async with self._gate:
            began = time.monotonic()
            answer = await self._http.post("/graphql", json=body, headers=headers)
            self.answered.setdefault(operation, Answered()).add(time.monotonic() - began)
        if answer.status_code == 401:
            raise NotSignedIn(operation)
        if answer.status_code in GATEWAY_ERRORS:
            raise Away(f"{operation}: HTTP {answer.status_code}")
        if answer.status_code != 200:
            raise Broken(f"{operation}: HTTP {answer.status_code}: {answer.text[:500]}")
        return answer.json()


def _again(error: Exception) -> bool:
    if isinstance(error, Refused):
        return error.code in _TRANSIENT
    return isinstance(error, httpx.TransportError | Away)


def _value(operation: str, answer: Any) -> Any:
    if answer.get("errors"):
        first = answer["errors"][0]
        code = (first.get("extensions") or {}).get("code", "error")
        if code == "error":
            raise Broken(f"{operation}: {first.get('message')} at {first.get('path')}")
        raise Refused(operation, code, None, first.get("message", ""))
    (value,) = answer["data"].values()
    if isinstance(value, dict) and value.get("errors"):
        error = value["errors"][0]
        raise Refused(operation, error["code"], error.get("field"), error["message"])
    return value
