"""Shipments, legs, plans, routes and stops: their states and allowed moves."""

from enum import StrEnum

from marketplace.kernel.transitions import Transitions


class LegKind(StrEnum):
    COLLECT = "collect"
    TRUNK = "trunk"
    DELIVER = "deliver"
    DIRECT = "direct"


class Wave(StrEnum):
    VILLAGE_LOOP = "village_loop"
    TOWN_DELIVERY = "town_delivery"
    TRUNK = "trunk"


class ShipmentStatus(StrEnum):
    REQUESTED = "requested"
    PLANNED = "planned"
    DELIVERED = "delivered"
    UNSERVED = "unserved"
    CANCELLED = "cancelled"


class LegStatus(StrEnum):
    OPEN = "open"
    PLANNED = "planned"
    DONE = "done"
    UNSERVED = "unserved"
    CANCELLED = "cancelled"


class PlanStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


class PlanCause(StrEnum):
    """Why a version of a plan was made."""

    PLANNED = "planned"
    LATE = "late"
    URGENT = "urgent"
    MOVED = "moved"
    FAILURE = "failure"
    REPAIRED = "repaired"
    UNDONE = "undone"
    CHOSEN = "chosen"
    CLOSED = "closed"
    FIXED = "fixed"
    WITHOUT = "without"


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    RETIMED = "retimed"
    TASKS = "tasks"


class Without(StrEnum):
    """What a day's summary leaves out to see what it saves or costs."""

    OPTIONS = "options"
    SAME_LOOP = "same_loop"
    COLD_BUDGET = "cold_budget"
    FIXED_TOURS = "fixed_tours"


class PartStatus(StrEnum):
    """How far one hub's plan of a city run is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class RunStatus(StrEnum):
    """How far a large wave is that is planned by sectors."""

    SOLVING = "solving"
    JOINING = "joining"
    DONE = "done"
    FAILED = "failed"


class RouteStatus(StrEnum):
    PLANNED = "planned"
    STARTED = "started"
    FINISHED = "finished"


class StopStatus(StrEnum):
    PENDING = "pending"
    ARRIVED = "arrived"
    DONE = "done"
    FAILED = "failed"


#: a delivered shipment opens anew only where a unit that was brought back to the hub rides out and breaks
#: down a second time on one day
SHIPMENT_MOVES = Transitions(
    {
        "requested": {"planned", "unserved", "cancelled"},
        "planned": {"planned", "delivered", "unserved", "cancelled"},
        "unserved": {"planned", "cancelled"},
        "delivered": {"requested"},
        "cancelled": set(),
    }
)
ROUTE_MOVES = Transitions({"planned": {"started"}, "started": {"finished"}, "finished": set()})
STOP_MOVES = Transitions(
    {
        "pending": {"arrived", "failed"},
        "arrived": {"done", "failed"},
        "failed": {"arrived"},
        "done": set(),
    }
)
