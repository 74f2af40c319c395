"""The gateway simulator as its own process, and an adapter that talks to it."""

import http.client
import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from orders.payments.gateways.alipay import AlipayGateway
from orders.payments.gateways.signing import load_private_key, load_public_key
from orders.payments.gateways.wire import AlipayWire

APP_ID, SELLER_ID = "2021004100000001", "2088100000000001"


@dataclass
class Simulator:
    data: Path
    process: subprocess.Popen[str]
    base_url: str

    @classmethod
    def start(cls, data: Path, *, port: int = 0, time_factor: float = 1.0) -> "Simulator":
        command = [
            sys.executable, "-m", "orders.payments.alipay_sim", "--port", str(port), "--data", str(data),
            "--time-factor", str(time_factor),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"http://\S+(?=/gateway\.do)", line)
        assert address, f"the simulator did not start: {line!r}"
        return cls(data=data, process=process, base_url=address[0])

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        if self.process.stdout:
            self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=60)
        if self.process.stdout:
            self.process.stdout.close()

    def wire(self, *, timeout_s: float = 3.0) -> AlipayWire:
        return AlipayWire(
            url=f"{self.base_url}/gateway.do",
            app_id=APP_ID,
            app_private_key=load_private_key(self.data / "app_private_key.pem"),
            alipay_public_key=load_public_key(self.data / "alipay_public_key.pem"),
            timeout_s=timeout_s,
        )

    def gateway(self, *, timeout_s: float = 3.0) -> AlipayGateway:
        return AlipayGateway(wire=self.wire(timeout_s=timeout_s), seller_id=SELLER_ID)

    def request(self, method: str, url: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
        """One plain HTTP exchange; redirects are not followed."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, f"{parts.path}?{parts.query}", body=body.encode(), headers=headers)
        response = connection.getresponse()
        answer = response.status, dict(response.headers), response.read()
        connection.close()
        return answer

    def open(self, pay_link: str) -> str:
        """The buyer follows a link; returns the cashier's address."""
        status, headers, body = self.request("GET", pay_link)
        assert status == 303, body
        return headers["Location"]

    def decide(self, cashier: str, action: str) -> tuple[int, str]:
        status, headers, _ = self.request("POST", cashier, urlencode({"action": action}))
        return status, headers.get("Location", "")

    def pay(self, pay_link: str) -> str:
        """Opens the link and pays; returns where the buyer is sent back to."""
        status, location = self.decide(self.open(pay_link), "pay")
        assert status == 303
        return location

    def shown(self, what: str, **where: str) -> Any:
        """Rows of the simulator; `where` names columns and their values."""
        return json.loads(self.request("GET", f"{self.base_url}/sim/{what}?{urlencode(where)}")[2])[what]

    def change(self, what: str, **wanted: Any) -> int:
        return self.request("POST", f"{self.base_url}/sim/{what}", json.dumps(wanted))[0]

    def fault(self, kind: str, **wanted: Any) -> None:
        assert self.change("faults", kind=kind, **wanted) == 200

    def trade(self, out_trade_no: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.shown("trades", out_trade_no=out_trade_no)
        assert len(found) == 1
        return found[0]
