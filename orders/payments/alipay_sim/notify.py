"""Notifications: written with the change they tell of, sent until the receiver says `success`."""

import http.client
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

from orders.payments.alipay_sim.clock import SimClock, wire
from orders.payments.alipay_sim.faults import NOTIFY_FAULTS, Faults
from orders.payments.alipay_sim.keys import SimKeys, sign_content
from orders.payments.alipay_sim.store import Row, Store
from orders.payments.alipay_sim.wire import BUYER_ID, yuan

log = logging.getLogger(__name__)

MINUTE, HOUR = 60, 3600
RETRY_AFTER_S = (4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR)
TIMEOUT_S = 10
REPLY_OK = b"success"


class Notifier:
    """One dispatcher thread looks for due rows; four senders deliver them. Rows survive a restart."""

    def __init__(self, *, store: Store, clock: SimClock, keys: SimKeys, faults: Faults, app_id: str) -> None:
        self._store, self._clock, self._keys, self._faults = store, clock, keys, faults
        self._app_id = app_id
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._senders = ThreadPoolExecutor(max_workers=4, thread_name_prefix="notify")
        self._dispatcher = threading.Thread(target=self._run, name="notify-dispatch", daemon=True)

    def start(self) -> None:
        self._store.run("UPDATE notification SET state = 'due' WHERE state = 'sending'")  # a killed process
        self._dispatcher.start()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        self._dispatcher.join(timeout=5)
        self._senders.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        self._wake.set()

    def trade_changed(self, trade: Row, *, refund_no: str = "") -> None:
        """Queues the notification of a trade's new state; none is sent while it waits for the buyer."""
        if not trade["notify_url"] or trade["status"] == "WAIT_BUYER_PAY":
            return
        fields = self._trade_fields(trade, refund_no=refund_no)
        self._queue(fields, url=trade["notify_url"], about=trade["out_trade_no"])

    def auth_changed(self, auth: Row, *, operation: str) -> None:
        if not auth["notify_url"]:
            return
        fields = {
            "notify_type": "fund_auth_freeze" if operation == "FREEZE" else "fund_auth_unfreeze",
            "auth_no": auth["auth_no"],
            "out_order_no": auth["out_order_no"],
            "out_request_no": auth["out_request_no"],
            "operation_id": auth["operation_id"],
            "operation_type": operation,
            "amount": yuan(auth["amount"]),
            "status": "SUCCESS",
            "gmt_create": auth["gmt_create"],
            "gmt_trans": auth["gmt_trans"],
            "payee_user_id": auth["payee_user_id"],
            "payer_user_id": BUYER_ID,
            "total_freeze_amount": yuan(auth["amount"]),
            "total_pay_amount": yuan(auth["paid"]),
            "total_unfreeze_amount": yuan(auth["released"]),
            "rest_amount": yuan(auth["amount"] - auth["paid"] - auth["released"]),
        }
        self._queue(fields, url=auth["notify_url"], about=auth["out_order_no"])

    def _trade_fields(self, trade: Row, *, refund_no: str) -> dict[str, str]:
        amount = yuan(trade["amount"])
        paid = bool(trade["gmt_payment"])
        fields = {
            "notify_type": "trade_status_sync",
            "trade_no": trade["trade_no"],
            "out_trade_no": trade["out_trade_no"],
            "buyer_id": trade["buyer_id"],
            "seller_id": trade["seller_id"],
            "trade_status": trade["status"],
            "total_amount": amount,
            "receipt_amount": amount if paid else "",
            "buyer_pay_amount": amount if paid else "",
            "subject": trade["subject"],
            "gmt_create": trade["gmt_create"],
            "gmt_payment": trade["gmt_payment"],
            "gmt_close": trade["gmt_close"],
            "fund_bill_list": f'[{{"amount":"{amount}","fundChannel":"ALIPAYACCOUNT"}}]' if paid else "",
            "passback_params": trade["passback_params"],
        }
        if refund_no:
            fields |= {
                "refund_fee": yuan(trade["refunded"]),
                "gmt_refund": wire(self._clock.now()),
                "out_biz_no": refund_no,
            }
        return fields

    def _queue(self, fields: dict[str, str], *, url: str, about: str) -> None:
        now = self._clock.now()
        number = self._store.next_number("notification")
        fields |= {
            "notify_time": wire(now),
            "notify_id": f"{now:%Y%m%d}00222{number:015d}",
            "app_id": self._app_id,
            "charset": "utf-8",
            "version": "1.0",
            "sign_type": "RSA2",
        }
        fault = self._faults.take(NOTIFY_FAULTS, method=fields.get("trade_status", "*"))
        kind = fault["kind"] if fault else ""
        fields = {k: v for k, v in _spoil_before_signing(fields, kind=kind).items() if v}
        fields["sign"] = self._keys.sign(
            sign_content(fields, leave_out=("sign", "sign_type")), sha1=kind == "notify_sha1"
        )
        fields = _spoil_after_signing(fields, kind=kind)
        due_at = now.timestamp()
        if kind == "notify_late":
            due_at += float(fault["value"] or 60) if fault else 0
        state = {"notify_lost": "lost", "notify_reorder": "held"}.get(kind, "due")
        for _ in range(2 if kind == "notify_duplicate" else 1):
            self._store.insert(
                "notification",
                notify_id=fields["notify_id"],
                about=about,
                url=url,
                body=urlencode(fields),
                due_at=due_at,
                state=state,
            )
        if state == "due":
            self._release_held(after=due_at)

    def _release_held(self, *, after: float) -> None:
        """A notification held for `notify_reorder` goes out behind the next one."""
        self._store.run("UPDATE notification SET state = 'due', due_at = ? WHERE state = 'held'", after + 0.2)

    def _run(self) -> None:
        while not self._stop.is_set():
            due = self._store.all(
                "SELECT * FROM notification WHERE state = 'due' AND due_at <= ? ORDER BY due_at LIMIT 50",
                self._clock.now().timestamp(),
            )
            for row in due:
                self._store.run("UPDATE notification SET state = 'sending' WHERE id = ?", row["id"])
                self._senders.submit(self._deliver, row)
            if not due:
                self._wake.wait(timeout=0.05)
                self._wake.clear()

    def _deliver(self, row: Row) -> None:
        reply = _post(row["url"], row["body"])
        attempts = row["attempts"] + 1
        if reply == REPLY_OK:
            state, due_at = "delivered", row["due_at"]
        elif attempts > len(RETRY_AFTER_S):
            state, due_at = "given_up", row["due_at"]
        else:
            wait = self._clock.scaled(seconds=RETRY_AFTER_S[attempts - 1])
            state, due_at = "due", (self._clock.now() + wait).timestamp()
        self._store.run(
            "UPDATE notification SET state = ?, attempts = ?, due_at = ?, last_reply = ? WHERE id = ?",
            state, attempts, due_at, reply[:200].decode("utf-8", "replace"), row["id"],
        )  # fmt: skip


def _spoil_before_signing(fields: dict[str, str], *, kind: str) -> dict[str, str]:
    changes = {
        "notify_wrong_amount": {"total_amount": "0.01"},
        "notify_wrong_app": {"app_id": "2021000000000000"},
        "notify_wrong_seller": {"seller_id": "2088999999999999"},
    }
    return fields | changes.get(kind, {})


def _spoil_after_signing(fields: dict[str, str], *, kind: str) -> dict[str, str]:
    return fields | ({"injected": "1"} if kind == "notify_extra_field" else {})


def _post(url: str, body: str) -> bytes:
    """The reply's body, or why there is none; redirects are not followed."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connection_class(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    try:
        connection.request("POST", target or "/", body=body, headers=headers)
        response = connection.getresponse()
        text = response.read(1024)
        return text if response.status == 200 else f"HTTP {response.status}".encode()
    except (OSError, http.client.HTTPException) as error:
        log.warning("notification to %s failed: %s", url, error)
        return f"{type(error).__name__}".encode()
    finally:
        connection.close()
