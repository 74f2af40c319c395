"""HTTP in front of the gateway: a threaded server that also takes absolute-form request targets."""

import json
import logging
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from orders.payments.alipay_sim import control, pages
from orders.payments.alipay_sim.errors import GatewayRefusal
from orders.payments.alipay_sim.gateway import Gateway
from orders.payments.alipay_sim.methods import bill, pay

log = logging.getLogger(__name__)
BODY_MAX = 1 << 20


class GatewayServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    """The SDK sends `POST http://host/gateway.do?...`: only path and query of the target are looked at."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one segment
    timeout = 75

    def __init__(self, *args: object, gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._route(body=b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            self.close_connection = True
            self._send(413, "too large")
            return
        self._route(body=self.rfile.read(length))

    def _route(self, *, body: bytes) -> None:
        target = urlsplit(self.path)
        head, _, rest = target.path.lstrip("/").partition("/")
        try:
            match head:
                case "gateway.do":
                    self._gateway(target, body=body)
                case "cashier":
                    self._cashier(token=rest, body=body)
                case "qr":
                    self._redirect(pay.scan(self.gateway, code=rest))
                case "bill":
                    self._bill(token=rest)
                case "sim":
                    self._control(what=rest, query=target.query, body=body)
                case "healthz":
                    self._send(200, '{"ok":true}')
                case _:
                    self._send(404, "no such page", content_type="text/plain;charset=utf-8")
        except GatewayRefusal as refusal:
            text = pages.page(title="支付宝（模拟）", body=f"<p>{refusal.node['sub_msg']}</p>")
            self._send(409, text, content_type="text/html;charset=utf-8")
        except control.BadControl as error:
            self._send(400, json.dumps({"error": str(error)}))

    def _gateway(self, target: SplitResult, *, body: bytes) -> None:
        answer = self.gateway.handle(query=target.query, body=body)
        if answer.location:
            self._redirect(answer.location)
        else:
            self._send(answer.status, answer.body, content_type=answer.content_type)

    def _cashier(self, *, token: str, body: bytes) -> None:
        if self.command == "POST":
            action = parse_qs(body.decode("utf-8", "replace")).get("action", [""])[0]
            self._redirect(pages.decide(self.gateway, token=token, action=action))
        else:
            text = pages.cashier_page(self.gateway, token=token)
            self._send(200, text, content_type="text/html;charset=utf-8")

    def _bill(self, *, token: str) -> None:
        packed = bill.download(self.gateway, token=token)
        if packed is None:
            self._send(404, "the link has expired", content_type="text/plain;charset=utf-8")
        else:
            self._send(200, packed, content_type="application/zip")

    def _control(self, *, what: str, query: str, body: bytes) -> None:
        if self.command == "POST":
            shown = control.change(self.gateway, what=what, body=body)
        else:
            shown = control.show(self.gateway, what=what, where=dict(parse_qsl(query)))
        self._send(200, json.dumps(shown, ensure_ascii=False))

    def _redirect(self, location: str) -> None:
        """303: a browser follows with GET, also after a posted form."""
        self._send(303, "", location=location)

    def _send(
        self, status: int, body: str | bytes, *, content_type: str = "application/json;charset=utf-8",
        location: str = "",
    ) -> None:  # fmt: skip
        raw = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(raw)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


def make_server(gateway: Gateway, *, port: int, host: str = "127.0.0.1") -> GatewayServer:
    """Binds (port 0 picks a free one) and tells the gateway its own address."""
    server = GatewayServer((host, port), partial(Handler, gateway=gateway))
    bound = server.server_address[1]
    gateway.base_url = f"http://{host}" if bound == 80 else f"http://{host}:{bound}"
    return server
