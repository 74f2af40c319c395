from lockers.models.allocations import Allocation, Delegation, Occupancy, PickupGroup
from lockers.models.cabinets import Cabinet, CabinetKind, CabinetZone, Compartment, SiteImport
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
from lockers.models.rfid import CrateTag, Reader, Sighting

__all__ = [
    "Allocation",
    "Cabinet",
    "CabinetKind",
    "CabinetZone",
    "CapacityHold",
    "Command",
    "CommandStatus",
    "Compartment",
    "CrateTag",
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
    "Reader",
    "RegistrationToken",
    "Sighting",
    "SiteImport",
    "StorageRule",
    "TurnedAway",
]
