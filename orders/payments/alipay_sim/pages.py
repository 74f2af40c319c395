"""The cashier: a plain page where a tester pays or refuses, and the signed way back to the merchant."""

from html import escape
from urllib.parse import urlencode

from orders.payments.alipay_sim.clock import wire
from orders.payments.alipay_sim.errors import refused
from orders.payments.alipay_sim.gateway import Gateway
from orders.payments.alipay_sim.keys import sign_content
from orders.payments.alipay_sim.methods import fund
from orders.payments.alipay_sim.store import Row
from orders.payments.alipay_sim.trades import WAITING
from orders.payments.alipay_sim.wire import yuan

STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}"
    "td{padding:.2rem .6rem .2rem 0}button{font-size:1.1rem;padding:.6rem 1.4rem;margin:.4rem .4rem 0 0}"
)


def find_act(gateway: Gateway, *, token: str) -> Row:
    act = gateway.store.one("SELECT * FROM act WHERE token = ?", token)
    if act is None:
        raise refused("ACQ.TRADE_NOT_EXIST", "收银台页面不存在")
    return act


def cashier_page(gateway: Gateway, *, token: str) -> str:
    act = find_act(gateway, token=token)
    if act["out_order_no"]:
        auth = fund.find_auth(gateway, out_order_no=act["out_order_no"])
        rows = [(auth["out_order_no"], auth["title"], yuan(auth["amount"]))]
        total, open_still, verb = auth["amount"], auth["status"] == fund.INIT, "同意冻结 Freeze"
    else:
        trades = [gateway.trades.find(out_trade_no=n) for n in act["out_trade_nos"].split(",")]
        rows = [(t["out_trade_no"], t["subject"], yuan(t["amount"])) for t in trades]
        total, verb = sum(t["amount"] for t in trades), "付款 Pay"
        open_still = all(t["status"] == WAITING for t in trades)
    lines = "".join(
        f"<tr><td>{escape(number)}</td><td>{escape(subject)}</td><td>¥{amount}</td></tr>"
        for number, subject, amount in rows
    )
    form = (
        '<form method="post">'
        f'<button type="submit" name="action" value="pay">{verb}</button>'
        '<button type="submit" name="action" value="refuse">拒绝 Refuse</button></form>'
    )
    state = form if open_still else "<p>此页面已处理 This payment is no longer open.</p>"
    return page(title="支付宝收银台（模拟）", body=f"<table>{lines}</table><p>合计 ¥{yuan(total)}</p>{state}")


def decide(gateway: Gateway, *, token: str, action: str) -> str:
    """`pay` pays every trade of the act or none; `refuse` closes them. Returns where the buyer goes next."""
    act = find_act(gateway, token=token)
    if action not in ("pay", "refuse"):
        raise refused("ACQ.INVALID_PARAMETER", "action must be pay or refuse")
    if act["out_order_no"]:
        step = fund.authorise if action == "pay" else fund.decline
        step(gateway, out_order_no=act["out_order_no"])
    else:
        numbers = act["out_trade_nos"].split(",")
        with gateway.store.transaction():
            if action == "pay":
                gateway.trades.pay_all(numbers)
            else:
                for number in numbers:
                    gateway.trades.close(number)
    return _way_back(gateway, act)


def _way_back(gateway: Gateway, act: Row) -> str:
    """`return_url` with signed parameters; it carries no trade status and proves nothing."""
    if not act["return_url"]:
        return f"{gateway.base_url}/cashier/{act['token']}"
    fields = {
        "app_id": gateway.app_id,
        "auth_app_id": gateway.app_id,
        "charset": "utf-8",
        "method": act["method"] + ".return",
        "version": "1.0",
        "sign_type": "RSA2",
        "seller_id": gateway.seller_id,
        "timestamp": wire(gateway.clock.wall()),
    }
    if act["out_merge_no"]:
        fields["out_merge_no"] = act["out_merge_no"]
    elif act["out_order_no"]:
        fields["out_order_no"] = act["out_order_no"]
    else:
        trade = gateway.trades.find(out_trade_no=act["out_trade_nos"])
        fields |= {
            "out_trade_no": trade["out_trade_no"],
            "trade_no": trade["trade_no"],
            "total_amount": yuan(trade["amount"]),
            "seller_id": trade["seller_id"],
        }
    fields["sign"] = gateway.keys.sign(sign_content(fields, leave_out=("sign", "sign_type")))
    separator = "&" if "?" in act["return_url"] else "?"
    return str(act["return_url"]) + separator + urlencode(fields)


def page(*, title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="zh-Hans"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
