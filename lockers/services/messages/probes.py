"""The probes of devices, as readings name them."""

from collections.abc import Iterable

from lockers.models import CabinetZone, Device
from marketplace.kernel.temperature import Band
from marketplace.telemetry.services import Asset, ProbeFacts, probe_facts, register_probe


class KnownProbes:
    """Looked up once per batch; a second probe of a known zone registers itself."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self.facts: dict[tuple[str, str], ProbeFacts] = probe_facts({each.device for each in devices})

    def ensure(self, device: Device, label: str, zone: str) -> bool:
        """False for a probe of a zone that the cabinet does not have."""
        if (device.device, label) in self.facts:
            return True
        zones = CabinetZone.objects.select_related("cabinet__site__place__county")
        row = zones.filter(cabinet=device.cabinet_id, zone=zone).first()
        if row is None or not 0 < len(label) <= 40:
            return False  # a recorder's probes are registered by hand, with their bands
        asset = Asset("cabinet", row.cabinet.uuid, zone, row.cabinet.site.place.county.uuid)
        register_probe(device=device.device, label=label, asset=asset, band=Band(row.min_c, row.max_c))
        self.facts.update(probe_facts([device.device]))
        return True
