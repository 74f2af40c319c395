"""The rules of the audit, by name."""

from collections.abc import Mapping

from marketplace.reports.audit.checks import cells, custody, doors, money, outcomes, served, stock
from marketplace.reports.audit.findings import Check

CHECKS: Mapping[str, Check] = {
    "served": served.share,
    "delivery without a door": doors.deliveries,
    "collection without a door": doors.collections,
    "door without a record": doors.unrecorded,
    "ready without custody": custody.arrivals,
    "custody chain": custody.chains,
    "holder": custody.holders,
    "double allocation": cells.doubled,
    "warmer cell": cells.unsuitable,
    "unbalanced posting": money.balanced,
    "payment without a posting": money.payments,
    "refund without a posting": money.refunds,
    "settlement without a posting": money.settlements,
    "number of postings": money.count_of_postings,
    "order money": money.orders,
    "collected and refunded": outcomes.contradictions,
    "left open": outcomes.unfinished,
    "stock of a lot": stock.lots,
    "grams of a crate": stock.crates,
}
