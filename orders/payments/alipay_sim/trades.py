"""The life of a trade at the gateway: created, paid, closed, refunded, finished.

WAIT_BUYER_PAY -> TRADE_SUCCESS -> TRADE_FINISHED; WAIT_BUYER_PAY -> TRADE_CLOSED (time-out, close);
TRADE_SUCCESS -> TRADE_CLOSED (refunded in full). A partial refund leaves TRADE_SUCCESS.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orders.payments.alipay_sim.clock import SimClock, wire
from orders.payments.alipay_sim.errors import TRADE_NOT_EXIST, refused
from orders.payments.alipay_sim.notify import Notifier
from orders.payments.alipay_sim.store import Row, Store
from orders.payments.alipay_sim.wire import BUYER_ID

WAITING, PAID, CLOSED, FINISHED = "WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED"


@dataclass(frozen=True, kw_only=True)
class TradeTerms:
    """What the merchant asks for; amounts in fen, `expires_at` on the wire format or empty."""

    out_trade_no: str
    subject: str
    amount: int
    seller_id: str
    sub_merchant: str = ""
    passback_params: str = ""
    notify_url: str = ""
    expires_at: str = ""


class Trades:
    def __init__(self, *, store: Store, clock: SimClock, notifier: Notifier) -> None:
        self.store, self.clock, self.notifier = store, clock, notifier

    def find(self, *, out_trade_no: str = "", trade_no: str = "") -> Row:
        """Looks by `trade_no` first, as the gateway does; a timed-out trade is closed on sight."""
        if trade_no:
            row = self.store.one("SELECT * FROM trade WHERE trade_no = ?", trade_no)
        else:
            row = self.store.one("SELECT * FROM trade WHERE out_trade_no = ?", out_trade_no)
        if row is None or (out_trade_no and row["out_trade_no"] != out_trade_no):
            raise refused(*TRADE_NOT_EXIST)
        if row["status"] == WAITING and row["expires_at"] and wire(self.clock.now()) > row["expires_at"]:
            self.close(row["out_trade_no"])
            return self.find(out_trade_no=row["out_trade_no"])
        return row

    def exists(self, out_trade_no: str) -> bool:
        return self.store.one("SELECT 1 FROM trade WHERE out_trade_no = ?", out_trade_no) is not None

    def open(self, terms: TradeTerms, *, product: str, waits_for_confirm: bool = False) -> Row:
        """Creates the trade, or returns the waiting one if the same terms come again."""
        with self.store.transaction():
            if self.exists(terms.out_trade_no):
                return self._reopen(terms)
            number = self.store.next_number("trade")
            now = self.clock.now()
            self.store.insert(
                "trade",
                out_trade_no=terms.out_trade_no,
                trade_no=f"{now:%Y%m%d}2200146880{number:010d}",
                seller_id=terms.seller_id,
                sub_merchant=terms.sub_merchant,
                subject=terms.subject,
                amount=terms.amount,
                status=WAITING,
                product=product,
                notify_url=terms.notify_url,
                passback_params=terms.passback_params,
                gmt_create=wire(now),
                expires_at=terms.expires_at,
                waits_for_confirm=int(waits_for_confirm),
            )
            return self.find(out_trade_no=terms.out_trade_no)

    def _reopen(self, terms: TradeTerms) -> Row:
        row = self.find(out_trade_no=terms.out_trade_no)
        if row["amount"] != terms.amount or row["seller_id"] != terms.seller_id:
            raise refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
        if row["status"] == CLOSED:
            raise refused("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
        if row["status"] != WAITING:
            raise refused("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
        return row

    def pay_all(self, out_trade_nos: Sequence[str], *, even_closed: bool = False, auth_no: str = "") -> None:
        """One act of the buyer: all trades are paid, or none. `even_closed` serves the late-success fault."""
        payable = (WAITING, CLOSED) if even_closed else (WAITING,)
        with self.store.transaction():
            for out_trade_no in out_trade_nos:
                row = self.find(out_trade_no=out_trade_no)
                if row["status"] not in payable:
                    raise refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
                self.store.run(
                    "UPDATE trade SET status = ?, gmt_payment = ?, buyer_id = ?, auth_no = ?, gmt_close = ''"
                    " WHERE out_trade_no = ?",
                    PAID, wire(self.clock.now()), BUYER_ID, auth_no, out_trade_no,
                )  # fmt: skip
                self.notifier.trade_changed(self.find(out_trade_no=out_trade_no))
        self.notifier.wake()

    def close(self, out_trade_no: str, *, notify: bool = True) -> Row:
        """Only a waiting trade can be closed."""
        with self.store.transaction():
            touched = self.store.run(
                "UPDATE trade SET status = ?, gmt_close = ? WHERE out_trade_no = ? AND status = ?",
                CLOSED, wire(self.clock.now()), out_trade_no, WAITING,
            )  # fmt: skip
            row = self.find(out_trade_no=out_trade_no)
            if not touched:
                raise refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
            if notify:
                self.notifier.trade_changed(row)
        self.notifier.wake()
        return row

    def finish(self, out_trade_no: str) -> None:
        """The refund period is over."""
        with self.store.transaction():
            if self.store.run(
                "UPDATE trade SET status = ? WHERE out_trade_no = ? AND status = ?",
                FINISHED,
                out_trade_no,
                PAID,
            ):
                self.notifier.trade_changed(self.find(out_trade_no=out_trade_no))
        self.notifier.wake()

    def refund(
        self, row: Row, *, out_request_no: str, amount: int, reason: str, slow: bool,
        taken_back: Mapping[str, int] | None = None,
    ) -> bool:  # fmt: skip
        """Moves money once per request number; returns whether money moved now.

        `slow` records the refund as still in work: the query names no status until it is asked twice.
        `taken_back`: receiver -> fen of royalty that comes back to the seller first.
        """
        with self.store.transaction():
            row = self.find(out_trade_no=row["out_trade_no"])
            earlier = self.store.one(
                "SELECT * FROM refund WHERE out_trade_no = ? AND out_request_no = ?",
                row["out_trade_no"], out_request_no,
            )  # fmt: skip
            if earlier is not None:
                if earlier["amount"] != amount:
                    raise refused("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求")
                return False
            row = self._take_royalty_back(row, out_request_no=out_request_no, taken_back=taken_back or {})
            self._check_refundable(row, amount=amount)
            self.store.insert(
                "refund",
                out_trade_no=row["out_trade_no"],
                out_request_no=out_request_no,
                amount=amount,
                status="PROCESSING" if slow else "REFUND_SUCCESS",
                reason=reason,
                gmt_refund=wire(self.clock.now()),
            )
            full = row["refunded"] + amount == row["amount"]
            self.store.run(
                "UPDATE trade SET refunded = refunded + ?, status = ?, gmt_close = ? WHERE out_trade_no = ?",
                amount, CLOSED if full else PAID, wire(self.clock.now()) if full else "", row["out_trade_no"],
            )  # fmt: skip
            self.notifier.trade_changed(self.find(out_trade_no=row["out_trade_no"]), refund_no=out_request_no)
        self.notifier.wake()
        return not slow

    def _take_royalty_back(self, row: Row, *, out_request_no: str, taken_back: Mapping[str, int]) -> Row:
        """From each receiver at most what was shared to him and not taken back yet."""
        shared: dict[str, int] = {}
        for royalty in self.store.all("SELECT details FROM royalty WHERE trade_no = ?", row["trade_no"]):
            for share in json.loads(royalty["details"]):
                shared[share["trans_in"]] = shared.get(share["trans_in"], 0) + share["amount"]
        for back in self.store.all(
            "SELECT trans_out, amount FROM royalty_back WHERE out_trade_no = ?", row["out_trade_no"]
        ):
            shared[back["trans_out"]] -= back["amount"]
        for receiver, amount in taken_back.items():
            if amount > shared.get(receiver, 0):
                raise refused("ACQ.REFUND_ROYALTY_AMOUNT_ERROR", "退分账金额超过已分账金额")
            self.store.insert(
                "royalty_back", out_trade_no=row["out_trade_no"], out_request_no=out_request_no,
                trans_out=receiver, amount=amount,
            )  # fmt: skip
        self.store.run(
            "UPDATE trade SET royalty = royalty - ? WHERE out_trade_no = ?",
            sum(taken_back.values()), row["out_trade_no"],
        )  # fmt: skip
        return self.find(out_trade_no=row["out_trade_no"])

    def _check_refundable(self, row: Row, *, amount: int) -> None:
        if row["status"] == FINISHED:
            raise refused("ACQ.TRADE_HAS_FINISHED", "交易已完结")
        if row["status"] != PAID:
            raise refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        if row["refunded"] + amount > row["amount"]:
            raise refused("ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效")
        if row["refunded"] + amount + row["royalty"] > row["amount"]:
            raise refused("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")

    def open_act(
        self, *, out_trade_nos: Sequence[str] = (), out_order_no: str = "", return_url: str,
        method: str, out_merge_no: str = "",
    ) -> str:  # fmt: skip
        """A cashier page for one act of paying; returns its token."""
        token = secrets.token_urlsafe(18)
        self.store.insert(
            "act",
            token=token,
            out_trade_nos=",".join(out_trade_nos),
            out_order_no=out_order_no,
            return_url=return_url,
            method=method,
            out_merge_no=out_merge_no,
        )
        return token
