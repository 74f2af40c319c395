"""Every parcel that a cabinet took or gave went through a door: the cabinet's own journal must say so."""

from collections.abc import Iterator

from marketplace.reports.audit.evidence import Evidence, Row
from marketplace.reports.audit.findings import Finding

_ALLOCATIONS = """
SELECT allocation.uuid::text AS allocation, allocation.reference::text AS reference, device.device,
       compartment.door, compartment.label, allocation.deposited_at, allocation.parcel_state,
       ARRAY(SELECT mate.uuid::text FROM lockers_allocation AS mate
              WHERE mate.compartment_id = allocation.compartment_id AND mate.group_id = allocation.group_id
                AND tstzrange(mate.reserved_at, mate.ended_at, '[]')
                 && tstzrange(allocation.reserved_at, allocation.ended_at, '[]')) AS together
  FROM lockers_allocation AS allocation
  JOIN lockers_compartment AS compartment ON compartment.id = allocation.compartment_id
  JOIN lockers_device AS device ON device.cabinet_id = compartment.cabinet_id
"""
#: a parcel that orders believe to stand, or to have stood, in a cabinet
_IN_CABINETS = """
SELECT fulfilment.uuid::text AS reference, fulfilment.status
  FROM orders_fulfilment AS fulfilment
  JOIN places_place AS place ON place.id = fulfilment.destination_id
 WHERE place.kind = 'cabinet_site' AND fulfilment.ready_since IS NOT NULL
"""
_TAKEN_OUT = ("collect", "assist")


def deliveries(evidence: Evidence) -> Iterator[Finding]:
    """A parcel is in a cabinet only if its door opened and closed for it."""
    rows = evidence.rows(_ALLOCATIONS)
    deposited = {row["reference"] for row in rows if row["deposited_at"]}
    for row in evidence.rows(_IN_CABINETS):
        if row["reference"] not in deposited:
            yield Finding("delivery without a door", row["reference"], "ready, but in no compartment")
    for row in rows:
        if row["deposited_at"] and not _opened(evidence, row, [row["allocation"]], "deposit"):
            yield Finding("delivery without a door", row["reference"], _where(row))


def collections(evidence: Evidence) -> Iterator[Finding]:
    """A parcel was collected only if its door opened and closed for its recipient, once for all his in it."""
    rows = evidence.rows(_ALLOCATIONS)
    collected = {row["reference"] for row in rows if row["parcel_state"] == "collected"}
    for row in evidence.rows(_IN_CABINETS):
        if row["status"] == "collected" and row["reference"] not in collected:
            yield Finding("collection without a door", row["reference"], "collected from no compartment")
    for row in rows:
        if row["parcel_state"] == "collected" and not _opened(evidence, row, row["together"], *_TAKEN_OUT):
            yield Finding("collection without a door", row["reference"], _where(row))


def unrecorded(evidence: Evidence) -> Iterator[Finding]:
    """What the cabinets saw, the database knows: deposits and collections under a known allocation."""
    rows = {row["allocation"]: row for row in evidence.rows(_ALLOCATIONS)}
    for opening in evidence.journals.finished:
        if opening.purpose not in ("deposit", *_TAKEN_OUT):
            continue
        row = rows.get(opening.allocation or "")
        what = f"{opening.device} door {opening.door} opened and closed for {opening.purpose}"
        if row is None or (row["device"], row["door"]) != (opening.device, opening.door):
            yield Finding("door without a record", str(opening.allocation), what)
        elif opening.purpose != "deposit" and row["parcel_state"] not in ("collected", "returned"):
            yield Finding("door without a record", row["reference"], f"{what}, but {row['parcel_state']}")


def _opened(evidence: Evidence, row: Row, allocations: list[str], *purposes: str) -> bool:
    journals = evidence.journals
    return any(journals.count(row["device"], row["door"], each, *purposes) > 0 for each in allocations)


def _where(row: Row) -> str:
    return f"the journal of {row['device']} shows no such opening of {row['label']}"
