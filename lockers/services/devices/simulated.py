"""What an embedded server tells its simulated cabinets: what they are, and what time it is.

None of it belongs to the device wire; a real cabinet has its own clock and is built as it is built.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from django.conf import settings

from lockers.models import Device
from lockers.protocol.config import cell_as_wire
from lockers.services.devices.root_keys import locker_of, root_keys
from marketplace.database.business_time import read_setting
from marketplace.kernel import clock
from marketplace.telemetry.models import Probe

CLOCK_TOPIC = "sim/clock"
BLUEPRINT_TOPIC = "sim/cabinets/"


def clock_message(last: bytes | None) -> bytes | None:
    """How business time runs, when that differs from what was said last."""
    setting = read_setting() if settings.TESTER_CONSOLE else clock.Setting()
    frozen = setting.frozen_at is not None
    said = orjson.loads(last) if last is not None else None
    token = setting.frozen_at.isoformat() if setting.frozen_at else setting.offset.total_seconds()
    if said is not None and said["setting"] == token:
        return None
    # Not clock.now(): this process may not have read the setting yet.
    at = setting.frozen_at or clock.wall() + setting.offset
    return orjson.dumps({"at": at.isoformat(), "frozen": frozen, "setting": token})


def blueprints(*, known: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """(device, blueprint) of each simulated cabinet that is new or was changed."""
    devices = Device.objects.filter(simulated=True, revoked_at=None).select_related("cabinet")
    for device in devices.prefetch_related("cabinet__compartments", "cabinet__zones"):
        payload = orjson.dumps(
            {
                "device": device.device,
                "generation": device.generation,
                "key": locker_of(device).hex(),
                **_built_like(device),
                "qr_keys": [key.hex() for key in root_keys().qr_public],
            }
        )
        if known.get(device.device) != payload:
            yield device.device, payload


def _built_like(device: Device) -> dict[str, Any]:
    """Cells, and the °C its cooled parts are set to; a recorder's zones stand in the middle of their band."""
    if device.cabinet is None:
        probes = Probe.objects.filter(device=device.device)
        return {"cells": [], "cooled": {each.zone: (each.min_c + each.max_c) / 2 for each in probes}}
    cells = sorted(device.cabinet.compartments.all(), key=lambda row: row.door)
    return {
        "cells": [cell_as_wire(each.cell) for each in cells],
        "cooled": {zone.zone: zone.set_c for zone in device.cabinet.zones.all()},
    }
