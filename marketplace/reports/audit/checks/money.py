"""For each fen a balanced posting, and no posting without its fact. Amounts in fen, debit positive."""

from collections import Counter
from collections.abc import Iterator

from marketplace.reports.audit.evidence import Evidence, Row
from marketplace.reports.audit.findings import Finding

_UNBALANCED = """
SELECT posting.kind, posting.external_id, posting.entry_count, count(entry.id) AS entries,
       coalesce(sum(entry.amount_fen), 0) AS sum_fen
  FROM ledger_ledgertransaction AS posting
  LEFT JOIN ledger_ledgerentry AS entry ON entry.transaction_id = posting.id
 GROUP BY posting.id
HAVING count(entry.id) <> posting.entry_count OR coalesce(sum(entry.amount_fen), 0) <> 0
"""
#: what moved through `held` of the merchant, per posting; a capture credits it, a settlement debits it
_HELD = """
SELECT posting.kind, posting.external_id,
       coalesce(sum(entry.amount_fen) FILTER (WHERE account.kind = 'held'), 0) AS held_fen,
       coalesce(sum(entry.amount_fen) FILTER (WHERE account.kind = 'buyer_refunds_due'), 0) AS due_fen
  FROM ledger_ledgertransaction AS posting
  JOIN ledger_ledgerentry AS entry ON entry.transaction_id = posting.id
  JOIN ledger_ledgeraccount AS account ON account.id = entry.account_id
 GROUP BY posting.id
"""
_PAID = """
SELECT intent.uuid::text AS intent, intent.captured_fen, paid.provider,
       CASE paid.provider WHEN 'cash' THEN replace(intent.uuid::text, '-', '')
                          ELSE attempt.trade_no END AS key
  FROM payments_paymentintent AS intent
  JOIN payments_paymentgroup AS paid ON paid.id = intent.group_id
  LEFT JOIN payments_attempt AS attempt ON attempt.intent_id = intent.id AND attempt.status = 'succeeded'
 WHERE intent.status = 'succeeded'
"""
_REFUNDED = """
SELECT replace(refund.uuid::text, '-', '') AS key, refund.amount_fen, refund.status,
       coalesce(attempt.status = 'late', false) AS late
  FROM payments_refund AS refund
  LEFT JOIN payments_attempt AS attempt ON attempt.id = refund.attempt_id
"""
_SETTLED_LINES = """
SELECT line.uuid::text AS key, line.max_amount_fen - line.refunded_fen AS kept_fen,
       array(
           SELECT 'refund:' || refund.key FROM orders_linerefund AS refund
            WHERE refund.line_id = line.id AND refund.reason = 'claim' AND refund.at >= line.settled_at
       ) AS taken_back
  FROM orders_line AS line
 WHERE line.settled_at IS NOT NULL
"""
_SETTLED_DELIVERIES = """
SELECT 'delivery:' || fulfilment.uuid::text AS key, fulfilment.delivery_fen AS kept_fen
  FROM orders_fulfilment AS fulfilment
 WHERE fulfilment.delivery_settled_at IS NOT NULL
"""
_ORDERS = """
SELECT purchase.number, purchase.goods_max_fen + purchase.delivery_fen AS agreed_fen,
       (SELECT coalesce(sum(line.max_amount_fen), 0) FROM orders_line AS line
         WHERE line.order_id = purchase.id) + purchase.delivery_fen AS lines_fen,
       (SELECT coalesce(sum(line.refunded_fen), 0) FROM orders_line AS line
         WHERE line.order_id = purchase.id)
           AS lines_refunded_fen,
       (SELECT coalesce(sum(refund.amount_fen), 0) FROM orders_linerefund AS refund
         WHERE refund.order_id = purchase.id AND refund.line_id IS NOT NULL
           AND refund.failed_at IS NULL) AS line_refunds_fen,
       (SELECT coalesce(sum(refund.amount_fen), 0) FROM orders_linerefund AS refund
         WHERE refund.order_id = purchase.id AND refund.failed_at IS NULL) AS refunds_fen,
       (SELECT coalesce(sum(intent.captured_fen), 0) FROM payments_paymentintent AS intent
          JOIN payments_paymentgroup AS paid ON paid.id = intent.group_id
         WHERE paid.reference = purchase.uuid AND intent.status = 'succeeded') AS captured_fen,
       (SELECT coalesce(sum(refund.amount_fen), 0) FROM payments_refund AS refund
          JOIN payments_paymentintent AS intent ON intent.id = refund.intent_id
          JOIN payments_paymentgroup AS paid ON paid.id = intent.group_id
          LEFT JOIN payments_attempt AS attempt ON attempt.id = refund.attempt_id
         WHERE paid.reference = purchase.uuid AND refund.status <> 'failed'
           AND attempt.status IS DISTINCT FROM 'late') AS returned_fen
  FROM orders_order AS purchase
 WHERE purchase.paid_at IS NOT NULL
"""
_EVENTS = "SELECT type, count(*) AS times FROM outbox_outboxevent GROUP BY type"
#: collected lines that earned something, and deliveries that somebody was paid for, of each collected parcel
_EARNED = """
SELECT (SELECT count(*) FROM orders_line AS line
         WHERE line.fulfilment_id = fulfilment.id AND line.status = 'collected'
           AND line.final_amount_fen > 0)
       + CASE WHEN fulfilment.delivery_fen > 0 THEN 1 ELSE 0 END AS postings
  FROM outbox_outboxevent AS event
  JOIN orders_fulfilment AS fulfilment ON fulfilment.uuid::text = event.payload ->> 'fulfilment'
 WHERE event.type = 'orders.FulfilmentCollected'
"""
_CLAIMS_AFTER = """
SELECT count(*) FROM orders_linerefund AS refund JOIN orders_line AS line ON line.id = refund.line_id
 WHERE refund.reason = 'claim' AND refund.at >= line.settled_at
"""
#: postings that settlements ask for: one where somebody is owed, one per release, one per sharing request
_SETTLEMENTS = """
SELECT (SELECT count(DISTINCT instruction_id) FROM payments_settlementline
         WHERE account IN ('seller_payable', 'station_payable', 'courier_payable')) AS settlement_ordered,
       (SELECT count(DISTINCT instruction_id) FROM payments_settlementline
         WHERE NOT royalty AND paid_at IS NOT NULL) AS paid_out,
       (SELECT count(DISTINCT (instruction_id, batch)) FROM payments_settlementline
         WHERE royalty AND paid_at IS NOT NULL) AS fee_shared,
       (SELECT count(*) FROM payments_settlementinstruction WHERE status = 'refused') AS settlement_refused,
       (SELECT count(DISTINCT back.refund_id) FROM payments_settlementreturn AS back
          JOIN payments_refund AS refund ON refund.id = back.refund_id
         WHERE refund.status = 'succeeded') AS returned,
       (SELECT count(*) FROM orders_cashclosing WHERE expected_fen <> counted_fen) AS cash_difference
"""


