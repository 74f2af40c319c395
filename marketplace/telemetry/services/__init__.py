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
    cold_verdict,
    ingest_readings,
    latest_c,
    temperatures,
)

__all__ = [
    "Asset",
    "NewReading",
    "calibrate_probe",
    "cold_verdict",
    "decide_breach",
    "ingest_readings",
    "latest_c",
    "note_held_references",
    "register_probe",
    "review_due_probes",
    "review_probe",
    "temperatures",
]
