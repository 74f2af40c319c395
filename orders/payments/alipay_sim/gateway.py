"""The parts of one running simulator, and the dispatch of a verified request to its method."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orders.payments.alipay_sim.clock import SimClock
from orders.payments.alipay_sim.errors import GatewayRefusal, bad_request
from orders.payments.alipay_sim.faults import ANSWER_FAULTS, Faults
from orders.payments.alipay_sim.keys import SimKeys
from orders.payments.alipay_sim.notify import Notifier
from orders.payments.alipay_sim.store import Row, Store
from orders.payments.alipay_sim.trades import Trades
from orders.payments.alipay_sim.wire import (
    GatewayRequest,
    node_name,
    read_request,
    serialise,
    unknown_error,
    wrap,
)

Node = dict[str, Any]
Method = Callable[["Gateway", GatewayRequest], Node]
PageMethod = Callable[["Gateway", GatewayRequest], str]
HANG_S = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    location: str = ""
    content_type: str = "application/json;charset=utf-8"


@dataclass(kw_only=True)
class Gateway:
    store: Store
    clock: SimClock
    keys: SimKeys
    faults: Faults
    notifier: Notifier
    trades: Trades
    app_id: str
    seller_id: str
    """The platform's own merchant number; a trade may name another seller."""
    base_url: str = ""
    methods: dict[str, Method] = field(default_factory=dict)
    pages: dict[str, PageMethod] = field(default_factory=dict)

    @classmethod
    def open(
        cls, *, data_dir: Path, app_id: str, seller_id: str, app_public_key: bytes | None, time_factor: float
    ) -> "Gateway":
        from orders.payments.alipay_sim.methods import (  # the method modules need the class above
            METHODS,
            PAGES,
        )

        data_dir.mkdir(parents=True, exist_ok=True)
        keys = SimKeys.open(data_dir=data_dir, app_public_key=app_public_key)
        store = Store(data_dir / "alipay.sqlite3")
        clock = SimClock(time_factor=time_factor)
        faults = Faults(store=store)
        notifier = Notifier(store=store, clock=clock, keys=keys, faults=faults, app_id=app_id)
        trades = Trades(store=store, clock=clock, notifier=notifier)
        return cls(
            store=store, clock=clock, keys=keys, faults=faults, notifier=notifier, trades=trades,
            app_id=app_id, seller_id=seller_id, methods=METHODS, pages=PAGES,
        )  # fmt: skip

    def handle(self, *, query: str, body: bytes) -> Answer:
        """One call of `/gateway.do`: verified, done, answered, and spoilt if a fault is armed for it."""
        method = ""
        fault: Row | None = None
        try:
            request = read_request(
                query=query, body=body, app_id=self.app_id, clock=self.clock, keys=self.keys
            )
            method = request.method
            fault = self.faults.take(ANSWER_FAULTS, method=method)
            if method in self.pages:
                location = self.pages[method](self, request)
                return Answer(302, "", location=location)
            node = self._do(request, skip=fault is not None and fault["effect"] == "none")
        except GatewayRefusal as refusal:
            node = refusal.node
        return self._answer(method=method, node=node, fault=fault)

    def _do(self, request: GatewayRequest, *, skip: bool) -> Node:
        if request.method not in self.methods:
            raise bad_request("isv.invalid-method", "不存在的方法名")
        if skip:
            raise unknown_error()
        refusal = self.faults.take(frozenset({"refuse"}), method=request.method)
        if refusal is not None:
            raise GatewayRefusal(refusal["value"] or "ACQ.SYSTEM_ERROR", "模拟的拒绝")
        with self.store.transaction():
            return self.methods[request.method](self, request)

    def _answer(self, *, method: str, node: Node, fault: Row | None) -> Answer:
        kind, value = (fault["kind"], fault["value"]) if fault else ("", "")
        if kind == "hang":
            time.sleep(float(value or HANG_S))
        if kind == "http_502":
            return Answer(502, "<html><body>502 Bad Gateway</body></html>", content_type="text/html")
        if kind == "unknown_error":
            node = unknown_error().node
        text = serialise(node)
        sign = self.keys.sign(text.encode(), sha1=kind == "sha1_sign")
        if kind == "tampered_body":
            text = serialise(node | {"msg": "Changed"})
        body = wrap(method=method, node_text=text, sign=sign)
        if kind == "missing_sign":
            body = f'{{"{node_name(method)}":{text}}}'
        if kind == "cert_field":
            body = f'{{"{node_name(method)}":{text},"alipay_cert_sn":"6d9a0f","sign":"{sign}"}}'
        return Answer(200, body)