def balanced(evidence: Evidence) -> Iterator[Finding]:
    for row in evidence.rows(_UNBALANCED):
        what = f"{row['entries']} of {row['entry_count']} entries, sum {row['sum_fen']} fen"
        yield Finding("unbalanced posting", f"{row['kind']} {row['external_id']}", what)


def payments(evidence: Evidence) -> Iterator[Finding]:
    """Each paid intent has its one capture of the same sum."""
    captured = _postings(evidence, "captured")
    for row in evidence.rows(_PAID):
        posting = captured.get(row["key"] or "")
        if posting is None:
            what = f"{row['captured_fen']} fen paid by {row['provider']} stand in no posting"
            yield Finding("payment without a posting", row["intent"], what)
        elif -posting["held_fen"] != row["captured_fen"]:
            what = f"{row['captured_fen']} fen paid, {-posting['held_fen']} posted"
            yield Finding("payment without a posting", row["intent"], what)


def refunds(evidence: Evidence) -> Iterator[Finding]:
    """Each refund was ordered out of what is held, and each that moved was posted as moved."""
    ordered, moved = _postings(evidence, "refund_ordered"), _postings(evidence, "refunded")
    for row in evidence.rows(_REFUNDED):
        postings = [] if row["late"] else [ordered.get(row["key"])]
        if row["status"] == "succeeded":
            postings.append(moved.get(row["key"]))
        for posting in postings:
            if posting is None or abs(posting["due_fen"]) != row["amount_fen"]:
                what = f"{row['amount_fen']} fen, posted {posting and abs(posting['due_fen'])}"
                yield Finding("refund without a posting", row["key"], what)


