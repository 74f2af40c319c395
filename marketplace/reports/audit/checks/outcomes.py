"""How each parcel ended: once, and not in two ways."""

from collections.abc import Iterator

from marketplace.reports.audit.evidence import Evidence
from marketplace.reports.audit.findings import Finding

#: reasons of a refund that say "you did not get it"
_NEVER_GOT = ("unserved", "cancelled", "short", "breach", "late_payment")

_REFUNDED_AND_COLLECTED = """
SELECT DISTINCT fulfilment.uuid::text AS reference, refund.reason
  FROM orders_fulfilment AS fulfilment
  JOIN orders_line AS line ON line.fulfilment_id = fulfilment.id
  JOIN orders_linerefund AS refund ON refund.line_id = line.id
 WHERE fulfilment.status = 'collected' AND line.status = 'collected' AND refund.reason = ANY(%(reasons)s)
"""
_WITH_PERSON = """
SELECT fulfilment.uuid::text AS reference, fulfilment.status
  FROM orders_fulfilment AS fulfilment
  JOIN custody_handlingunit AS unit ON unit.uuid = fulfilment.unit_uuid
 WHERE (unit.holder_kind = 'person') <> (fulfilment.status = 'collected')
"""
_UNREFUNDED = """
SELECT fulfilment.uuid::text AS reference, sum(line.max_amount_fen - line.refunded_fen) AS kept_fen
  FROM orders_fulfilment AS fulfilment
  JOIN orders_order AS purchase ON purchase.id = fulfilment.order_id
  JOIN orders_line AS line ON line.fulfilment_id = fulfilment.id
 WHERE fulfilment.status = 'cancelled' AND purchase.paid_at IS NOT NULL
 GROUP BY fulfilment.id
HAVING sum(line.max_amount_fen - line.refunded_fen) <> 0
"""
_OPEN = {
    "event not delivered": "SELECT uuid::text AS subject, type AS what FROM outbox_outboxevent"
    " WHERE delivered_at IS NULL AND set_aside_at IS NULL",
    "event set aside": "SELECT uuid::text AS subject, type || ': ' || left(last_error, 200) AS what"
    " FROM outbox_outboxevent WHERE set_aside_at IS NOT NULL",
    "refund not sent": "SELECT uuid::text AS subject, amount_fen || ' fen' AS what"
    " FROM payments_refund WHERE status = 'pending'",
    "payment still closing": "SELECT uuid::text AS subject, why_closed AS what"
    " FROM payments_paymentgroup WHERE status = 'closing'",
    "order not paid in time": "SELECT number AS subject, status AS what"
    " FROM orders_order WHERE status = 'awaiting_payment' AND deliver_on <= %(day)s",
    "command without an end": "SELECT uuid::text AS subject, action AS what"
    " FROM lockers_command WHERE status IN ('pending', 'sent')",
    "device message not handled": "SELECT device.device AS subject, message.type AS what"
    " FROM lockers_devicemessage AS message JOIN lockers_device AS device ON device.id = message.device_id"
    " WHERE message.handled_at IS NULL",
    "tour not finished": "SELECT route.uuid::text AS subject, route.status AS what"
    " FROM routing_route AS route JOIN routing_plan AS plan ON plan.id = route.plan_id"
    " WHERE plan.status = 'published' AND plan.date = %(day)s AND route.status <> 'finished'",
    "parcel nowhere": "SELECT fulfilment.uuid::text AS subject, fulfilment.status AS what"
    " FROM orders_fulfilment AS fulfilment JOIN orders_order AS purchase ON purchase.id = fulfilment.order_id"
    " WHERE purchase.paid_at IS NOT NULL AND fulfilment.deliver_on <= %(day)s"
    " AND fulfilment.status NOT IN ('ready', 'collected', 'cancelled')",
}


def contradictions(evidence: Evidence) -> Iterator[Finding]:
    """No parcel is both with its recipient and refunded as one that he never got, nor the other way round."""
    for row in evidence.rows(_REFUNDED_AND_COLLECTED, reasons=list(_NEVER_GOT)):
        what = f"collected, and refunded as {row['reason']}"
        yield Finding("collected and refunded", row["reference"], what)
    for row in evidence.rows(_WITH_PERSON):
        what = f"{row['status']}, but custody says otherwise"
        yield Finding("collected and refunded", row["reference"], what)
    for row in evidence.rows(_UNREFUNDED):
        what = f"cancelled, and {row['kept_fen']} fen were kept"
        yield Finding("collected and refunded", row["reference"], what)


def unfinished(evidence: Evidence) -> Iterator[Finding]:
    """A finished day leaves nothing in flight."""
    for name, sql in _OPEN.items():
        for row in evidence.rows(sql):
            yield Finding("left open", row["subject"], f"{name}: {row['what']}")
