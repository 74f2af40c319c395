"""Opening, paying, asking for, closing and cancelling trades, alone or merged."""

import json
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from orders.payments.alipay_sim.clock import wire
from orders.payments.alipay_sim.errors import GatewayRefusal, bad_request, refused
from orders.payments.alipay_sim.gateway import Gateway, Node
from orders.payments.alipay_sim.methods import fund
from orders.payments.alipay_sim.store import Row
from orders.payments.alipay_sim.trades import CLOSED, PAID, WAITING, TradeTerms
from orders.payments.alipay_sim.wire import BUYER_ID, BUYER_LOGON, GatewayRequest, fen, success, yuan

SELLER = re.compile(r"2088\d{12}\Z")
BARCODE = re.compile(r"(2[5-9]|30)\d{14,22}\Z")
TIMEOUT = re.compile(r"([1-9]\d{0,4})([mhd])\Z")
UNIT_S = {"m": 60, "h": 3600, "d": 86_400}
PAID_WITHOUT_PASSWORD_MAX_FEN = 100_000
QR_LIFE_S = 2 * 3600
CANCEL_WITHIN = timedelta(hours=24)
MERGE_MAX_TRADES = 50


def page_pay(gateway: Gateway, request: GatewayRequest) -> str:
    return _open_single(gateway, request, product="FAST_INSTANT_TRADE_PAY")


def wap_pay(gateway: Gateway, request: GatewayRequest) -> str:
    return _open_single(gateway, request, product="QUICK_WAP_WAY")


def _open_single(gateway: Gateway, request: GatewayRequest, *, product: str) -> str:
    """The buyer opened the signed link: the trade now exists, and his cashier page with it."""
    if request.text("product_code") != product:
        raise bad_request("isv.invalid-parameter", f"product_code must be {product}")
    with gateway.store.transaction():
        trade = _open_trade(gateway, request, request.terms, product=product)
        return _cashier(gateway, request, out_trade_nos=[trade["out_trade_no"]])


def merge_precreate(gateway: Gateway, request: GatewayRequest) -> Node:
    """Checks every trade of the merge and keeps the terms; no trade exists until the buyer opens the link."""
    merge_no, details = request.out_no("out_merge_no"), _order_details(request)
    text = json.dumps(
        {"details": details, "notify_url": request.notify_url}, ensure_ascii=False, sort_keys=True
    )
    row = gateway.store.one("SELECT * FROM pre_order WHERE out_merge_no = ?", merge_no)
    if row is None:
        pre_order_no = secrets.token_hex(16)
        gateway.store.insert(
            "pre_order",
            pre_order_no=pre_order_no,
            out_merge_no=merge_no,
            terms=text,
            expires_at=_expiry(gateway, request.terms),
        )
    elif row["terms"] != text:
        raise refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    else:
        pre_order_no = row["pre_order_no"]
    return success(
        out_merge_no=merge_no,
        pre_order_no=pre_order_no,
        order_detail_results=[
            {
                "app_id": request.app_id,
                "out_trade_no": detail["out_trade_no"],
                "success": True,
                "result_code": "SUCCESS",
            }
            for detail in details
        ],
    )


def wap_merge_pay(gateway: Gateway, request: GatewayRequest) -> str:
    row = gateway.store.one("SELECT * FROM pre_order WHERE pre_order_no = ?", request.text("pre_order_no"))
    if row is None:
        raise refused("ACQ.INVALID_PARAMETER", "预订单不存在")
    if row["expires_at"] and wire(gateway.clock.now()) > row["expires_at"]:
        raise refused("ACQ.TRADE_HAS_CLOSE", "预订单已过期")
    terms = json.loads(row["terms"])
    return _open_merge(
        gateway,
        request,
        details=terms["details"],
        merge_no=row["out_merge_no"],
        notify_url=terms["notify_url"],
        expires_at=row["expires_at"],
    )


def page_merge_pay(gateway: Gateway, request: GatewayRequest) -> str:
    """Takes the order details themselves; a `pre_order_no` from precreate is taken too."""
    if request.text("pre_order_no", needed=False):
        return wap_merge_pay(gateway, request)
    return _open_merge(
        gateway,
        request,
        details=_order_details(request),
        merge_no=request.out_no("out_merge_no"),
        notify_url=request.notify_url,
        expires_at=_expiry(gateway, request.terms),
    )


def _open_merge(
    gateway: Gateway, request: GatewayRequest, *, details: Sequence[dict[str, Any]], merge_no: str,
    notify_url: str, expires_at: str,
) -> str:  # fmt: skip
    with gateway.store.transaction():
        numbers = []
        for detail in details:
            terms = _trade_terms(gateway, detail, notify_url=notify_url, expires_at=expires_at)
            waits = bool(detail.get("settle_info"))
            gateway.trades.open(terms, product="MERGE", waits_for_confirm=waits)
            numbers.append(terms.out_trade_no)
        return _cashier(gateway, request, out_trade_nos=numbers, out_merge_no=merge_no)


