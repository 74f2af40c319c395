"""Switches that make the gateway misbehave, armed over `/sim/faults` and consumed call by call.

Faults of an answer (matched on the method, `*` for any):
``tampered_body`` ``missing_sign`` ``sha1_sign`` ``cert_field`` ``unknown_error`` ``http_502`` ``hang``
``refuse`` (value = sub_code) ``refund_slow`` ``buyer_must_confirm`` ``success_after_cancel``
``review_pending``
Faults of a notification (matched on its `trade_status`, `*` for any):
``notify_lost`` ``notify_late`` (value = seconds) ``notify_duplicate`` ``notify_reorder``
``notify_wrong_amount`` ``notify_extra_field`` ``notify_wrong_app`` ``notify_wrong_seller`` ``notify_sha1``
"""

from orders.payments.alipay_sim.store import Row, Store

ANSWER_FAULTS = frozenset({
    "tampered_body", "missing_sign", "sha1_sign", "cert_field", "unknown_error", "http_502", "hang",
})  # fmt: skip
METHOD_FAULTS = frozenset({
    "refuse", "refund_slow", "buyer_must_confirm", "success_after_cancel", "review_pending",
})  # fmt: skip
NOTIFY_FAULTS = frozenset({
    "notify_lost", "notify_late", "notify_duplicate", "notify_reorder", "notify_wrong_amount",
    "notify_extra_field", "notify_wrong_app", "notify_wrong_seller", "notify_sha1",
})  # fmt: skip
KINDS = ANSWER_FAULTS | METHOD_FAULTS | NOTIFY_FAULTS
EFFECTS = ("done", "none")


class Faults:
    def __init__(self, *, store: Store) -> None:
        self._store = store

    def arm(
        self, *, kind: str, method: str = "*", times: int = 1, effect: str = "done", value: str = ""
    ) -> None:
        """`effect` says whether the call still does its work when its answer is spoilt."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; known: {', '.join(sorted(KINDS))}")
        if effect not in EFFECTS:
            raise ValueError("effect must be 'done' or 'none'")
        if times < 1:
            raise ValueError("times must be at least 1")
        self._store.insert("fault", kind=kind, method=method, times=times, effect=effect, value=value)

    def take(self, kinds: frozenset[str], *, method: str) -> Row | None:
        """The oldest armed fault that fits; it is used up by this."""
        marks = ", ".join("?" * len(kinds))
        with self._store.transaction():
            row = self._store.one(
                f"SELECT * FROM fault WHERE kind IN ({marks}) AND method IN ('*', ?)"
                " AND times > 0 ORDER BY id LIMIT 1",
                *sorted(kinds), method,
            )  # fmt: skip
            if row is not None:
                self._store.run("UPDATE fault SET times = times - 1 WHERE id = ?", row["id"])
            return row

    def armed(self) -> list[Row]:
        return self._store.all("SELECT * FROM fault WHERE times > 0 ORDER BY id")

    def clear(self) -> None:
        self._store.run("DELETE FROM fault")
