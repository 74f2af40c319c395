"""What the product asks of a payment provider, and the plain answers it gets.

Every answer is one of done, refused, waiting or unknown. *Unknown* (time-out, odd status, bad signature,
provider busy) never means paid and never means failed: whoever gets it asks again with a query.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The provider's words, verified: `text` is the answer's own JSON object as it was signed."""

    outcome: Outcome
    code: str = ""
    sub_code: str = ""
    message: str = ""
    text: str = "{}"


class TradeStatus(StrEnum):
    ABSENT = "absent"
    """The provider knows no such trade: the buyer has not opened it yet, and still may pay it."""
    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"
    """Closed says nothing about money: unpaid and closed, or refunded in full."""
    FINISHED = "finished"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class TradeState:
    status: TradeStatus
    trade_no: str = ""
    amount_fen: int | None = None
    paid_at: datetime | None = None
    """Set whenever money has moved, also on a trade that was closed by a full refund."""
    buyer_id: str = ""
    reason: str = ""


class RefundStatus(StrEnum):
    MOVED = "moved"
    PENDING = "pending"
    """Accepted, or not found yet: only the query may call it done."""
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RefundState:
    status: RefundStatus
    amount_fen: int | None = None
    reason: str = ""


class FreezeStatus(StrEnum):
    ABSENT = "absent"
    WAITING = "waiting"
    FROZEN = "frozen"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class FreezeState:
    status: FreezeStatus
    auth_no: str = ""
    frozen_fen: int | None = None
    paid_fen: int = 0
    rest_fen: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class TradeOrder:
    """One trade to be paid: `out_trade_no` is never used again with another amount."""

    out_trade_no: str
    amount_fen: int
    subject: str
    seller_id: str = ""
    """The settling account; empty means the platform's own."""
    sub_merchant_id: str = ""
    """A sub-merchant (二级商户) whose money waits at the provider until `settle_confirm`."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """A fee taken out of a trade for a bound receiver."""

    receiver_id: str
    amount_fen: int
    note: str = ""


class NotificationKind(StrEnum):
    TRADE = "trade"
    REFUND = "refund"
    FREEZE = "freeze"


@dataclass(frozen=True, kw_only=True)
class Notification:
    """A notification whose signature fits; nothing else about it is believed yet."""

    kind: NotificationKind
    notify_id: str
    app_id: str
    seller_id: str
    out_trade_no: str
    """For a freeze: the freeze's own order number."""
    trade_no: str
    amount_fen: int
    status: TradeStatus
    paid_at: datetime | None
    buyer_id: str = ""
    refund_no: str = ""
    refunded_total_fen: int = 0


class GatewayError(Exception):
    """The provider did not do it. `permanent`: repeating the same request cannot help."""

    def __init__(self, message: str, *, code: str = "", permanent: bool) -> None:
        super().__init__(message)
        self.code, self.permanent = code, permanent


class BadSignature(GatewayError):
    """A message that does not come from the provider, or was changed on its way."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class Gateway(Protocol):
    """No method may be called inside a database transaction; each may take up to the transport's time-out."""

    name: str
    app_id: str
    seller_id: str

    def pay_link(
        self, *, merge_no: str, trades: Sequence[TradeOrder], return_url: str, notify_url: str,
        expires_at: datetime, mobile: bool = True,
    ) -> str:  # fmt: skip
        """The address where the buyer pays all `trades` in one act or none. Raises GatewayError."""
        ...

    def qr_code(self, *, trade: TradeOrder, notify_url: str, expires_at: datetime) -> str:
        """The text of a QR code, payable until it expires. Raises GatewayError."""
        ...

    def pay_with_code(self, *, trade: TradeOrder, auth_code: str, notify_url: str) -> TradeState: ...

    def query(self, *, out_trade_no: str) -> TradeState: ...

    def close(self, *, out_trade_no: str) -> TradeState:
        """CLOSED, ABSENT (counts as closed), PAID (too late) or UNKNOWN."""
        ...

    def cancel(self, *, out_trade_no: str) -> TradeState:
        """Closes or refunds in full; for payments by barcode that stay without an answer."""
        ...

    def refund(
        self,
        *,
        out_trade_no: str,
        refund_no: str,
        amount_fen: int,
        reason: str,
        taken_back: Sequence[Share] = (),
    ) -> RefundState: ...

    def query_refund(self, *, out_trade_no: str, refund_no: str) -> RefundState: ...

    def freeze_link(
        self,
        *,
        freeze_no: str,
        request_no: str,
        amount_fen: int,
        subject: str,
        payee_id: str,
        notify_url: str,
    ) -> str: ...

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
    ) -> FreezeState: ...

    def query_freeze(self, *, freeze_no: str, request_no: str) -> FreezeState: ...

    def capture(self, *, trade: TradeOrder, auth_no: str, notify_url: str) -> TradeState:
        """Pays `trade` out of the frozen sum and releases the rest."""
        ...

    def unfreeze(self, *, auth_no: str, request_no: str, amount_fen: int, reason: str) -> Answer: ...

    def settle_confirm(
        self, *, trade_no: str, request_no: str, amount_fen: int, merchant_id: str, hold: bool = False
    ) -> Answer:
        """Releases waiting money to its merchant, who may spend it only after the last `share` if `hold`."""
        ...

    def bind_receivers(self, *, request_no: str, receiver_ids: Sequence[str]) -> Answer: ...

    def share(self, *, trade_no: str, request_no: str, shares: Sequence[Share], final: bool) -> Answer: ...

    def query_share(self, *, trade_no: str, request_no: str) -> Answer:
        """DONE only if every receiver has his share."""
        ...

    def transfer(self, *, request_no: str, amount_fen: int, payee_id: str, title: str) -> Answer:
        """Our own money to `payee_id`; repeat with the same number until it is not UNKNOWN."""
        ...

    def register_merchant(self, *, external_id: str, name: str) -> str:
        """The sub-merchant's number, or empty while the provider reviews. Raises GatewayError."""
        ...

    def download_bill(self, *, kind: str, day: date) -> bytes | None:
        """The zip of a day's bill, or None while it is not ready. Raises GatewayError."""
        ...

    def read_notification(self, raw: bytes) -> Notification:
        """Raises BadSignature."""
        ...
