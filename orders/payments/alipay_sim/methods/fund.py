"""Pre-authorisation (freeze, capture, release) and the outgoing transfer."""

import re

from orders.payments.alipay_sim.clock import wire
from orders.payments.alipay_sim.errors import bad_request, refused
from orders.payments.alipay_sim.gateway import Gateway, Node
from orders.payments.alipay_sim.store import Row
from orders.payments.alipay_sim.wire import BUYER_ID, BUYER_LOGON, GatewayRequest, success, yuan

BARCODE = re.compile(r"(2[5-9]|30)\d{14,22}\Z")
AUTHORIZED, CLOSED, INIT = "AUTHORIZED", "CLOSED", "INIT"


def freeze(gateway: Gateway, request: GatewayRequest) -> Node:
    """A barcode at the counter freezes at once."""
    if not BARCODE.match(request.text("auth_code")):
        raise refused("ACQ.PAYMENT_AUTH_CODE_INVALID", "支付码无效")
    auth = _open_auth(gateway, request)
    if auth["status"] == INIT:
        authorise(gateway, out_order_no=auth["out_order_no"])
    auth = find_auth(gateway, out_order_no=auth["out_order_no"])
    return success(
        auth_no=auth["auth_no"],
        out_order_no=auth["out_order_no"],
        operation_id=auth["operation_id"],
        out_request_no=auth["out_request_no"],
        amount=yuan(auth["amount"]),
        status="SUCCESS",
        payer_user_id=BUYER_ID,
        payer_logon_id=BUYER_LOGON,
        gmt_trans=auth["gmt_trans"],
        pre_auth_type="CREDIT_AUTH",
    )


def app_freeze(gateway: Gateway, request: GatewayRequest) -> str:
    """The buyer opened the freeze in his app: the cashier page asks him to agree."""
    with gateway.store.transaction():
        auth = _open_auth(gateway, request)
        token = gateway.trades.open_act(
            out_order_no=auth["out_order_no"], return_url=request.return_url, method=request.method
        )
    return f"{gateway.base_url}/cashier/{token}"


def authorise(gateway: Gateway, *, out_order_no: str) -> None:
    with gateway.store.transaction():
        touched = gateway.store.run(
            "UPDATE auth SET status = ?, gmt_trans = ? WHERE out_order_no = ? AND status = ?",
            AUTHORIZED, wire(gateway.clock.now()), out_order_no, INIT,
        )  # fmt: skip
        if not touched:
            raise refused("AUTH_ORDER_STATUS_ERROR", "资金授权订单状态不合法")
        gateway.notifier.auth_changed(find_auth(gateway, out_order_no=out_order_no), operation="FREEZE")
    gateway.notifier.wake()


def decline(gateway: Gateway, *, out_order_no: str) -> None:
    gateway.store.run(
        "UPDATE auth SET status = ? WHERE out_order_no = ? AND status = ?", CLOSED, out_order_no, INIT
    )


def capture(gateway: Gateway, request: GatewayRequest, *, trade: Row) -> None:
    """Pays `trade` out of the frozen sum; `auth_confirm_mode=COMPLETE` releases what is left."""
    auth = gateway.store.one("SELECT * FROM auth WHERE auth_no = ?", request.text("auth_no"))
    if auth is None:
        raise refused("ACQ.AUTH_NO_ERROR", "预授权号错误")
    if request.text("product_code") != auth["product_code"]:
        raise refused("ACQ.PRODUCT_AMOUNT_LIMIT_ERROR", "产品码与预授权不一致")
    if trade["auth_no"] == auth["auth_no"] and trade["status"] != "WAIT_BUYER_PAY":
        return
    if auth["status"] != AUTHORIZED:
        raise refused("ACQ.AUTH_ORDER_STATUS_ERROR", "预授权状态不合法")
    rest = auth["amount"] - auth["paid"] - auth["released"]
    if trade["amount"] > rest:
        raise refused("ACQ.AUTH_AMOUNT_NOT_ENOUGH", "预授权金额不足")
    mode = request.text("auth_confirm_mode", needed=False) or "NOT_COMPLETE"
    if mode not in ("COMPLETE", "NOT_COMPLETE"):
        raise bad_request("isv.invalid-parameter", "auth_confirm_mode must be COMPLETE or NOT_COMPLETE")
    left = rest - trade["amount"]
    released = left if mode == "COMPLETE" else 0
    gateway.store.run(
        "UPDATE auth SET paid = paid + ?, released = released + ?, status = ? WHERE auth_no = ?",
        trade["amount"], released, CLOSED if left == released else AUTHORIZED, auth["auth_no"],
    )  # fmt: skip
    gateway.trades.pay_all([trade["out_trade_no"]], auth_no=auth["auth_no"])
    if released:
        gateway.notifier.auth_changed(
            find_auth(gateway, out_order_no=auth["out_order_no"]), operation="UNFREEZE"
        )


