"""A statement's movements in words that a farmer reads. Words only: amounts come from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from marketplace.kernel.errors import N_
from marketplace.kernel.money import format_yuan
from orders.ledger.accounts import AccountKind
from orders.models import RefundReason

#: owner kind -> what a delivered line, or a delivery, is to him
EARNED = {
    "farmer": N_("卖出 {product}"),
    "station": N_("代办服务费 {product}"),
    "courier": N_("配送费"),
    "platform": N_("平台收入 {product}"),
}
#: a posting's kind -> the words for everybody
KINDS = {
    "taken_back": N_("退款扣回 {product}"),
    "goods_lost": N_("途中损耗赔付 {product}"),
    "settlement_ordered": N_("已通知支付宝放款"),
    "settlement_refused": N_("放款未成功，退回待放款"),
    "transfer_ordered": N_("已通知支付宝付款"),
    "transfer_refused": N_("付款未成功，退回待付款"),
    "returned": N_("退款由支付宝扣回"),
    "cash_deposited": N_("现金已上交"),
    "cash_difference": N_("现金盘点差额"),
}
OTHER = N_("其他往来")

PARTS = {
    "agreed": N_("下单金额"),
    "sale": N_("实收货款"),
    "fee": N_("配送费"),
    "commission": N_("平台服务费"),
    "station": N_("站点服务费"),
    "seller": N_("农户所得"),
    "courier": N_("配送所得"),
}
TOTALS = {
    "sales": N_("货款"),
    "fees": N_("服务费"),
    "earned": N_("服务收入"),
    "taken_back": N_("退款扣回"),
    "lost": N_("损耗赔付"),
    "paid_out": N_("已放款"),
    "other": N_("其他"),
}
#: an entry's account -> the name of its part
PART_OF = {
    AccountKind.COMMISSION: "commission",
    AccountKind.DELIVERY_INCOME: "commission",
    AccountKind.STATION_PAYABLE: "station",
    AccountKind.SELLER_PAYABLE: "seller",
    AccountKind.COURIER_PAYABLE: "courier",
}
OWNERS = {
    "farmer": N_("农户"),
    "station": N_("益农信息社"),
    "courier": N_("快递企业"),
    "platform": N_("平台"),
}
COLUMNS = (N_("时间"), N_("事项"), N_("订单号"), N_("明细"), N_("金额（元）"), N_("余额（元）"))


@dataclass(frozen=True, slots=True)
class Part:
    """One step from what was agreed to what the owner gets; `name` is stable, `label` is for people."""

    name: str
    label: str
    amount_fen: int


def title_of(*, owner_kind: str, kind: str, memo: str) -> str:
    pattern = EARNED[owner_kind] if kind == "settled" else KINDS.get(kind, OTHER)
    return gettext(pattern).format(product=memo).strip()


def part(name: str, amount_fen: int) -> Part:
    return Part(name, gettext(PARTS[name]), amount_fen)


def refund_part(reason: str, amount_fen: int) -> Part:
    """What went back to the buyer before the line was settled, by its reason."""
    return Part(f"refund_{reason}", str(RefundReason(reason).label), -amount_fen)


def detail_of(parts: Sequence[Part]) -> str:
    """The steps on one line, for a sheet: `下单金额 64.00，称重差额 -2.00`."""
    return "，".join(f"{step.label} {format_yuan(step.amount_fen)}" for step in parts)
