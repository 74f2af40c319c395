"""Releasing sellers' money (`settle.confirm`) and sharing fees out of it (royalty)."""

import json
from typing import Any

from orders.payments.alipay_sim.clock import wire
from orders.payments.alipay_sim.errors import bad_request, refused
from orders.payments.alipay_sim.gateway import Gateway, Node
from orders.payments.alipay_sim.trades import PAID
from orders.payments.alipay_sim.wire import GatewayRequest, fen, success, yuan

ROYALTY_CAP_PERCENT = 30
RECEIVERS_PER_REQUEST = 5
REQUESTS_PER_TRADE = 50
HOLD_S = 30 * 86_400


def settle_confirm(gateway: Gateway, request: GatewayRequest) -> Node:
    """Releases waiting money of one trade, in parts if wanted, once per request number."""
    out_request_no, trade = request.out_no("out_request_no"), _paid_trade(gateway, request)
    info = request.terms.get("settle_info")
    details = info.get("settle_detail_infos") if isinstance(info, dict) else None
    if not isinstance(details, list) or not details:
        raise bad_request("isv.missing-parameter", "settle_info.settle_detail_infos is missing")
    amount = sum(fen(detail.get("amount"), name="amount") for detail in details)
    done = gateway.store.one("SELECT * FROM settle_confirm WHERE out_request_no = ?", out_request_no)
    if done is not None and (done["amount"] != amount or done["trade_no"] != trade["trade_no"]):
        raise refused("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求")
    if done is None:
        if not trade["waits_for_confirm"]:
            raise refused("ACQ.TRADE_SETTLE_ERROR", "该交易不需要确认结算")
        if trade["confirmed"] + trade["refunded"] + amount > trade["amount"]:
            raise refused("ACQ.TRADE_SETTLE_ERROR", "确认结算金额超限")
        gateway.store.insert(
            "settle_confirm", out_request_no=out_request_no, trade_no=trade["trade_no"], amount=amount,
            gmt_settle=wire(gateway.clock.now()),
        )  # fmt: skip
        gateway.store.run(
            "UPDATE trade SET confirmed = confirmed + ? WHERE trade_no = ?", amount, trade["trade_no"]
        )
        if _extended(request, "royalty_freeze"):
            _hold(gateway, trade_no=trade["trade_no"])
    return success(trade_no=trade["trade_no"], out_request_no=out_request_no, settle_amount=yuan(amount))


def royalty_bind(gateway: Gateway, request: GatewayRequest) -> Node:
    """Binding the same receiver again is a success."""
    request.out_no("out_request_no")
    receivers = request.terms.get("receiver_list")
    if not isinstance(receivers, list) or not 1 <= len(receivers) <= 20:
        raise bad_request("isv.invalid-parameter", "receiver_list must hold 1 to 20 receivers")
    for receiver in receivers:
        account, kind = receiver.get("account"), receiver.get("type")
        if not account or kind not in ("userId", "loginName", "openId"):
            raise bad_request("isv.invalid-parameter", "a receiver needs type and account")
        gateway.store.run(
            "INSERT INTO royalty_receiver VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            account, kind, str(receiver.get("name", "")),
        )  # fmt: skip
    return success(result_code="SUCCESS")


def order_settle(gateway: Gateway, request: GatewayRequest) -> Node:
    """Synchronous sharing: all receivers or none, at most 30 % of the trade in total."""
    out_request_no, trade = request.out_no("out_request_no"), _paid_trade(gateway, request)
    shares = _shares(gateway, request.terms.get("royalty_parameters"))
    total = sum(share["amount"] for share in shares)
    details = json.dumps(shares, ensure_ascii=False, sort_keys=True)
    done = gateway.store.one(
        "SELECT * FROM royalty WHERE trade_no = ? AND out_request_no = ?", trade["trade_no"], out_request_no
    )
    if done is not None:
        if done["details"] != details:
            raise refused("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求")
        return success(trade_no=trade["trade_no"], settle_no=done["settle_no"])
    _check_share(gateway, trade_no=trade["trade_no"], total=total)
    settle_no = f"{gateway.clock.now():%Y%m%d}002{gateway.store.next_number('settle'):010d}"
    gateway.store.insert(
        "royalty", settle_no=settle_no, trade_no=trade["trade_no"], out_request_no=out_request_no,
        details=details, amount=total, gmt_settle=wire(gateway.clock.now()),
    )  # fmt: skip
    gateway.store.run("UPDATE trade SET royalty = royalty + ? WHERE trade_no = ?", total, trade["trade_no"])
    if _extended(request, "royalty_finish"):
        gateway.store.run("DELETE FROM royalty_hold WHERE trade_no = ?", trade["trade_no"])
    return success(trade_no=trade["trade_no"], settle_no=settle_no)


