"""Goods are conserved: what was listed, promised, weighed in, portioned and handed over adds up."""

from collections.abc import Iterator

from marketplace.reports.audit.evidence import Evidence
from marketplace.reports.audit.findings import Finding

#: a lot that was taken off the shelf has left the books with what was unsold
_LOTS = """
SELECT lot.uuid::text AS lot, lot.status, lot.listed_quantity, lot.available_quantity,
       stock.on_hand, stock.reserved, stock.quota, coalesce(promised.live, 0) AS live,
       coalesce(promised.consumed, 0) AS consumed
  FROM catalog_lot AS lot
  JOIN (SELECT lot_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved, sum(offline_quota) AS quota
          FROM catalog_stock GROUP BY lot_id) AS stock ON stock.lot_id = lot.id
  LEFT JOIN (SELECT lot_id, sum(quantity) FILTER (WHERE status IN ('held', 'firm')) AS live,
                    sum(quantity) FILTER (WHERE status = 'consumed') AS consumed
               FROM catalog_reservation GROUP BY lot_id) AS promised ON promised.lot_id = lot.id
"""
_CRATES = """
SELECT unit.code, weighed.gross_g - weighed.tare_g AS net_g,
       (SELECT coalesce(sum(grams), 0) FROM custody_unitcontent WHERE unit_id = unit.id) AS left_g,
       (SELECT coalesce(sum(grams), 0) FROM custody_transformationinput WHERE unit_id = unit.id) AS taken_g,
       (SELECT coalesce(sum(net_g), 0) FROM orders_portionweight WHERE crate_uuid = unit.uuid) AS portions_g
  FROM orders_weighin AS weighed
  JOIN custody_handlingunit AS unit ON unit.uuid = weighed.unit_uuid
"""
_PARCELS = """
SELECT unit.code,
       (SELECT coalesce(sum(grams), 0) FROM custody_unitcontent WHERE unit_id = unit.id) AS inside_g,
       sum(input.grams) AS taken_g
  FROM custody_transformation AS made
  JOIN custody_transformationinput AS input ON input.transformation_id = made.id
  JOIN custody_handlingunit AS unit ON unit.id = made.output_id
 GROUP BY unit.id
"""


def lots(evidence: Evidence) -> Iterator[Finding]:
    """Listed = on hand + consumed; reserved = promised and not yet consumed; the shop shows the rest."""
    for row in evidence.rows(_LOTS):
        if row["status"] == "listed" and row["on_hand"] + row["consumed"] != row["listed_quantity"]:
            what = f"{row['listed_quantity']} listed, {row['on_hand']} there, {row['consumed']} gone out"
            yield Finding("stock of a lot", row["lot"], what)
        if row["reserved"] != row["live"]:
            what = f"{row['reserved']} reserved, {row['live']} promised"
            yield Finding("stock of a lot", row["lot"], what)
        sellable = max(0, row["on_hand"] - row["reserved"] - row["quota"])
        if row["status"] == "listed" and row["available_quantity"] != sellable:
            what = f"the shop shows {row['available_quantity']}, there are {sellable}"
            yield Finding("stock of a lot", row["lot"], what)


def crates(evidence: Evidence) -> Iterator[Finding]:
    """Weighed in = left in the crate + portions taken out of it; a parcel holds what was put into it."""
    for row in evidence.rows(_CRATES):
        if row["net_g"] != row["left_g"] + row["taken_g"] or row["taken_g"] != row["portions_g"]:
            what = (
                f"{row['net_g']} g weighed in, {row['left_g']} left, {row['taken_g']} taken,"
                f" {row['portions_g']} weighed as portions"
            )
            yield Finding("grams of a crate", row["code"], what)
    for row in evidence.rows(_PARCELS):
        if row["inside_g"] != row["taken_g"]:
            what = f"{row['taken_g']} g put in, {row['inside_g']} g inside"
            yield Finding("grams of a crate", row["code"], what)
