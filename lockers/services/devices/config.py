"""What each cabinet must hold, written whole from rows."""

from lockers.models import Allocation, Device
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState
from lockers.protocol.config import Config, sign_config
from lockers.services.devices.root_keys import locker_of, root_keys
from lockers.services.parcels.drops import placed_as_wire


def signed_config(device: Device) -> bytes:
    """The payload of `down/cfg` in the device's present version."""
    cabinet = device.housing
    compartments = list(cabinet.compartments.order_by("door"))
    live = (
        Allocation.objects.filter(LIVE_ALLOCATION, compartment__cabinet=cabinet)
        .select_related("compartment__cabinet__device", "group")
        .order_by("pk")
    )
    held = [each for each in live if each.state == AllocationState.BLOCKED]
    blocked = {each.door for each in compartments if each.blocked_at} | {
        each.compartment.door for each in held
    }
    config = Config(
        device=device.device,
        generation=device.generation,
        version=device.config_version,
        known=(device.handled_boot, device.handled_seq),
        cells=tuple(each.cell for each in compartments),
        blocked=frozenset(blocked),
        placed=tuple(placed_as_wire(each) for each in live),
        qr_keys=root_keys().qr_public,
    )
    locker = locker_of(device)
    return sign_config(config, key=keys.command_key(locker))
