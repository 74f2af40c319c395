"""How much of what was paid for was brought on its day, up and down, by zone."""

from collections.abc import Iterator
from typing import Any

from marketplace.reports.audit.evidence import Evidence
from marketplace.reports.audit.findings import Finding

SERVED_SHARE = 0.97

#: parcels of orders for the day that were paid and that the buyer did not cancel himself
_PARCELS = """
SELECT CASE WHEN fulfilment.way = 'down' THEN 'down' ELSE 'up' END AS direction,
       fulfilment.way = 'direct' AS direct,
       fulfilment.zone,
       cardinality(fulfilment.option_uuids) > 1 AS has_options,
       coalesce((fulfilment.ready_since AT TIME ZONE 'Asia/Shanghai')::date = %(day)s, false) AS served,
       fulfilment.status = 'collected' AS collected
  FROM orders_fulfilment AS fulfilment
  JOIN orders_order AS purchase ON purchase.id = fulfilment.order_id
 WHERE purchase.deliver_on = %(day)s
   AND purchase.paid_at IS NOT NULL
   AND fulfilment.why_cancelled NOT IN ('cancelled', 'late_payment')
"""


def share(evidence: Evidence) -> Iterator[Finding]:
    found = counts(evidence)
    if not found["parcels"]:
        yield Finding("served", str(evidence.day), "nothing was to be served")
    elif found["served_share"] < SERVED_SHARE:
        yield Finding(
            "served",
            str(evidence.day),
            f"{found['served']} of {found['parcels']} parcels, less than {SERVED_SHARE:.0%}",
        )


def counts(evidence: Evidence) -> dict[str, Any]:
    """Parcels of the day, how many were served, and the mix."""
    parcels = evidence.rows(_PARCELS)
    total = len(parcels)

    def some(**wanted: Any) -> dict[str, Any]:
        group = [each for each in parcels if all(each[name] == value for name, value in wanted.items())]
        return {
            "parcels": len(group),
            "served": sum(each["served"] for each in group),
            "share": round(len(group) / total, 4) if total else 0.0,
        }

    served = sum(each["served"] for each in parcels)
    return {
        "parcels": total,
        "served": served,
        "collected": sum(each["collected"] for each in parcels),
        "served_share": round(served / total, 4) if total else 0.0,
        "up": some(direction="up"),
        "down": some(direction="down"),
        "direct": some(direct=True),
        "chilled": some(zone="chilled"),
        "frozen": some(zone="frozen"),
        "with_options": some(has_options=True),
    }
