"""The hash chain of one unit's custody: pure, so that an auditor can recompute it."""

import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID


def custody_hash(
    *,
    prev_hash: str,
    unit_uuid: UUID,
    seq: int,
    from_kind: str,
    from_uuid: UUID | None,
    to_kind: str,
    to_uuid: UUID,
    place_uuid: UUID | None,
    at: datetime,
    temperature_c: float | None,
    proof: object,
) -> str:
    """SHA-256 over a canonical JSON list (no blanks, sorted keys, UTC microseconds), prev_hash first."""
    row = [
        prev_hash,
        str(unit_uuid),
        seq,
        from_kind,
        str(from_uuid) if from_uuid else None,
        to_kind,
        str(to_uuid),
        str(place_uuid) if place_uuid else None,
        at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        temperature_c,
        proof,
    ]
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
