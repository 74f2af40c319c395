"""The doors of telemetry: register a probe, take readings in, ask what the temperatures were."""

from marketplace.telemetry.services.breaches import (
    decide_breach,
    note_held_references,
    review_due_probes,
    review_probe,
)
from marketplace.telemetry.services.probes import Asset, calibrate_probe, register_probe
from marketplace.telemetry.services.readings import (
    NewReading,
    ProbeFacts,
    cold_verdict,
    ingest_readings,
    latest_c,
    probe_facts,
    temperatures,
)
from marketplace.telemetry.services.shelf_life import (
    Remaining,
    Stay,
    remaining,
    set_shelf_life,
    shelf_life_of,
)

__all__ = [
    "Asset",
    "NewReading",
    "ProbeFacts",
    "Remaining",
    "Stay",
    "calibrate_probe",
    "cold_verdict",
    "decide_breach",
    "ingest_readings",
    "latest_c",
    "note_held_references",
    "probe_facts",
    "register_probe",
    "remaining",
    "review_due_probes",
    "review_probe",
    "set_shelf_life",
    "shelf_life_of",
    "temperatures",
]
