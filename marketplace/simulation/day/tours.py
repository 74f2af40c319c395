"""Driving: load at the hub, then stop by stop at the planned times, then back."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from marketplace.simulation.day import drops
from marketplace.simulation.day.cast import Person
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.day.timeline import Timeline

LOADING = timedelta(minutes=15)
#: what a probe in a well kept box shows


async def routes(stage: Stage, wave: str) -> list[dict[str, Any]]:
    """The published routes of the day's wave, over all hubs."""
    shown = await stage.cast.platform.ask("RoutesOfDay", date=stage.world.day.isoformat())
    return [route for route in shown if route["wave"] == wave]


def add(stage: Stage, timeline: Timeline, route: dict[str, Any]) -> None:
    """All acts of one route, in the lane of its van."""
    courier = stage.cast.courier(_vehicle(stage, route["vehicle"]["id"]))
    lane, departs_at = route["id"], _time(route["departsAt"])
    timeline.add(departs_at - LOADING, lane, partial(_load, courier, route["id"]))
    timeline.add(departs_at, lane, partial(_depart, courier, route["id"]))
    last = departs_at
    for stop in sorted(route["stops"], key=lambda each: each["seq"]):
        if stop["place"]["kind"] == "hub":
            continue
        last = max(last, _time(stop["arrivesAt"]))
        timeline.add(last, lane, partial(_stop, stage, courier, route["id"], stop))
    timeline.add(max(last, _time(route["returnsAt"])), lane, partial(_finish, courier, route["id"]))


async def _load(courier: Person, route_id: str) -> None:
    route = await courier.ask("RouteLoad", id=route_id)
    if route["status"] == "planned" and route["expected"]:
        units = [unit["id"] for unit in route["expected"]]
        await courier.do("LoadRoute", f"{route_id}:{units[0]}:{len(units)}", routeId=route_id, unitIds=units)


async def _depart(courier: Person, route_id: str) -> None:
    await courier.do("DepartRoute", route_id, routeId=route_id)


async def _finish(courier: Person, route_id: str) -> None:
    await courier.do("FinishRoute", route_id, routeId=route_id)


async def _stop(stage: Stage, courier: Person, route_id: str, stop: dict[str, Any]) -> None:
    """Arrive, give, take, leave; the stop itself says what is left to give and take."""
    stop_id = stop["id"]
    await courier.do("ArriveAtStop", stop_id, stopId=stop_id)
    load = await _load_of(courier, route_id, stop_id)
    if load["status"] == "done":
        return
    if stop["place"]["kind"] == "cabinet_site":
        await drops.drop_all(stage, courier, stop_id, load["toDrop"])
    else:
        await _hand(courier, "HandOverUnits", stop_id, load["toDrop"])
        await _hand(courier, "CollectUnits", stop_id, load["toCollect"])
    await courier.do("CompleteStop", stop_id, stopId=stop_id)


async def _load_of(courier: Person, route_id: str, stop_id: str) -> dict[str, Any]:
    shown = await courier.ask("StopLoad", id=route_id)
    found: dict[str, Any] = next(each for each in shown["stops"] if each["id"] == stop_id)
    return found


async def _hand(courier: Person, operation: str, stop_id: str, units: list[dict[str, Any]]) -> None:
    """Zone by zone, each with what the probe of its box shows."""
    for zone in sorted({unit["zone"] for unit in units}):
        ids = [unit["id"] for unit in units if unit["zone"] == zone]
        await courier.do(
            operation,
            f"{stop_id}:{ids[0]}:{len(ids)}",
            stopId=stop_id,
            unitIds=ids,
            temperatureC=drops.BOX_C.get(zone),
        )


def _vehicle(stage: Stage, vehicle_id: str) -> str:
    """The world's key of a vehicle."""
    return next(v.key for v in stage.world.vehicles if stage.id("places.vehicle", v.key) == vehicle_id)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
