"""Texts of the Alipay wire turned into plain values, and back."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from marketplace.kernel.clock import SHANGHAI
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.money import format_yuan, parse_yuan
from orders.payments.gateways.base import (
    Answer,
    BadSignature,
    FreezeState,
    FreezeStatus,
    Notification,
    NotificationKind,
    Outcome,
    TradeOrder,
    TradeState,
    TradeStatus,
)
from orders.payments.gateways.wire import AlipayWire

TRADE_STATUS = {
    "WAIT_BUYER_PAY": TradeStatus.WAITING,
    "TRADE_SUCCESS": TradeStatus.PAID,
    "TRADE_CLOSED": TradeStatus.CLOSED,
    "TRADE_FINISHED": TradeStatus.FINISHED,
}
FREEZE_STATUS = {
    "INIT": FreezeStatus.WAITING,
    "AUTHORIZED": FreezeStatus.FROZEN,
    "CLOSED": FreezeStatus.CLOSED,
}
_WIDE = str.maketrans("/=&", "／＝＆")
FREEZE_TYPES = ("fund_auth_freeze", "fund_auth_unfreeze")


def wire_amount(amount_fen: int) -> str:
    """The one way in which an amount reaches the wire; the gateway takes nothing below one fen."""
    if amount_fen <= 0:
        raise ValueError(f"{amount_fen} fen cannot be sent to the gateway")
    return format_yuan(amount_fen)


def wire_time(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def optional_time(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text)[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        return None


def optional_fen(text: object) -> int | None:
    """None for anything that is no plain amount: the caller then trusts nothing about it."""
    try:
        return parse_yuan(str(text))
    except InvalidInput:
        return None


def wire_subject(text: str) -> str:
    """The gateway refuses `/`, `=` and `&` in a subject; their wide forms read the same."""
    return text.translate(_WIDE)[:256]


def trade_terms(trade: TradeOrder) -> dict[str, Any]:
    """The terms of one trade; a sub-merchant's money waits at the provider for the confirmation."""
    terms: dict[str, Any] = {
        "out_trade_no": trade.out_trade_no,
        "subject": wire_subject(trade.subject),
        "total_amount": wire_amount(trade.amount_fen),
        "seller_id": trade.seller_id,
    }
    if trade.sub_merchant_id:
        terms["sub_merchant"] = {"merchant_id": trade.sub_merchant_id, "merchant_type": "alipay"}
        terms["settle_info"] = {
            "settle_detail_infos": [
                {"amount": wire_amount(trade.amount_fen), "trans_in_type": "defaultSettle"}
            ]
        }
    return terms


def trade_state(answer: Answer, parsed: Any) -> TradeState:
    """What a query says: `paid_at` is set only if the gateway says when money moved."""
    if answer.outcome is Outcome.REFUSED:
        if answer.sub_code == "ACQ.TRADE_NOT_EXIST":
            return TradeState(status=TradeStatus.ABSENT, reason=answer.sub_code)
        return TradeState(status=TradeStatus.UNKNOWN, reason=f"{answer.code} {answer.sub_code}")
    if answer.outcome is not Outcome.DONE:
        return TradeState(status=TradeStatus.UNKNOWN, reason=answer.sub_code or answer.message)
    status = TRADE_STATUS.get(str(parsed.trade_status), TradeStatus.UNKNOWN)
    return TradeState(
        status=status,
        trade_no=parsed.trade_no or "",
        amount_fen=optional_fen(parsed.total_amount),
        paid_at=optional_time(parsed.send_pay_date),
        buyer_id=parsed.buyer_user_id or parsed.buyer_open_id or "",
        reason=str(parsed.trade_status),
    )


def freeze_state(answer: Answer, parsed: Any) -> FreezeState:
    if answer.outcome is Outcome.REFUSED and answer.sub_code == "AUTH_ORDER_NOT_EXIST":
        return FreezeState(status=FreezeStatus.ABSENT, reason=answer.sub_code)
    if answer.outcome is not Outcome.DONE:
        return FreezeState(status=FreezeStatus.UNKNOWN, reason=answer.sub_code or answer.message)
    return FreezeState(
        status=FREEZE_STATUS.get(str(parsed.order_status), FreezeStatus.UNKNOWN),
        auth_no=parsed.auth_no or "",
        frozen_fen=optional_fen(parsed.amount),
        paid_fen=optional_fen(parsed.total_pay_amount) or 0,
        rest_fen=optional_fen(parsed.rest_amount) or 0,
        reason=str(parsed.order_status),
    )


def read_notification(wire: AlipayWire, raw: bytes) -> Notification:
    """Raises BadSignature. A field sent twice is refused with it: only one of the two was signed."""
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise BadSignature("the notification is no form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadSignature("the notification repeats a field")
    if not wire.verify(fields):
        raise BadSignature("the notification's signature does not fit")
    return _notification(fields)


def _notification(fields: dict[str, str]) -> Notification:
    freeze = fields.get("notify_type") in FREEZE_TYPES
    refund = bool(fields.get("refund_fee"))  # also one that was made behind our back, without our number
    if freeze:
        kind = NotificationKind.FREEZE
    else:
        kind = NotificationKind.REFUND if refund else NotificationKind.TRADE
    return Notification(
        kind=kind,
        notify_id=fields.get("notify_id", ""),
        app_id=fields.get("app_id", ""),
        seller_id=fields.get("payee_user_id" if freeze else "seller_id", ""),
        out_trade_no=fields.get("out_order_no" if freeze else "out_trade_no", ""),
        trade_no=fields.get("auth_no" if freeze else "trade_no", ""),
        amount_fen=optional_fen(fields.get("amount" if freeze else "total_amount")) or 0,
        status=TRADE_STATUS.get(fields.get("trade_status", ""), TradeStatus.UNKNOWN),
        paid_at=optional_time(fields.get("gmt_payment")),
        buyer_id=fields.get("buyer_id", fields.get("buyer_open_id", "")),
        refund_no=fields.get("out_biz_no", "") if refund else "",
        refunded_total_fen=optional_fen(fields.get("refund_fee", "0")) or 0,
    )