def precreate(gateway: Gateway, request: GatewayRequest) -> Node:
    """Gives a QR code. A code is not a trade: that exists once the buyer scans."""
    out_trade_no = request.out_no("out_trade_no")
    _trade_terms(gateway, request.terms, notify_url=request.notify_url)
    if gateway.trades.exists(out_trade_no):
        _open_trade(gateway, request, request.terms, product="QR")  # answers paid, closed or inconsistent
    terms = json.dumps({"terms": request.terms, "notify_url": request.notify_url}, sort_keys=True)
    row = gateway.store.one("SELECT * FROM qr WHERE out_trade_no = ?", out_trade_no)
    if row is not None and row["terms"] != terms:
        raise refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    code = row["code"] if row else secrets.token_hex(12)
    if row is None:
        life = gateway.clock.scaled(seconds=QR_LIFE_S)
        gateway.store.insert(
            "qr",
            code=code,
            out_trade_no=out_trade_no,
            terms=terms,
            expires_at=wire(gateway.clock.now() + life),
        )
    return success(out_trade_no=out_trade_no, qr_code=f"{gateway.base_url}/qr/{code}")


def scan(gateway: Gateway, *, code: str) -> str:
    """The buyer scans: the trade is made, and the cashier's address is returned."""
    with gateway.store.transaction():
        row = gateway.store.one("SELECT * FROM qr WHERE code = ?", code)
        if row is None or wire(gateway.clock.now()) > row["expires_at"]:
            raise refused("ACQ.TRADE_HAS_CLOSE", "二维码不存在或已过期")
        kept = json.loads(row["terms"])
        terms = _trade_terms(gateway, kept["terms"], notify_url=kept["notify_url"])
        gateway.trades.open(terms, product="QR")
        token = gateway.trades.open_act(
            out_trade_nos=[terms.out_trade_no], return_url="", method="alipay.trade.precreate"
        )
    return f"{gateway.base_url}/cashier/{token}"


def pay(gateway: Gateway, request: GatewayRequest) -> Node:
    """A barcode shown at the counter, or the capture of a pre-authorisation (`auth_no`)."""
    if request.text("auth_no", needed=False):
        trade = _open_trade(gateway, request, request.terms, product="PRE_AUTH")
        fund.capture(gateway, request, trade=trade)
        return _paid_node(gateway.trades.find(out_trade_no=trade["out_trade_no"]))
    if not BARCODE.match(request.text("auth_code")):
        raise refused("ACQ.PAYMENT_AUTH_CODE_INVALID", "支付码无效")
    trade = _open_trade(gateway, request, request.terms, product="FACE_TO_FACE_PAYMENT")
    must_confirm = gateway.faults.take(frozenset({"buyer_must_confirm"}), method=request.method)
    if must_confirm is None and trade["amount"] <= PAID_WITHOUT_PASSWORD_MAX_FEN:
        gateway.trades.pay_all([trade["out_trade_no"]])
        return _paid_node(gateway.trades.find(out_trade_no=trade["out_trade_no"]))
    gateway.trades.open_act(out_trade_nos=[trade["out_trade_no"]], return_url="", method=request.method)
    return {
        "code": "10003",
        "msg": "order success pay inprocess",
        "out_trade_no": trade["out_trade_no"],
        "trade_no": trade["trade_no"],
        "buyer_logon_id": BUYER_LOGON,
        "total_amount": yuan(trade["amount"]),
    }


def query(gateway: Gateway, request: GatewayRequest) -> Node:
    trade = asked_trade(gateway, request)
    node = _paid_node(trade) if trade["gmt_payment"] else _trade_node(trade)
    return node | {"trade_status": trade["status"]}


def close(gateway: Gateway, request: GatewayRequest) -> Node:
    """With `success_after_cancel` armed, the buyer's payment arrives right behind the closing."""
    late = gateway.faults.take(frozenset({"success_after_cancel"}), method=request.method)
    trade = asked_trade(gateway, request)
    gateway.trades.close(trade["out_trade_no"], notify=late is None)
    if late is not None:
        gateway.trades.pay_all([trade["out_trade_no"]], even_closed=True)
    return success(out_trade_no=trade["out_trade_no"], trade_no=trade["trade_no"])


def cancel(gateway: Gateway, request: GatewayRequest) -> Node:
    """Closes a waiting trade, refunds a paid one in full; repeating it is safe for 24 hours."""
    late = gateway.faults.take(frozenset({"success_after_cancel"}), method=request.method)
    try:
        trade = asked_trade(gateway, request)
    except GatewayRefusal:
        out_trade_no = request.out_no("out_trade_no")  # never made, or a code nobody scanned
        return success(out_trade_no=out_trade_no, retry_flag="N", action="close")
    action = ""
    if trade["status"] == WAITING:
        action = "close"
        gateway.trades.close(trade["out_trade_no"], notify=late is None)
        if late is not None:
            gateway.trades.pay_all([trade["out_trade_no"]], even_closed=True)
    elif trade["status"] == PAID:
        action = "refund"
        if wire(gateway.clock.now() - CANCEL_WITHIN) > trade["gmt_create"]:
            raise refused("ACQ.CANCEL_NOT_ALLOWED", "超出可撤销时间")
        gateway.trades.refund(
            trade,
            out_request_no=f"cancel-{trade['out_trade_no']}"[:64],
            amount=trade["amount"] - trade["refunded"],
            reason="cancel",
            slow=False,
        )
    elif trade["status"] != CLOSED:
        raise refused("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    return success(
        out_trade_no=trade["out_trade_no"], trade_no=trade["trade_no"], retry_flag="N", action=action
    )


