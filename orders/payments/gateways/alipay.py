"""The Alipay gateway behind `base.Gateway`. Wire facts and their sources: docs/payments.md."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from orders.payments.gateways import alipay_messages as messages
from orders.payments.gateways.alipay_messages import trade_terms, wire_amount, wire_time
from orders.payments.gateways.base import (
    Answer,
    FreezeState,
    FreezeStatus,
    GatewayError,
    Notification,
    Outcome,
    RefundState,
    RefundStatus,
    Share,
    TradeOrder,
    TradeState,
    TradeStatus,
)
from orders.payments.gateways.sdk import request, response
from orders.payments.gateways.wire import AlipayWire

WAP_PAY = ("AlipayTradeWapPay", "QUICK_WAP_WAY")
PAGE_PAY = ("AlipayTradePagePay", "FAST_INSTANT_TRADE_PAY")
AGRICULTURE_MCC = "5411"
APPLICATION_PASSED = "99"
NO_APPLICATION = ("RESULT_NULL", "ORDER_NOT_EXIST", "isv.order-not-exist")
BILL_NOT_READY = ("isp.bill_not_exist", "BILL_NOT_EXIST")


class AlipayGateway:
    """One Alipay app. `seller_id` is the platform's own merchant number."""

    name = "alipay"

    def __init__(
        self, *, wire: AlipayWire, seller_id: str, pre_auth_product: str = "PRE_AUTH_ONLINE"
    ) -> None:
        """`pre_auth_product`, as contracted: PRE_AUTH at a counter, PRE_AUTH_ONLINE in the app."""
        self.wire, self.seller_id, self.pre_auth_product = wire, seller_id, pre_auth_product
        self.app_id = wire.app_id

    # paying

    def pay_link(
        self, *, merge_no: str, trades: Sequence[TradeOrder], return_url: str, notify_url: str,
        expires_at: datetime, mobile: bool = True,
    ) -> str:  # fmt: skip
        """One trade goes by `wap.pay` or `page.pay`; several by merge pay: all of them or none."""
        if len(trades) == 1:
            api, product = (
                ("AlipayTradeWapPay", "QUICK_WAP_WAY")
                if mobile
                else ("AlipayTradePagePay", "FAST_INSTANT_TRADE_PAY")
            )
            terms = trade_terms(trades[0]) | {"product_code": product, "time_expire": wire_time(expires_at)}
            return self.wire.link(request(api, terms, notify_url=notify_url, return_url=return_url))
        merge = {
            "out_merge_no": merge_no,
            "order_details": [
                trade_terms(trade) | {"app_id": self.app_id, "product_code": "QUICK_WAP_WAY"}
                for trade in trades
            ],
        }
        if not mobile:
            built = request("AlipayTradePageMergePay", merge, notify_url=notify_url, return_url=return_url)
            return self.wire.link(built)
        merge["time_expire"] = wire_time(expires_at)
        answer = self.wire.call(request("AlipayTradeMergePrecreate", merge, notify_url=notify_url))
        pre_order_no = response("AlipayTradeMergePrecreate", _done(answer)).pre_order_no
        terms = {"pre_order_no": pre_order_no}
        return self.wire.link(request("AlipayTradeWapMergePay", terms, return_url=return_url))

    def qr_code(self, *, trade: TradeOrder, notify_url: str, expires_at: datetime) -> str:
        terms = trade_terms(trade) | {"time_expire": wire_time(expires_at)}
        answer = self.wire.call(request("AlipayTradePrecreate", terms, notify_url=notify_url))
        return str(response("AlipayTradePrecreate", _done(answer)).qr_code)

    def pay_with_code(self, *, trade: TradeOrder, auth_code: str, notify_url: str) -> TradeState:
        """WAITING while the buyer types his password: query, and cancel after about 60 s."""
        terms = trade_terms(trade) | {"auth_code": auth_code, "scene": "bar_code"}
        return self._pay(terms, notify_url=notify_url)

    def capture(self, *, trade: TradeOrder, auth_no: str, notify_url: str) -> TradeState:
        terms = trade_terms(trade) | {
            "auth_no": auth_no,
            "product_code": self.pre_auth_product,
            "auth_confirm_mode": "COMPLETE",
        }
        return self._pay(terms, notify_url=notify_url)

    def _pay(self, terms: dict[str, object], *, notify_url: str) -> TradeState:
        answer = self.wire.call(request("AlipayTradePay", terms, notify_url=notify_url))
        parsed = response("AlipayTradePay", answer)
        if answer.outcome is Outcome.DONE:
            return TradeState(
                status=TradeStatus.PAID,
                trade_no=parsed.trade_no or "",
                amount_fen=messages.optional_fen(parsed.total_amount),
                paid_at=messages.optional_time(parsed.gmt_payment),
                buyer_id=parsed.buyer_user_id or parsed.buyer_open_id or "",
            )
        if answer.outcome is Outcome.WAITING:
            return TradeState(status=TradeStatus.WAITING, trade_no=parsed.trade_no or "")
        if answer.sub_code == "ACQ.TRADE_HAS_SUCCESS":  # our own earlier call, whose answer was lost
            return self.query(out_trade_no=str(terms["out_trade_no"]))
        if answer.outcome is Outcome.REFUSED:
            return TradeState(status=TradeStatus.ABSENT, reason=answer.sub_code)
        return TradeState(status=TradeStatus.UNKNOWN, reason=answer.message)

    # asking and ending

    def query(self, *, out_trade_no: str) -> TradeState:
        answer = self.wire.call(request("AlipayTradeQuery", {"out_trade_no": out_trade_no}))
        return messages.trade_state(answer, response("AlipayTradeQuery", answer))

    def close(self, *, out_trade_no: str) -> TradeState:
        """A refusal is settled by a query: the trade may be paid, closed, or never have been opened."""
        answer = self.wire.call(request("AlipayTradeClose", {"out_trade_no": out_trade_no}))
        if answer.outcome is Outcome.DONE:
            return TradeState(status=TradeStatus.CLOSED)
        if answer.sub_code == "ACQ.TRADE_NOT_EXIST":
            return TradeState(status=TradeStatus.ABSENT, reason=answer.sub_code)
        return self.query(out_trade_no=out_trade_no)

    def cancel(self, *, out_trade_no: str) -> TradeState:
        answer = self.wire.call(request("AlipayTradeCancel", {"out_trade_no": out_trade_no}))
        if answer.outcome is not Outcome.DONE:
            return self.query(out_trade_no=out_trade_no)
        parsed = response("AlipayTradeCancel", answer)
        if parsed.retry_flag == "Y":
            return TradeState(status=TradeStatus.UNKNOWN, reason="cancel asks to be repeated")
        return TradeState(
            status=TradeStatus.CLOSED, trade_no=parsed.trade_no or "", reason=parsed.action or ""
        )

    # refunds

    def refund(
        self,
        *,
        out_trade_no: str,
        refund_no: str,
        amount_fen: int,
        reason: str,
        taken_back: Sequence[Share] = (),
    ) -> RefundState:
        """MOVED only on `fund_change=Y`; the same `refund_no` never moves money twice."""
        terms = {
            "out_trade_no": out_trade_no,
            "out_request_no": refund_no,
            "refund_amount": wire_amount(amount_fen),
            "refund_reason": reason[:256],
            "refund_royalty_parameters": [
                {"trans_out": share.receiver_id, "amount": wire_amount(share.amount_fen), "desc": share.note}
                for share in taken_back
            ],
        }
        answer = self.wire.call(request("AlipayTradeRefund", terms))
        if answer.outcome is Outcome.REFUSED:
            return RefundState(status=RefundStatus.REFUSED, reason=answer.sub_code)
        if answer.outcome is not Outcome.DONE:
            return RefundState(status=RefundStatus.UNKNOWN, reason=answer.sub_code or answer.message)
        moved = response("AlipayTradeRefund", answer).fund_change == "Y"
        return RefundState(
            status=RefundStatus.MOVED if moved else RefundStatus.PENDING,
            amount_fen=amount_fen if moved else None,
        )

    def query_refund(self, *, out_trade_no: str, refund_no: str) -> RefundState:
        """Only REFUND_SUCCESS is final; an empty answer is PENDING: not found, or still in work."""
        terms = {"out_trade_no": out_trade_no, "out_request_no": refund_no}
        answer = self.wire.call(request("AlipayTradeFastpayRefundQuery", terms))
        if answer.outcome is not Outcome.DONE:
            return RefundState(status=RefundStatus.UNKNOWN, reason=answer.sub_code or answer.message)
        parsed = response("AlipayTradeFastpayRefundQuery", answer)
        if parsed.refund_status != "REFUND_SUCCESS":
            return RefundState(status=RefundStatus.PENDING, reason=str(parsed.refund_status or ""))
        return RefundState(status=RefundStatus.MOVED, amount_fen=messages.optional_fen(parsed.refund_amount))

    # pre-authorisation

    def freeze_link(
        self,
        *,
        freeze_no: str,
        request_no: str,
        amount_fen: int,
        subject: str,
        payee_id: str,
        notify_url: str,
    ) -> str:
        terms = {
            "out_order_no": freeze_no,
            "out_request_no": request_no,
            "order_title": subject[:100],
            "amount": wire_amount(amount_fen),
            "product_code": self.pre_auth_product,
            "payee_user_id": payee_id or self.seller_id,
        }
        return self.wire.link(request("AlipayFundAuthOrderAppFreeze", terms, notify_url=notify_url))

    def freeze_with_code(
        self,
        *,
        freeze_no: str,
        request_no: str,
        amount_fen: int,
        subject: str,
        payee_id: str,
        auth_code: str,
        notify_url: str,
    ) -> FreezeState:
        """A code shown at the counter freezes at once. Anything unclear is settled by `query_freeze`."""
        terms = {
            "out_order_no": freeze_no,
            "out_request_no": request_no,
            "order_title": subject[:100],
            "amount": wire_amount(amount_fen),
            "product_code": self.pre_auth_product,
            "payee_user_id": payee_id or self.seller_id,
            "auth_code": auth_code,
            "auth_code_type": "bar_code",
        }
        answer = self.wire.call(request("AlipayFundAuthOrderFreeze", terms, notify_url=notify_url))
        if answer.outcome is Outcome.REFUSED:
            return FreezeState(status=FreezeStatus.ABSENT, reason=answer.sub_code)
        return self.query_freeze(freeze_no=freeze_no, request_no=request_no)

    def query_freeze(self, *, freeze_no: str, request_no: str) -> FreezeState:
        terms = {"out_order_no": freeze_no, "out_request_no": request_no, "operation_type": "FREEZE"}
        answer = self.wire.call(request("AlipayFundAuthOperationDetailQuery", terms))
        state = messages.freeze_state(answer, response("AlipayFundAuthOperationDetailQuery", answer))
        if state.status is FreezeStatus.FROZEN and state.frozen_fen is None:
            return FreezeState(status=FreezeStatus.UNKNOWN, reason="frozen without an amount")
        return state

    def unfreeze(self, *, auth_no: str, request_no: str, amount_fen: int, reason: str) -> Answer:
        terms = {
            "auth_no": auth_no,
            "out_request_no": request_no,
            "amount": wire_amount(amount_fen),
            "remark": reason[:100],
        }
        return self.wire.call(request("AlipayFundAuthOrderUnfreeze", terms))

    # settlement

    def settle_confirm(
        self, *, trade_no: str, request_no: str, amount_fen: int, merchant_id: str, hold: bool = False
    ) -> Answer:
        """Releases a sub-merchant's waiting money; repeat with the same number until it is not UNKNOWN."""
        detail = {
            "trans_in_type": "defaultSettle",
            "settle_entity_type": "SecondMerchant",
            "settle_entity_id": merchant_id,
            "amount": wire_amount(amount_fen),
        }
        terms = {
            "trade_no": trade_no,
            "out_request_no": request_no,
            "settle_info": {"settle_detail_infos": [detail]},
            "extend_params": {"royalty_freeze": "true"} if hold else {},
        }
        return self.wire.call(request("AlipayTradeSettleConfirm", terms))

    def bind_receivers(self, *, request_no: str, receiver_ids: Sequence[str]) -> Answer:
        receivers = [{"type": "userId", "account": account} for account in receiver_ids]
        terms = {"out_request_no": request_no, "receiver_list": receivers}
        return self.wire.call(request("AlipayTradeRoyaltyRelationBind", terms))

    def share(self, *, trade_no: str, request_no: str, shares: Sequence[Share], final: bool) -> Answer:
        """Synchronous sharing: all receivers or none. `final` frees what was held back for sharing."""
        terms = {
            "trade_no": trade_no,
            "out_request_no": request_no,
            "royalty_parameters": [
                {
                    "royalty_type": "transfer",
                    "trans_in_type": "userId",
                    "trans_in": share.receiver_id,
                    "amount": wire_amount(share.amount_fen),
                    "desc": share.note,
                }
                for share in shares
            ],
            "extend_params": {"royalty_finish": "true"} if final else {},
        }
        return self.wire.call(request("AlipayTradeOrderSettle", terms))

    def query_share(self, *, trade_no: str, request_no: str) -> Answer:
        terms = {"trade_no": trade_no, "out_request_no": request_no}
        answer = self.wire.call(request("AlipayTradeOrderSettleQuery", terms))
        if answer.outcome is not Outcome.DONE:
            return answer
        details = response("AlipayTradeOrderSettleQuery", answer).royalty_detail_list or []
        states = {str(detail.state) for detail in details}
        if states == {"SUCCESS"}:
            return answer
        outcome = Outcome.REFUSED if "FAIL" in states else Outcome.UNKNOWN
        return replace(answer, outcome=outcome, message=",".join(sorted(states)) or "no shares")

    def transfer(self, *, request_no: str, amount_fen: int, payee_id: str, title: str) -> Answer:
        """DONE only if the provider says SUCCESS; a transfer that is still being worked on is UNKNOWN."""
        terms = {
            "out_biz_no": request_no,
            "trans_amount": wire_amount(amount_fen),
            "product_code": "TRANS_ACCOUNT_NO_PWD",
            "biz_scene": "DIRECT_TRANSFER",
            "order_title": title[:128],
            "payee_info": {"identity": payee_id, "identity_type": "ALIPAY_USER_ID"},
        }
        answer = self.wire.call(request("AlipayFundTransUniTransfer", terms))
        if answer.outcome is not Outcome.DONE:
            return answer
        status = str(response("AlipayFundTransUniTransfer", answer).status)
        outcome = {"SUCCESS": Outcome.DONE, "FAIL": Outcome.REFUSED}.get(status, Outcome.UNKNOWN)
        return replace(answer, outcome=outcome, message=status)

    # sellers

    def register_merchant(self, *, external_id: str, name: str) -> str:
        """Asks first: the application is sent once, and reviewed by Alipay before there is a number."""
        orders = self._applications(external_id)
        if not orders:
            terms = {"external_id": external_id, "name": name, "alias_name": name, "mcc": AGRICULTURE_MCC}
            _done(self.wire.call(request("AntMerchantExpandIndirectZftSimplecreate", terms)))
            orders = self._applications(external_id)
        passed = [order for order in orders if order.status == APPLICATION_PASSED and order.smid]
        return str(passed[0].smid) if passed else ""

    def _applications(self, external_id: str) -> list[Any]:
        answer = self.wire.call(
            request("AntMerchantExpandIndirectZftorderQuery", {"external_id": external_id})
        )
        if answer.outcome is Outcome.REFUSED and answer.sub_code in NO_APPLICATION:
            return []
        return response("AntMerchantExpandIndirectZftorderQuery", _done(answer)).orders or []

    # bills and messages

    def download_bill(self, *, kind: str, day: date) -> bytes | None:
        terms = {"bill_type": kind, "bill_date": day.isoformat()}
        answer = self.wire.call(request("AlipayDataDataserviceBillDownloadurlQuery", terms))
        if answer.outcome is Outcome.REFUSED and answer.sub_code in BILL_NOT_READY:
            return None
        url = response("AlipayDataDataserviceBillDownloadurlQuery", _done(answer)).bill_download_url
        raw = self.wire.get(str(url))
        if raw is None:
            raise GatewayError("the bill could not be downloaded", permanent=False)
        return raw

    def read_notification(self, raw: bytes) -> Notification:
        return messages.read_notification(self.wire, raw)


def _done(answer: Answer) -> Answer:
    """The answer if it is a plain success. Raises GatewayError, permanent only for a clear refusal."""
    if answer.outcome is Outcome.DONE:
        return answer
    raise GatewayError(
        answer.message, code=answer.sub_code or answer.code, permanent=answer.outcome is Outcome.REFUSED
    )
