from lockers.models.allocations import Allocation, Delegation, Occupancy, PickupGroup
from lockers.models.cabinets import Cabinet, CabinetKind, CabinetZone, Compartment
from lockers.models.capacity import CapacityHold, HoldStatus, TurnedAway
from lockers.models.desk import DeskAction, DeskEntry
from lockers.models.devices import (
    Command,
    CommandStatus,
    Device,
    DeviceAlarm,
    DeviceMark,
    DeviceMessage,
    RegistrationToken,
)
from lockers.models.dwell import DwellShares
from lockers.models.fees import StorageRule

__all__ = [
    "Allocation",
    "Cabinet",
    "CabinetKind",
    "CabinetZone",
    "CapacityHold",
    "Command",
    "CommandStatus",
    "Compartment",
    "Delegation",
    "DeskAction",
    "DeskEntry",
    "Device",
    "DeviceAlarm",
    "DeviceMark",
    "DeviceMessage",
    "DwellShares",
    "HoldStatus",
    "Occupancy",
    "PickupGroup",
    "RegistrationToken",
    "StorageRule",
    "TurnedAway",
]
