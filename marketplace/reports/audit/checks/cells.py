"""One recipient's parcels behind one door at a time, and only where they keep."""

from collections.abc import Iterator

from marketplace.reports.audit.evidence import Evidence
from marketplace.reports.audit.findings import Finding

_OVERLAPS = """
SELECT device.device, compartment.label, one.reference::text AS one, other.reference::text AS other
  FROM lockers_allocation AS one
  JOIN lockers_allocation AS other
    ON other.compartment_id = one.compartment_id AND other.id > one.id
   AND other.group_id <> one.group_id
   AND tstzrange(one.reserved_at, one.ended_at, '[)') && tstzrange(other.reserved_at, other.ended_at, '[)')
  JOIN lockers_compartment AS compartment ON compartment.id = one.compartment_id
  JOIN lockers_device AS device ON device.cabinet_id = compartment.cabinet_id
"""
_TWICE = """
SELECT unit_uuid::text AS unit, count(*) AS times
  FROM lockers_allocation
 WHERE state IN ('reserved', 'loaded', 'blocked')
 GROUP BY unit_uuid
HAVING count(*) > 1
"""
_UNSUITABLE = """
SELECT allocation.reference::text AS reference, compartment.label, compartment.zone,
       compartment.min_c, compartment.max_c, allocation.min_c AS wants_min_c, allocation.max_c AS wants_max_c
  FROM lockers_allocation AS allocation
  JOIN lockers_compartment AS compartment ON compartment.id = allocation.compartment_id
 WHERE compartment.min_c < allocation.min_c OR compartment.max_c > allocation.max_c
"""


def doubled(evidence: Evidence) -> Iterator[Finding]:
    """Two recipients never have one compartment at once, and one unit never has two live allocations."""
    for row in evidence.rows(_OVERLAPS):
        what = f"{row['device']} {row['label']} was given to {row['other']} as well"
        yield Finding("double allocation", row["one"], what)
    for row in evidence.rows(_TWICE):
        yield Finding("double allocation", row["unit"], f"in {row['times']} compartments at once")


def unsuitable(evidence: Evidence) -> Iterator[Finding]:
    """A cell's own °C lie inside what its parcel bears."""
    for row in evidence.rows(_UNSUITABLE):
        cell = f"{row['label']} keeps {row['min_c']} to {row['max_c']} °C"
        yield Finding(
            "warmer cell",
            row["reference"],
            f"{cell}, the parcel bears {row['wants_min_c']} to {row['wants_max_c']}",
        )