def order_settle_query(gateway: Gateway, request: GatewayRequest) -> Node:
    settle_no = request.text("settle_no", needed=False)
    if settle_no:
        row = gateway.store.one("SELECT * FROM royalty WHERE settle_no = ?", settle_no)
    else:
        row = gateway.store.one(
            "SELECT * FROM royalty WHERE trade_no = ? AND out_request_no = ?",
            request.text("trade_no"), request.text("out_request_no"),
        )  # fmt: skip
    if row is None:
        raise refused("ACQ.TRADE_SETTLE_NOT_EXIST", "结算订单不存在")
    return success(
        out_request_no=row["out_request_no"],
        operation_dt=row["gmt_settle"],
        royalty_detail_list=[
            {
                "operation_type": "transfer",
                "execute_dt": row["gmt_settle"],
                "trans_in": share["trans_in"],
                "trans_in_type": "userId",
                "amount": yuan(share["amount"]),
                "state": "SUCCESS",
            }
            for share in json.loads(row["details"])
        ],
    )


def _extended(request: GatewayRequest, name: str) -> bool:
    extend = request.terms.get("extend_params")
    return isinstance(extend, dict) and str(extend.get(name, "")).lower() == "true"


def _hold(gateway: Gateway, *, trade_no: str) -> None:
    """`royalty_freeze`: the merchant cannot spend it until a share with `royalty_finish`, or for 30 days."""
    until = wire(gateway.clock.now() + gateway.clock.scaled(seconds=HOLD_S))
    gateway.store.run(
        "INSERT INTO royalty_hold VALUES (?, ?) ON CONFLICT (trade_no) DO UPDATE SET until = excluded.until",
        trade_no, until,
    )  # fmt: skip


def _paid_trade(gateway: Gateway, request: GatewayRequest) -> Any:
    trade = gateway.trades.find(trade_no=request.text("trade_no"))
    if trade["status"] != PAID:
        raise refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    return trade


def _shares(gateway: Gateway, parameters: object) -> list[dict[str, Any]]:
    if not isinstance(parameters, list) or not 1 <= len(parameters) <= RECEIVERS_PER_REQUEST:
        raise bad_request(
            "isv.invalid-parameter", f"royalty_parameters must name 1 to {RECEIVERS_PER_REQUEST} receivers"
        )
    shares = []
    for parameter in parameters:
        receiver = str(parameter.get("trans_in", ""))
        if gateway.store.one("SELECT 1 FROM royalty_receiver WHERE account = ?", receiver) is None:
            raise refused("ACQ.ROYALTY_RELATION_NOT_EXIST", "未绑定的分账接收方")
        shares.append({"trans_in": receiver, "amount": fen(parameter.get("amount"), name="amount")})
    return shares


def _check_share(gateway: Gateway, *, trade_no: str, total: int) -> None:
    trade = gateway.trades.find(trade_no=trade_no)
    earlier = gateway.store.all("SELECT 1 FROM royalty WHERE trade_no = ?", trade_no)
    if len(earlier) >= REQUESTS_PER_TRADE:
        raise refused("ACQ.TRADE_SETTLE_ERROR", "分账次数超限")
    if (trade["royalty"] + total) * 100 > trade["amount"] * ROYALTY_CAP_PERCENT:
        raise refused("ACQ.ROYALTY_AMOUNT_EXCEED", "分账金额超出上限")
    if trade["royalty"] + trade["refunded"] + total > trade["amount"]:
        raise refused("ACQ.TRADE_SETTLE_ERROR", "可分账余额不足")
    if trade["waits_for_confirm"] and trade["royalty"] + total > trade["confirmed"]:
        raise refused("ACQ.TRADE_SETTLE_ERROR", "资金尚未确认结算")
