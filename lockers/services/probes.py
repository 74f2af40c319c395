"""The probes of cabinets, as readings name them."""

from collections.abc import Iterable

from lockers.models import CabinetZone, Device
from marketplace.kernel.temperature import Band
from marketplace.telemetry.models import Probe
from marketplace.telemetry.services import Asset, register_probe


class KnownProbes:
    """Looked up once per batch; a second probe of a known zone registers itself."""

    def __init__(self, devices: Iterable[Device]) -> None:
        by_name = {each.device: each for each in devices}
        rows = Probe.objects.filter(device__in=by_name).values_list("device", "label")
        self._known: set[tuple[str, str]] = set(rows)
        cabinets = [each.cabinet_id for each in by_name.values()]
        self._zones = {
            (row.cabinet_id, row.zone): row for row in CabinetZone.objects.filter(cabinet__in=cabinets)
        }

    def ensure(self, device: Device, label: str, zone: str) -> bool:
        """False for a probe of a zone that the cabinet does not have."""
        if (device.device, label) in self._known:
            return True
        row = self._zones.get((device.cabinet_id, zone))
        if row is None or not 0 < len(label) <= 40:
            return False
        asset = Asset("cabinet", device.cabinet.uuid, zone)
        register_probe(device=device.device, label=label, asset=asset, band=Band(row.min_c, row.max_c))
        self._known.add((device.device, label))
        return True
