"""Balance transactions: every movement of money at the provider, charges and refunds in one order of time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from orders.payments.states import RefundStatus
from orders.payments.stripe_api.errors import missing
from orders.payments.stripe_api.forms import Reader
from orders.payments.stripe_api.parameters import between, currency, seconds_between
from orders.payments.stripe_api.resources import CHARGES, REFUNDS, Resource, limits, uuid_in
from orders.payments.stripe_objects import Json, charge_balance, refund_balance


@dataclass(frozen=True)
class Movement:
    """One kind of balance transaction: its rows, when money moved, and its rendering.

    `txn_` ids carry the uuid of the charge's attempt or of the refund.
    """

    kind: str
    resource: Resource
    at: str
    show: Callable[[Any], Json]
    only: Q

    def rows(self) -> "QuerySet[Any]":
        return self.resource.rows().filter(self.only)


MOVEMENTS = (
    Movement("charge", CHARGES, "paid_at", charge_balance, Q()),
    Movement("refund", REFUNDS, "moved_at", refund_balance, Q(status=RefundStatus.SUCCEEDED)),
)

Place = tuple[datetime, UUID]


def retrieve_balance_transaction(outside_id: str, *, param: str = "id") -> Json:
    movement, row = _found(outside_id, param=param)
    return movement.show(row)


def list_balance_transactions(reader: Reader) -> Json:
    """Newest first; `type`, `source`, `created`, `currency`, and the parameters of every list."""
    kind, source = reader.choice("type", ("charge", "refund")), reader.text("source")
    currency(reader)
    limit, after, before = limits(reader)
    asked = seconds_between(reader)
    reader.finish()
    mark = _place(after, "starting_after") if after else _place(before, "ending_before") if before else None
    found: list[tuple[Place, Movement, Any]] = []
    for movement in MOVEMENTS:
        if kind and kind != movement.kind:
            continue
        rows = _beyond(between(movement.rows(), asked, at=movement.at), movement.at, mark, up=bool(before))
        if source:
            rows = rows.filter(uuid=uuid_in(movement.resource, source))
        found += [((getattr(row, movement.at), row.uuid), movement, row) for row in rows[: limit + 1]]
    found.sort(key=lambda one: one[0], reverse=not before)
    has_more, shown = len(found) > limit, [movement.show(row) for _, movement, row in found[:limit]]
    return {
        "object": "list",
        "url": "/v1/balance_transactions",
        "has_more": has_more,
        "data": shown[::-1] if before else shown,
    }


def _beyond(rows: "QuerySet[Any]", at: str, mark: Place | None, *, up: bool) -> "QuerySet[Any]":
    """The rows after a place, nearest first: to older ones, or `up` to newer ones."""
    if mark is not None:
        side = "gt" if up else "lt"
        rows = rows.filter(Q(**{f"{at}__{side}": mark[0]}) | Q(**{at: mark[0], f"uuid__{side}": mark[1]}))
    return rows.order_by(at, "uuid") if up else rows.order_by(f"-{at}", "-uuid")


def _place(outside_id: str, param: str) -> Place:
    movement, row = _found(outside_id, param=param)
    return getattr(row, movement.at), row.uuid


def _found(outside_id: str, *, param: str) -> tuple[Movement, Any]:
    prefix, _, tail = outside_id.partition("_")
    try:
        uuid = UUID(hex=tail) if prefix == "txn" else None
    except ValueError:
        uuid = None
    for movement in MOVEMENTS if uuid else ():
        row = movement.rows().filter(uuid=uuid).first()
        if row is not None:
            return movement, row
    raise missing("balance_transaction", outside_id, param=param)