def settlements(evidence: Evidence) -> Iterator[Finding]:
    """What was kept of each settled line or delivery was divided: no fen more, no fen less."""
    settled, back = _postings(evidence, "settled"), _postings(evidence, "taken_back")
    for row in [*evidence.rows(_SETTLED_LINES), *evidence.rows(_SETTLED_DELIVERIES)]:
        divided = settled[row["key"]]["held_fen"] if row["key"] in settled else 0
        returned = sum(-back[key]["held_fen"] for key in row.get("taken_back", ()) if key in back)
        if divided - returned != row["kept_fen"]:
            what = f"{row['kept_fen']} fen kept, {divided} divided, {returned} taken back"
            yield Finding("settlement without a posting", row["key"], what)


def orders(evidence: Evidence) -> Iterator[Finding]:
    """What a buyer agreed to, paid and got back is the same in orders and in payments."""
    for row in evidence.rows(_ORDERS):
        same = (
            ("agreed", row["agreed_fen"], "in lines", row["lines_fen"]),
            ("agreed", row["agreed_fen"], "paid", row["captured_fen"]),
            ("refunded by lines", row["lines_refunded_fen"], "by refunds", row["line_refunds_fen"]),
            ("refunds ordered", row["refunds_fen"], "in payments", row["returned_fen"]),
        )
        for name, one, other_name, other in same:
            if one != other:
                yield Finding("order money", row["number"], f"{name} {one} fen, {other_name} {other}")


def count_of_postings(evidence: Evidence) -> Iterator[Finding]:
    """As many postings of each kind as the published events ask for."""
    seen = Counter(row["kind"] for row in evidence.rows("SELECT kind FROM ledger_ledgertransaction"))
    expected = expected_postings(evidence)
    for kind in sorted(seen | expected):
        if seen[kind] != expected[kind]:
            yield Finding("number of postings", kind, f"{seen[kind]}, events ask for {expected[kind]}")


def expected_postings(evidence: Evidence) -> Counter[str]:
    """Postings by kind, derived from what was published."""
    events = Counter({row["type"]: row["times"] for row in evidence.rows(_EVENTS)})
    late = events["payments.LatePaymentReturned"]
    failed = events["payments.RefundFailed"]
    pending = evidence.value("SELECT count(*) FROM payments_refund WHERE status = 'pending'")
    return Counter(
        {
            "captured": events["payments.IntentSucceeded"] + late,
            "refund_ordered": events["payments.RefundSucceeded"] + failed + pending - late,
            "refunded": events["payments.RefundSucceeded"],
            "reversal_of_refund_ordered": failed,
            "settled": sum(row["postings"] for row in evidence.rows(_EARNED)),
            "taken_back": evidence.value(_CLAIMS_AFTER),
            "goods_lost": events["orders.GoodsLost"],
            **next(iter(evidence.rows(_SETTLEMENTS))),
        }
    )


def _postings(evidence: Evidence, kind: str) -> dict[str, Row]:
    return {row["external_id"]: row for row in evidence.rows(_HELD) if row["kind"] == kind}
