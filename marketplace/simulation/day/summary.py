"""The day in figures, from what the API shows afterwards."""

import json
from collections import Counter
from typing import Any

from marketplace.simulation.day.cast import Person
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.worlds.leaflet import logins

_DELIVERED = frozenset({"ready", "collected"})


async def make(stage: Stage) -> dict[str, Any]:
    """Orders and parcels, kilometres, cold, options, what was not served and why, mix and fill."""
    orders = await _orders(stage)
    plans = await _plans(stage)
    paid = [order for order in orders if order["paidAt"]]
    parts = [part for order in paid for part in order["fulfilments"]]
    return {
        "world": stage.world.name,
        "seed": stage.world.seed,
        "day": stage.world.day.isoformat(),
        "orders": _order_counts(stage, orders),
        "parcels": _parcel_counts(stage, parts, plans),
        "roads": _roads(plans),
        "options": _options(parts, plans),
        "unserved": _unserved(plans),
        "mix": _mix(parts),
        "fill": {"vans": _van_fill(plans), "cabinets": await _cabinet_fill(stage, parts)},
        "turned_away": dict(Counter(stage.notebook.turned_away.values())),
        "incidents": stage.notebook.incidents,
        "clock_jumps": stage.clock.jumps,
        "logins": _logins(stage),
    }


async def _orders(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for buyer in stage.world.buyers:
        found += await stage.cast.person(f"user:{buyer.key}").ask("MyOrders")
    for station in stage.world.stations:
        station_id = stage.id("farmers.station", station.key)
        found += await stage.cast.officer(station.key).ask("StationOrders", stationId=station_id, first=200)
    return found


async def _plans(stage: Stage) -> list[dict[str, Any]]:
    """Published plans of the day, with their metrics read."""
    found: list[dict[str, Any]] = []
    for hub in stage.world.hubs:
        person: Person = stage.cast.dispatcher(hub.key)
        shown = await person.ask(
            "Plans", hubId=stage.id("places.hub", hub.key), date=stage.world.day.isoformat()
        )
        found += [plan for plan in shown if plan["status"] == "published"]
    for plan in found:
        plan["metrics"] = json.loads(plan["metrics"]) if isinstance(plan["metrics"], str) else plan["metrics"]
    return found


def _order_counts(stage: Stage, orders: list[dict[str, Any]]) -> dict[str, int]:
    states = Counter(order["status"] for order in orders)
    return {
        "wanted": len(stage.world.buyer_orders) + len(stage.world.villager_orders),
        "placed": len(orders),
        "paid": sum(bool(order["paidAt"]) for order in orders),
        "completed": states["completed"],
        "cancelled": states["cancelled"],
        "paid_fen": sum(order["totalMaxFen"] for order in orders if order["paidAt"]),
        "refunded_fen": sum(order["refundedFen"] for order in orders),
    }


def _parcel_counts(
    stage: Stage, parts: list[dict[str, Any]], plans: list[dict[str, Any]]
) -> dict[str, int | float]:
    day = stage.world.day.isoformat()
    delivered = sum(bool(part["readySince"]) and part["deliverOn"] == day for part in parts)
    return {
        "asked_for": len(parts),
        "planned": len(parts) - len({entry["reference"] for plan in plans for entry in plan["unserved"]}),
        "delivered": delivered,
        "collected": sum(part["status"] == "collected" for part in parts),
        "waiting": sum(part["status"] == "ready" for part in parts),
        "served_share": round(delivered / len(parts), 4) if parts else 0.0,
    }


def _roads(plans: list[dict[str, Any]]) -> dict[str, float | int]:
    return {
        "km": round(sum(plan["km"] for plan in plans), 1),
        "routes": sum(len(plan["routes"]) for plan in plans),
        "cost_fen": sum(plan["costFen"] for plan in plans),
        "co2_kg": round(sum(plan["co2G"] for plan in plans) / 1000, 1),
        "hours": round(sum(plan["metrics"].get("hours", 0) for plan in plans), 1),
        "most_cold_minutes": max((plan["metrics"].get("most_cold_minutes", 0) for plan in plans), default=0),
    }


def _options(parts: list[dict[str, Any]], plans: list[dict[str, Any]]) -> dict[str, float | int]:
    movable = sum(bool(part["movable"]) for part in parts)
    return {
        "with_two_or_more": movable,
        "share": round(movable / len(parts), 4) if parts else 0.0,
        "saved_fen": sum(plan["optionsSavedFen"] for plan in plans),
        "moved_from_first_choice": sum(plan["metrics"].get("moved_from_first_choice", 0) for plan in plans),
    }


def _unserved(plans: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(entry["reason"] for plan in plans for entry in plan["unserved"]))


def _mix(parts: list[dict[str, Any]]) -> dict[str, float]:
    """Shares of all parcels, as they were ordered and split."""
    total = len(parts) or 1
    return {
        "up": round(sum(part["way"] != "down" for part in parts) / total, 4),
        "direct": round(sum(part["way"] == "direct" for part in parts) / total, 4),
        "chilled": round(sum(part["zone"] == "chilled" for part in parts) / total, 4),
        "frozen": round(sum(part["zone"] == "frozen" for part in parts) / total, 4),
    }


def _van_fill(plans: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{plan['wave']} {plan['id'][-4:]}": plan["metrics"].get("fill", {}) for plan in plans}


async def _cabinet_fill(stage: Stage, parts: list[dict[str, Any]]) -> dict[str, float]:
    """Share of each cabinet's cells that took a parcel on the day."""
    taken: Counter[str] = Counter()
    for part in parts:
        if part["way"] == "up" and part["readySince"] and part["destination"]["kind"] == "cabinet_site":
            taken[stage.device(part["destination"]["id"], part["zone"])] += 1
    return {
        f"{cabinet.device} {cabinet.name}": round(taken[cabinet.device] / len(cabinet.cells), 4)
        for cabinet in stage.world.cabinets
    }


def _logins(stage: Stage) -> list[dict[str, str]]:
    """One telephone and PIN per role."""
    return logins(stage.world)
