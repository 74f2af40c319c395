"""The server's end of the HTTPS fallback: POST /devices/messages, checked as the product checks it."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from lockers.conformance.bench import Bench, Posted
from lockers.protocol import keys, requests
from lockers.protocol.errors import ProtocolError
from lockers.transports.port import Message

ANSWERED_WITHIN_S = 60.0


class Fallback:
    """Takes the device's requests to the bench until `close`. `faults`: what was wrong with some of them."""

    def __init__(self, bench: Bench, host: str, port: int, *, tls: tuple[Path, Path] | None = None) -> None:
        self._bench = bench
        self.faults: list[str] = []
        self.numbers: list[tuple[int, int]] = []
        #: while False a request ends with 503, as from a server that is away
        self.answering = True
        self._server = ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"fallback": self}))
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, header: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and answer of one request."""
        try:
            signed = requests.read_header(header)
            requests.check(signed, key=keys.request_key(self._bench.key), body=body)
            posted = _posted(self._bench.device, body)
        except (ProtocolError, KeyError, TypeError, ValueError) as error:
            self.faults.append(f"request not readable or not signed: {error}")
            return 403, {"code": "refused"}
        number = (signed.boot, signed.number)
        if self.numbers and number <= self.numbers[-1]:
            self.faults.append(f"number {number} after {self.numbers[-1]}")
            return 403, {"code": "refused"}
        self.numbers.append(number)
        if not self.answering:
            return 503, {"code": "away"}
        self._bench.post(posted)
        return 200, posted.answer.result(timeout=ANSWERED_WITHIN_S)


def _posted(device: str, body: bytes) -> Posted:
    plain = orjson.loads(body)
    return Posted(
        [
            Message(f"lk/{device}/{each['channel']}", orjson.dumps(each["payload"]))
            for each in plain["messages"]
        ]
    )


class _Handler(BaseHTTPRequestHandler):
    fallback: Fallback
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != "/devices/messages" or length > requests.BODY_LIMIT_BYTES:
            status, answer = 404, {"code": "not_found"}
        else:
            status, answer = self.fallback.take(
                self.headers.get(requests.HEADER, ""), self.rfile.read(length)
            )
        payload = orjson.dumps(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        """A device asks every two seconds: nothing of it is worth a line."""
