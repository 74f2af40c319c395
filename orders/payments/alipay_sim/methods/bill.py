"""The daily bill: ready the next day at nine, a zip of GBK CSV files behind a link that lives 30 s."""

import csv
import io
import secrets
import zipfile
from datetime import date, datetime, time, timedelta

from orders.payments.alipay_sim.clock import SHANGHAI
from orders.payments.alipay_sim.errors import bad_request, refused
from orders.payments.alipay_sim.gateway import Gateway, Node
from orders.payments.alipay_sim.store import Row
from orders.payments.alipay_sim.wire import BUYER_LOGON, GatewayRequest, success, yuan

LINK_LIFE_S = 30
READY_AT = time(9, 0)
FEE_PER_MILLE = 6
TRADE_HEADER = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称",
    "操作员", "终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）",
    "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）", "券名称", "商家红包消费金额（元）",
    "卡消费金额（元）", "退款批次号/请求号", "服务费（元）", "分润（元）", "备注",
)  # fmt: skip
ACCOUNT_HEADER = (
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）",
    "支出金额（-元）", "账户余额（元）", "交易渠道", "业务类型", "备注",
)  # fmt: skip


def download_url(gateway: Gateway, request: GatewayRequest) -> Node:
    bill_type, text = request.text("bill_type"), request.text("bill_date")
    if bill_type not in ("trade", "signcustomer"):
        raise bad_request("isv.invalid-parameter", "bill_type must be trade or signcustomer")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise bad_request("isv.invalid-parameter", "bill_date must be yyyy-MM-dd") from None
    ready = datetime.combine(day + timedelta(days=1), READY_AT, tzinfo=SHANGHAI)
    if gateway.clock.now() < ready:
        raise refused("isp.bill_not_exist", "账单尚未生成")
    token = secrets.token_urlsafe(18)
    expires = gateway.clock.wall() + timedelta(seconds=LINK_LIFE_S)
    gateway.store.insert(
        "bill_link", token=token, bill_type=bill_type, bill_date=text, expires_at=expires.timestamp()
    )
    return success(bill_download_url=f"{gateway.base_url}/bill/{token}")


def download(gateway: Gateway, *, token: str) -> bytes | None:
    """The zip, or None once the link is dead."""
    link = gateway.store.one("SELECT * FROM bill_link WHERE token = ?", token)
    if link is None or gateway.clock.wall().timestamp() > link["expires_at"]:
        return None
    day = link["bill_date"]
    rows = _trade_rows(gateway, day=day) if link["bill_type"] == "trade" else _account_rows(gateway, day=day)
    header = TRADE_HEADER if link["bill_type"] == "trade" else ACCOUNT_HEADER
    kind = "业务" if link["bill_type"] == "trade" else "账务"
    name = f"{gateway.seller_id}_{day.replace('-', '')}_{kind}明细"
    summary = f"#支付宝{kind}汇总查询\r\n门店编号,交易订单总笔数\r\n合计,{len(rows)}\r\n"
    details = _csv(gateway, day=day, header=header, rows=rows)
    return _packed({f"{name}.csv": details, f"{name}(汇总).csv": summary.encode("gbk")})


def _packed(files: dict[str, bytes]) -> bytes:
    """A zip with GBK names and no mark of it, as the real one: ASCII of the same length stands in first."""
    packed, names = io.BytesIO(), {}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(files.items()):
            wanted = name.encode("gbk")
            names[f"{number}".encode().rjust(len(wanted), b"_")] = wanted
            archive.writestr(f"{number}".rjust(len(wanted), "_"), content)
    raw = packed.getvalue()
    for stand_in, wanted in names.items():
        raw = raw.replace(stand_in, wanted)
    return raw


def fee(amount: int) -> int:
    """The provider's fee in fen, 0.6 % half up: what the bill shows as a negative column."""
    return (amount * FEE_PER_MILLE + 500) // 1000


def _trade_rows(gateway: Gateway, *, day: str) -> list[list[str]]:
    rows = []
    for trade in gateway.store.all(
        "SELECT * FROM trade WHERE gmt_payment LIKE ? ORDER BY gmt_payment", f"{day}%"
    ):
        rows.append(
            _trade_row(trade, kind="交易", amount=trade["amount"], done=trade["gmt_payment"], refund_no="")
        )
    refunds = gateway.store.all(
        "SELECT t.*, r.amount AS back, r.out_request_no, r.gmt_refund"
        " FROM refund r JOIN trade t USING (out_trade_no)"
        " WHERE r.gmt_refund LIKE ? AND r.status = 'REFUND_SUCCESS' ORDER BY r.gmt_refund", f"{day}%",
    )  # fmt: skip
    for row in refunds:
        rows.append(
            _trade_row(
                row, kind="退款", amount=-row["back"], done=row["gmt_refund"], refund_no=row["out_request_no"]
            )
        )
    return rows


def _trade_row(trade: Row, *, kind: str, amount: int, done: str, refund_no: str) -> list[str]:
    charged = -fee(amount) if amount > 0 else 0
    values = ["0.00"] * 4
    return [
        trade["trade_no"] + "\t", trade["out_trade_no"] + "\t", kind, trade["subject"], trade["gmt_create"],
        done, "", "", "", "", BUYER_LOGON, signed_yuan(amount), signed_yuan(amount), *values, "0.00", "",
        "0.00", "0.00", refund_no + "\t" if refund_no else "", signed_yuan(charged), "0.00",
        trade["seller_id"],
    ]  # fmt: skip


def _account_rows(gateway: Gateway, *, day: str) -> list[list[str]]:
    """One row per movement of the account: income, its fee, refunds, shares."""
    rows = []
    for number, source in enumerate(_trade_rows(gateway, day=day), start=1):
        amount, charged = source[11], source[22]
        income, spent = ("", amount) if amount.startswith("-") else (amount, "")
        common = [source[0], source[1], source[3], source[5], source[10]]
        kind = "在线支付" if income else "交易退款"
        rows.append([f"{number:010d}\t", *common, income, spent, "", "支付宝", kind, source[21]])
        if charged != "0.00":
            rows.append([f"{number:010d}F\t", *common, "", charged, "", "支付宝", "收费", ""])
    return rows


def _csv(gateway: Gateway, *, day: str, header: tuple[str, ...], rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    text.write("#支付宝业务明细查询\r\n")
    text.write(f"#账号：[{gateway.seller_id}]\r\n")
    text.write(f"#起始日期：[{day} 00:00:00]   终止日期：[{day} 24:00:00]\r\n")
    text.write(
        "#-----------------------------------------业务明细列表----------------------------------------\r\n"
    )
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    text.write(
        "#-----------------------------------------业务明细列表结束------------------------------------\r\n"
    )
    text.write(f"#导出时间：[{gateway.clock.now():%Y-%m-%d %H:%M:%S}]   共{len(rows)}笔\r\n")
    return text.getvalue().encode("gbk", "replace")


def signed_yuan(amount: int) -> str:
    return f"-{yuan(-amount)}" if amount < 0 else yuan(amount)