def unfreeze(gateway: Gateway, request: GatewayRequest) -> Node:
    """Releases once per request number."""
    auth_no, out_request_no = request.text("auth_no"), request.out_no("out_request_no")
    amount = request.amount("amount")
    auth = gateway.store.one("SELECT * FROM auth WHERE auth_no = ?", auth_no)
    if auth is None:
        raise refused("AUTH_ORDER_NOT_EXIST", "资金授权订单不存在")
    done = gateway.store.one(
        "SELECT * FROM unfreeze WHERE auth_no = ? AND out_request_no = ?", auth_no, out_request_no
    )
    if done is not None and done["amount"] != amount:
        raise refused("REQUEST_AMOUNT_EXCEED", "不一致的请求")
    if done is None:
        rest = auth["amount"] - auth["paid"] - auth["released"]
        if auth["status"] != AUTHORIZED or amount > rest:
            raise refused("REQUEST_AMOUNT_EXCEED", "解冻金额超限")
        now = wire(gateway.clock.now())
        operation_id = f"{gateway.clock.now():%Y%m%d}{gateway.store.next_number('operation'):010d}"
        gateway.store.insert(
            "unfreeze", auth_no=auth_no, out_request_no=out_request_no, operation_id=operation_id,
            amount=amount, gmt_trans=now,
        )  # fmt: skip
        gateway.store.run(
            "UPDATE auth SET released = released + ?, status = ? WHERE auth_no = ?",
            amount, CLOSED if amount == rest else AUTHORIZED, auth_no,
        )  # fmt: skip
        gateway.notifier.auth_changed(
            find_auth(gateway, out_order_no=auth["out_order_no"]), operation="UNFREEZE"
        )
        gateway.notifier.wake()
    done = done or gateway.store.one(
        "SELECT * FROM unfreeze WHERE auth_no = ? AND out_request_no = ?", auth_no, out_request_no
    )
    assert done is not None
    return success(
        auth_no=auth_no,
        out_order_no=auth["out_order_no"],
        out_request_no=out_request_no,
        operation_id=done["operation_id"],
        amount=yuan(amount),
        status="SUCCESS",
        gmt_trans=done["gmt_trans"],
    )


def operation_query(gateway: Gateway, request: GatewayRequest) -> Node:
    """State of one freeze: `order_status` INIT, AUTHORIZED or CLOSED with its three totals."""
    auth = find_auth(gateway, out_order_no=request.out_no("out_order_no"))
    return success(
        auth_no=auth["auth_no"],
        out_order_no=auth["out_order_no"],
        out_request_no=auth["out_request_no"],
        operation_id=auth["operation_id"],
        order_title=auth["title"],
        order_status=auth["status"],
        operation_type="FREEZE",
        amount=yuan(auth["amount"]),
        status="SUCCESS" if auth["gmt_trans"] else "INIT",
        total_freeze_amount=yuan(auth["amount"]) if auth["gmt_trans"] else "0.00",
        total_pay_amount=yuan(auth["paid"]),
        rest_amount=yuan(auth["amount"] - auth["paid"] - auth["released"]) if auth["gmt_trans"] else "0.00",
        payer_user_id=BUYER_ID,
        gmt_create=auth["gmt_create"],
        gmt_trans=auth["gmt_trans"],
    )


def transfer(gateway: Gateway, request: GatewayRequest) -> Node:
    """Outgoing transfer, once per `out_biz_no`. The real gateway asks for certificate mode here."""
    out_biz_no, amount = request.out_no("out_biz_no"), request.amount("trans_amount")
    payee = request.terms.get("payee_info")
    if not isinstance(payee, dict) or not payee.get("identity"):
        raise bad_request("isv.missing-parameter", "payee_info.identity is missing")
    row = gateway.store.one("SELECT * FROM transfer WHERE out_biz_no = ?", out_biz_no)
    if row is not None and row["amount"] != amount:
        raise refused("REQUEST_PROCESSING", "不一致的请求")
    if row is None:
        order_id = f"{gateway.clock.now():%Y%m%d}{gateway.store.next_number('transfer'):010d}"
        gateway.store.insert(
            "transfer", out_biz_no=out_biz_no, order_id=order_id, amount=amount,
            payee=str(payee["identity"]), gmt_trans=wire(gateway.clock.now()),
        )  # fmt: skip
        row = gateway.store.one("SELECT * FROM transfer WHERE out_biz_no = ?", out_biz_no)
    assert row is not None
    return success(
        out_biz_no=out_biz_no, order_id=row["order_id"], pay_fund_order_id=row["order_id"],
        status="SUCCESS", trans_date=row["gmt_trans"],
    )  # fmt: skip


def find_auth(gateway: Gateway, *, out_order_no: str) -> Row:
    auth = gateway.store.one("SELECT * FROM auth WHERE out_order_no = ?", out_order_no)
    if auth is None:
        raise refused("AUTH_ORDER_NOT_EXIST", "资金授权订单不存在")
    return auth


def _open_auth(gateway: Gateway, request: GatewayRequest) -> Row:
    out_order_no, amount = request.out_no("out_order_no"), request.amount("amount")
    product_code = request.text("product_code")
    if product_code not in ("PRE_AUTH", "PRE_AUTH_ONLINE"):
        raise bad_request("isv.invalid-parameter", "product_code must be PRE_AUTH or PRE_AUTH_ONLINE")
    row = gateway.store.one("SELECT * FROM auth WHERE out_order_no = ?", out_order_no)
    if row is not None:
        if row["amount"] != amount or row["out_request_no"] != request.out_no("out_request_no"):
            raise refused("ORDER_ALREADY_EXIST", "资金授权订单信息不一致")
        return row
    number = gateway.store.next_number("auth")
    now = gateway.clock.now()
    gateway.store.insert(
        "auth",
        out_order_no=out_order_no,
        auth_no=f"{now:%Y%m%d}1000221{number:010d}",
        out_request_no=request.out_no("out_request_no"),
        operation_id=f"{now:%Y%m%d}{gateway.store.next_number('operation'):010d}",
        title=request.text("order_title"),
        amount=amount,
        status=INIT,
        payee_user_id=request.text("payee_user_id", needed=False) or gateway.seller_id,
        product_code=product_code,
        notify_url=request.notify_url,
        gmt_create=wire(now),
    )
    return find_auth(gateway, out_order_no=out_order_no)
