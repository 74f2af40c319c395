"""The doors of the lockers: capacity, groups and codes, drops, collection, blocks."""

from lockers.services.capacity.holds import (
    expire_due_holds,
    firm_hold,
    free_cells,
    hold_capacity,
    move_hold,
    release_hold,
)
from lockers.services.devices.commands import Actor, commands_in_flight, expire_commands
from lockers.services.oversight.blocks import (
    block_compartment,
    free_zone,
    hold_parcels,
    open_with_reason,
    release_after_withdrawal,
    release_held_parcels,
    unblock_compartment,
)
from lockers.services.parcels.collection import expire_due_parcels
from lockers.services.parcels.drop_states import DropState, drop_state
from lockers.services.parcels.drops import (
    DropPolicy,
    DropTicket,
    confirm_drop,
    misfit,
    open_for_drop,
)
from lockers.services.parcels.groups import open_pickup_group, pickup_code, pickup_qr, reissue_code
from lockers.services.sites.cabinets import CellSpec, register_cabinet

__all__ = [
    "Actor",
    "CellSpec",
    "DropPolicy",
    "DropState",
    "DropTicket",
    "block_compartment",
    "commands_in_flight",
    "confirm_drop",
    "drop_state",
    "expire_commands",
    "expire_due_holds",
    "expire_due_parcels",
    "firm_hold",
    "free_cells",
    "free_zone",
    "hold_capacity",
    "hold_parcels",
    "misfit",
    "move_hold",
    "open_for_drop",
    "open_pickup_group",
    "open_with_reason",
    "pickup_code",
    "pickup_qr",
    "register_cabinet",
    "reissue_code",
    "release_after_withdrawal",
    "release_held_parcels",
    "release_hold",
    "unblock_compartment",
]
