from datetime import date, timedelta
from uuid import UUID

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.places.models import Hub, Place, Vehicle
from routing.models import Leg, Plan, Route, Shipment, Stop, StopTask
from routing.services.shipments.requests import CollectSpec, OptionSpec, ParcelSpec, request_shipment
from tests.factories.places import make_vehicle

DAY = date(2026, 11, 12)


def make_shipment(
    *,
    hub: Hub,
    place: Place,
    direction: str = "down",
    collects: tuple[Place, ...] = (),
    direct: bool = False,
    reference: UUID | None = None,
    zone: str = "ambient",
    options: tuple[Place, ...] = (),
    day: date = DAY,
    weight_g: int = 2_000,
) -> Shipment:
    return request_shipment(
        reference=reference or uuid7(),
        direction=direction,
        hub_uuid=hub.uuid,
        deliver_on=day,
        parcel=ParcelSpec(
            zone=zone,
            size="S",
            weight_g=weight_g,
            volume_ml=5_000,
            min_c=0,
            max_c=30 if zone == "ambient" else 7,
        ),
        options=[
            OptionSpec(place_uuid=option.uuid, preference=n) for n, option in enumerate((place, *options))
        ],
        collects=[CollectSpec(collect.uuid, weight_g, 5_000) for collect in collects],
        direct=direct,
    )


def make_route(
    *,
    hub: Hub,
    stops: list[tuple[Place, list[tuple[str, Leg]]]],
    vehicle: Vehicle | None = None,
    wave: str = "village_loop",
    status: str = "published",
    day: date = DAY,
) -> Route:
    """A published plan of one route, drawn by hand: [(place, [("drop"|"collect", leg), ...]), ...]."""
    start = clock.at(day, 6, 30)
    plan, _ = Plan.objects.get_or_create(
        hub=hub,
        date=day,
        wave=wave,
        status=status,
        defaults={"version": 1, "engine": "hand", "created_at": start, "published_at": start},
    )
    route = Route.objects.create(
        plan=plan,
        vehicle=vehicle or make_vehicle(hub=hub),
        seq=plan.routes.count() + 1,
        distance_m=10_000,
        departs_at=start,
        returns_at=start + timedelta(hours=4),
    )
    for seq, (place, tasks) in enumerate(stops, start=1):
        at = start + timedelta(minutes=30 * seq)
        stop = Stop.objects.create(
            route=route, seq=seq, place=place, arrives_at=at, departs_at=at + timedelta(minutes=6)
        )
        for kind, leg in tasks:
            StopTask.objects.create(stop=stop, leg=leg, kind=kind)
            Leg.objects.filter(pk=leg.pk).update(status="planned")
            Shipment.objects.filter(pk=leg.shipment_id).update(status="planned", place=place)
    return route
