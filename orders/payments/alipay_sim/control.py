"""The tester's switches under `/sim/`: faults, the clock, and a look at what the gateway holds."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from orders.payments.alipay_sim.gateway import Gateway
from orders.payments.alipay_sim.store import Row

Json = dict[str, Any]


class BadControl(Exception):
    """A control request that cannot be carried out; its text says why."""


def show(gateway: Gateway, *, what: str, where: Mapping[str, str] | None = None) -> Json:
    """`trades`, `refunds`, `notifications`, `auths`, `settles`, `royalties`, `transfers`, `faults`, `clock`.

    `where`: only rows with these values, by the table's own columns.
    """
    if what == "clock":
        return {"now": gateway.clock.now().isoformat(), "offset_s": gateway.clock.offset_s}
    if what == "faults":
        return {"faults": _dicts(gateway.faults.armed())}
    tables = {
        "trades": "trade", "refunds": "refund", "notifications": "notification", "auths": "auth",
        "settles": "settle_confirm", "royalties": "royalty", "transfers": "transfer",
    }  # fmt: skip
    if what not in tables:
        raise BadControl(f"unknown {what!r}; known: clock, faults, {', '.join(tables)}")
    table, wanted = tables[what], dict(where or {})
    columns = {row["name"] for row in gateway.store.all(f"PRAGMA table_info({table})")}
    if strange := set(wanted) - columns:
        raise BadControl(f"unknown {', '.join(sorted(strange))}; known: {', '.join(sorted(columns))}")
    only = " AND ".join(["1", *(f"{column} = ?" for column in wanted)])
    rows = gateway.store.all(f"SELECT * FROM {table} WHERE {only} ORDER BY rowid", *wanted.values())
    return {what: _dicts(rows)}


def change(gateway: Gateway, *, what: str, body: bytes) -> Json:
    """`faults` arms one, `clear` disarms all, `clock` sets the offset, `finish` ends a refund period."""
    verbs: dict[str, Callable[[Gateway, Json], Json]] = {
        "faults": _arm, "clear": _clear, "clock": _set_clock, "finish": _finish,
    }  # fmt: skip
    if what not in verbs:
        raise BadControl(f"unknown {what!r}; known: {', '.join(verbs)}")
    try:
        wanted = json.loads(body or b"{}")
    except ValueError:
        raise BadControl("the body is no JSON") from None
    if not isinstance(wanted, dict):
        raise BadControl("the body is no JSON object")
    return verbs[what](gateway, wanted)


def _arm(gateway: Gateway, wanted: Json) -> Json:
    try:
        gateway.faults.arm(**wanted)
    except (TypeError, ValueError) as error:
        raise BadControl(str(error)) from None
    return show(gateway, what="faults")


def _clear(gateway: Gateway, wanted: Json) -> Json:
    gateway.faults.clear()
    return show(gateway, what="faults")


def _set_clock(gateway: Gateway, wanted: Json) -> Json:
    offset = wanted.get("offset_s")
    if not isinstance(offset, int | float):
        raise BadControl("offset_s must be a number of seconds")
    gateway.clock.offset_s = float(offset)
    return show(gateway, what="clock")


def _finish(gateway: Gateway, wanted: Json) -> Json:
    gateway.trades.finish(str(wanted.get("out_trade_no", "")))
    return {}


def _dicts(rows: list[Row]) -> list[Json]:
    return [dict(row) for row in rows]
