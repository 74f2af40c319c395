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

__all__ = [
    "Asset",
    "NewReading",
    "ProbeFacts",
    "calibrate_probe",
    "cold_verdict",
    "decide_breach",
    "ingest_readings",
    "latest_c",
    "note_held_references",
    "probe_facts",
    "register_probe",
    "review_due_probes",
    "review_probe",
    "temperatures",
]