def asked_trade(gateway: Gateway, request: GatewayRequest) -> Row:
    out_trade_no = request.text("out_trade_no", needed=False)
    trade_no = request.text("trade_no", needed=False)
    if not out_trade_no and not trade_no:
        raise bad_request("isv.missing-parameter", "out_trade_no and trade_no are both missing")
    return gateway.trades.find(out_trade_no=out_trade_no, trade_no=trade_no)


def _open_trade(gateway: Gateway, request: GatewayRequest, terms: dict[str, Any], *, product: str) -> Row:
    return gateway.trades.open(
        _trade_terms(gateway, terms, notify_url=request.notify_url, expires_at=_expiry(gateway, terms)),
        product=product,
        waits_for_confirm=bool(terms.get("settle_info")),
    )


def _trade_terms(
    gateway: Gateway, terms: dict[str, Any], *, notify_url: str, expires_at: str = ""
) -> TradeTerms:
    one = GatewayRequest(method="", app_id="", notify_url="", return_url="", terms=terms)
    seller_id = one.text("seller_id", needed=False) or gateway.seller_id
    if not SELLER.match(seller_id):
        raise refused("ACQ.SELLER_NOT_EXIST", "卖家不存在")
    sub_merchant = terms.get("sub_merchant") or {}
    return TradeTerms(
        out_trade_no=one.out_no("out_trade_no"),
        subject=one.text("subject"),
        amount=fen(terms.get("total_amount"), name="total_amount"),
        seller_id=seller_id,
        sub_merchant=str(sub_merchant.get("merchant_id", "")) if isinstance(sub_merchant, dict) else "",
        passback_params=one.text("passback_params", needed=False),
        notify_url=notify_url,
        expires_at=expires_at,
    )


def _order_details(request: GatewayRequest) -> list[dict[str, Any]]:
    details = request.terms.get("order_details")
    if not isinstance(details, list) or not 1 <= len(details) <= MERGE_MAX_TRADES:
        raise bad_request("isv.invalid-parameter", f"order_details must list 1 to {MERGE_MAX_TRADES} orders")
    numbers = set()
    for detail in details:
        if not isinstance(detail, dict) or detail.get("app_id") != request.app_id:
            raise bad_request("isv.invalid-parameter", "each order detail needs the app_id of a joined app")
        numbers.add(detail.get("out_trade_no"))
        if not detail.get("subject"):
            raise bad_request("isv.missing-parameter", "subject is missing in order_details")
        fen(detail.get("total_amount"), name="total_amount")
    if len(numbers) != len(details):
        raise bad_request("isv.invalid-parameter", "out_trade_no is repeated in order_details")
    return details


def _expiry(gateway: Gateway, terms: dict[str, Any]) -> str:
    """`time_expire` as given, or `timeout_express` counted from now and scaled; empty if neither."""
    if terms.get("time_expire"):
        return str(terms["time_expire"])
    text = str(terms.get("timeout_express") or "")
    if not text:
        return ""
    match = TIMEOUT.match(text)
    if match is None:
        raise bad_request("isv.invalid-parameter", "timeout_express must look like 30m, 2h or 1d")
    life = gateway.clock.scaled(seconds=int(match[1]) * UNIT_S[match[2]])
    return wire(gateway.clock.now() + life)


def _cashier(
    gateway: Gateway, request: GatewayRequest, *, out_trade_nos: Sequence[str], out_merge_no: str = ""
) -> str:
    token = gateway.trades.open_act(
        out_trade_nos=out_trade_nos,
        return_url=request.return_url,
        method=request.method,
        out_merge_no=out_merge_no,
    )
    return f"{gateway.base_url}/cashier/{token}"


def _trade_node(trade: Row) -> Node:
    return success(
        trade_no=trade["trade_no"],
        out_trade_no=trade["out_trade_no"],
        total_amount=yuan(trade["amount"]),
        subject=trade["subject"],
        passback_params=trade["passback_params"],
        alipay_sub_merchant_id=trade["sub_merchant"],
    )


def _paid_node(trade: Row) -> Node:
    amount = yuan(trade["amount"])
    return _trade_node(trade) | {
        "buyer_logon_id": BUYER_LOGON,
        "buyer_user_id": BUYER_ID,
        "buyer_pay_amount": amount,
        "receipt_amount": amount,
        "invoice_amount": amount,
        "point_amount": "0.00",
        "send_pay_date": trade["gmt_payment"],
        "gmt_payment": trade["gmt_payment"],
        "fund_bill_list": [{"amount": amount, "fund_channel": "ALIPAYACCOUNT"}],
    }
