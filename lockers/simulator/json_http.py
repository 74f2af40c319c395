"""JSON over HTTP on 127.0.0.1, for the control interface and the cabinets' screens.

Refusals are 409 {"code", "text"}, a dark screen is 503, what cannot be read 400.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import structlog

from lockers.protocol.errors import Malformed, ProtocolError
from lockers.simulator.cabinet import NoPower

log = structlog.get_logger()
Body = Mapping[str, Any]
BODY_LIMIT_BYTES = 1024 * 1024


class UnknownRoute(Exception):
    """404."""


class NotAllowed(Exception):
    """401: the caller did not show what it must."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`target`: path with query; `headers` by lower-case name; `raw`: the bytes that a signature covers."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Body
    raw: bytes


Answers = Callable[[Asked], Any]


class _Handler(BaseHTTPRequestHandler):
    answers: Answers
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve({}, b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_LIMIT_BYTES:
            self._reply(413, {"code": "too_large"})
            return
        raw = self.rfile.read(length)
        try:
            body = orjson.loads(raw or b"{}")
        except orjson.JSONDecodeError as error:
            self._reply(400, {"code": "malformed", "text": str(error)})
            return
        if isinstance(body, dict):
            self._serve(body, raw)
        else:
            self._reply(400, {"code": "malformed", "text": "an object is expected"})

    def _serve(self, body: Body, raw: bytes) -> None:
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._reply(200, self.answers(Asked(self.command, self.path, headers, body, raw)))
        except NotAllowed:
            self._reply(401, {"code": "not_allowed"})
        except UnknownRoute as error:
            self._reply(404, {"code": "not_found", "text": str(error)})
        except NoPower:
            self._reply(503, {"code": "no_power"})
        except Malformed as error:
            self._reply(400, {"code": error.code, "text": str(error)})
        except ProtocolError as error:
            self._reply(409, {"code": error.code, "text": str(error)})
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            self._reply(400, {"code": "malformed", "text": str(error)})

    def _reply(self, status: int, body: Any) -> None:
        payload = orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("http", line=format % args)


def json_server(answers: Answers, port: int) -> ThreadingHTTPServer:
    """A server on 127.0.0.1:`port` (0: any free one), not yet serving."""
    handler = type("Handler", (_Handler,), {"answers": staticmethod(answers)})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)
