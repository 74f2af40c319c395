"""Who held each unit: unbroken chains, hashes that still fit, and the holder that follows from them."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC
from itertools import groupby

from marketplace.reports.audit.evidence import Evidence, Row
from marketplace.reports.audit.findings import Finding

_EVENTS = """
SELECT unit.uuid AS unit, unit.code, unit.holder_kind, unit.holder_uuid, event.seq, event.from_kind,
       event.from_uuid, event.to_kind, event.to_uuid, event.place_uuid, event.at, event.temperature_c,
       event.proof, event.prev_hash, event.hash
  FROM custody_handlingunit AS unit
  LEFT JOIN custody_custodyevent AS event ON event.unit_id = unit.id
 ORDER BY unit.id, event.seq
"""
#: parcels that orders believe to have arrived, and whether custody went to that place
_ARRIVED = """
SELECT fulfilment.uuid::text AS reference, place.name, place.kind,
       EXISTS (
           SELECT FROM custody_custodyevent AS event
             JOIN custody_handlingunit AS unit ON unit.id = event.unit_id
            WHERE unit.uuid = fulfilment.unit_uuid AND event.from_kind = 'vehicle'
              AND event.place_uuid = place.uuid
              AND event.to_kind = CASE place.kind WHEN 'cabinet_site' THEN 'cabinet' ELSE 'station' END
       ) AS handed_over
  FROM orders_fulfilment AS fulfilment
  JOIN places_place AS place ON place.id = fulfilment.destination_id
 WHERE fulfilment.ready_since IS NOT NULL
"""


def chains(evidence: Evidence) -> Iterator[Finding]:
    """No gap in the sequence, each event from the holder before it, each hash as its row says."""
    for code, events in groupby(evidence.rows(_EVENTS), key=lambda row: row["code"]):
        previous: Row | None = None
        for event in events:
            if event["seq"] is None:
                yield Finding("custody chain", code, "no event at all")
                break
            fault = _fault(event, previous)
            if fault:
                yield Finding("custody chain", code, f"event {event['seq']}: {fault}")
                break
            previous = event


def holders(evidence: Evidence) -> Iterator[Finding]:
    """Who holds a unit now is whom its last event gave it to."""
    last = {row["code"]: row for row in evidence.rows(_EVENTS)}
    for code, row in last.items():
        if (row["holder_kind"], row["holder_uuid"]) != (row["to_kind"], row["to_uuid"]):
            yield Finding("holder", code, f"is with {row['holder_kind']}, its chain ends at {row['to_kind']}")


def arrivals(evidence: Evidence) -> Iterator[Finding]:
    """Nothing is ready for its recipient that no van handed over there."""
    for row in evidence.rows(_ARRIVED):
        if not row["handed_over"]:
            yield Finding(
                "ready without custody", row["reference"], f"no van handed it over at {row['name']}"
            )


def _fault(event: Row, previous: Row | None) -> str:
    expected = 1 if previous is None else previous["seq"] + 1
    if event["seq"] != expected:
        return f"{expected} is missing"
    if event["prev_hash"] != (previous["hash"] if previous else ""):
        return "does not continue the event before it"
    came_from = (previous["to_kind"], previous["to_uuid"]) if previous else ("", None)
    if (event["from_kind"], event["from_uuid"]) != came_from:
        return "handed over by somebody who did not hold it"
    if event["hash"] != event_hash(event):
        return "its hash does not fit its row"
    return ""


def event_hash(event: Row) -> str:
    """SHA-256 over the row as a JSON list without blanks, keys sorted, UTC microseconds, prev_hash first."""
    row = [
        event["prev_hash"],
        str(event["unit"]),
        event["seq"],
        event["from_kind"],
        str(event["from_uuid"]) if event["from_uuid"] else None,
        event["to_kind"],
        str(event["to_uuid"]),
        str(event["place_uuid"]) if event["place_uuid"] else None,
        event["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        event["temperature_c"],
        event["proof"],
    ]
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
