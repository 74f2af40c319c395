"""Refunds: each request number moves money once; the query tells what became of it."""

from orders.payments.alipay_sim.errors import bad_request, refused
from orders.payments.alipay_sim.gateway import Gateway, Node
from orders.payments.alipay_sim.methods.pay import asked_trade
from orders.payments.alipay_sim.wire import BUYER_ID, BUYER_LOGON, GatewayRequest, fen, success, yuan


def refund(gateway: Gateway, request: GatewayRequest) -> Node:
    """`fund_change=Y` only if money moved with this very call; `refund_fee` is cumulative."""
    trade = asked_trade(gateway, request)
    amount = request.amount("refund_amount")
    out_request_no = request.text("out_request_no", needed=False)
    if not out_request_no:
        if amount != trade["amount"]:
            raise refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "部分退款必须传入退款请求号")
        out_request_no = trade["out_trade_no"]
    slow = gateway.faults.take(frozenset({"refund_slow"}), method=request.method) is not None
    moved = gateway.trades.refund(
        trade,
        out_request_no=out_request_no,
        amount=amount,
        reason=request.text("refund_reason", needed=False),
        slow=slow,
        taken_back=_taken_back(request.terms.get("refund_royalty_parameters")),
    )
    trade = gateway.trades.find(out_trade_no=trade["out_trade_no"])
    return success(
        trade_no=trade["trade_no"],
        out_trade_no=trade["out_trade_no"],
        buyer_logon_id=BUYER_LOGON,
        buyer_user_id=BUYER_ID,
        fund_change="Y" if moved else "N",
        refund_fee=yuan(trade["refunded"]),
        send_back_fee=yuan(amount) if moved else "0.00",
    )


def _taken_back(parameters: object) -> dict[str, int]:
    """receiver -> fen of what was shared to him and is taken back with this refund."""
    if parameters is None:
        return {}
    if not isinstance(parameters, list):
        raise bad_request("isv.invalid-parameter", "refund_royalty_parameters must be a list")
    back: dict[str, int] = {}
    for parameter in parameters:
        receiver = str(parameter.get("trans_out", ""))
        if not receiver:
            raise bad_request("isv.missing-parameter", "trans_out is missing in refund_royalty_parameters")
        back[receiver] = back.get(receiver, 0) + fen(parameter.get("amount"), name="amount")
    return back


def refund_query(gateway: Gateway, request: GatewayRequest) -> Node:
    """An empty 10000 answer means that no such refund exists, or that it is still in work."""
    trade = asked_trade(gateway, request)
    row = gateway.store.one(
        "SELECT * FROM refund WHERE out_trade_no = ? AND out_request_no = ?",
        trade["out_trade_no"], request.text("out_request_no"),
    )  # fmt: skip
    if row is None:
        return success()
    if row["status"] == "PROCESSING":
        gateway.store.run(
            "UPDATE refund SET status = 'REFUND_SUCCESS' WHERE out_trade_no = ? AND out_request_no = ?",
            row["out_trade_no"], row["out_request_no"],
        )  # fmt: skip
        return success(
            trade_no=trade["trade_no"],
            out_trade_no=trade["out_trade_no"],
            out_request_no=row["out_request_no"],
        )
    return success(
        trade_no=trade["trade_no"],
        out_trade_no=trade["out_trade_no"],
        out_request_no=row["out_request_no"],
        refund_status=row["status"],
        refund_amount=yuan(row["amount"]),
        total_amount=yuan(trade["amount"]),
        send_back_fee=yuan(row["amount"]),
        refund_reason=row["reason"],
        gmt_refund_pay=row["gmt_refund"],
    )
