from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.kernel.temperature import Band
from marketplace.telemetry.models import Probe


@dataclass(frozen=True, slots=True)
class Asset:
    """What a probe measures: a kind of models.AssetKind, the uuid of that thing, its zone and its county."""

    kind: str
    uuid: UUID
    zone: str
    county_uuid: UUID | None = None


def register_probe(*, device: str, label: str, asset: Asset, band: Band) -> Probe:
    """The probe that this device calls `label`; moving it to another asset keeps its readings' history."""
    probe, _ = Probe.objects.update_or_create(
        device=device,
        label=label,
        defaults={
            "asset_kind": asset.kind,
            "asset_uuid": asset.uuid,
            "county_uuid": asset.county_uuid,
            "zone": asset.zone,
            "min_c": band.min_c,
            "max_c": band.max_c,
        },
    )
    return probe


def calibrate_probe(
    *, probe: Probe, certificate: str, valid_from: datetime, valid_to: datetime | None, offset_c: float = 0.0
) -> None:
    """A new certificate. Readings before `valid_from` stay unverified; corrected values are not rewritten."""
    Probe.objects.filter(pk=probe.pk).update(
        certificate=certificate, valid_from=valid_from, valid_to=valid_to, offset_c=offset_c
    )
