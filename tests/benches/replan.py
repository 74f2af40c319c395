"""`make bench-replan`: what a replan costs on a county's day (110 stations, 14 vans, 3,300 parcels)."""

from __future__ import annotations

import os
import platform
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.places.models import Place
from routing.models import Leg, Shipment, ShipmentOption, Stop
from routing.services.in_force import edits
from routing.services.waves import planning
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY

pytestmark = pytest.mark.django_db

STATIONS, VANS, PARCELS = 110, 14, 3_300
TABLE = Path(__file__).parents[2] / "docs" / "bench-replan.md"


def took_s(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def test_bench_replan() -> None:
    draw, hub, now = random.Random(3), make_hub(), clock.at(DAY, 0)
    places = []
    for _ in range(STATIONS):
        place = make_station(hub=hub).place
        place.lon, place.lat = 115.39 + draw.gauss(0, 0.12), 28.70 + draw.gauss(0, 0.12)
        places.append(place)
    Place.objects.bulk_update(places, ["lon", "lat"])
    for _ in range(VANS):
        make_vehicle(hub=hub)
    shipments = Shipment.objects.bulk_create(
        Shipment(
            reference=uuid7(),
            direction="down",
            origin_hub=hub,
            destination_hub=hub,
            deliver_on=DAY,
            zone="ambient",
            size="S",
            weight_g=1_000,
            volume_ml=4_000,
            min_c=0,
            max_c=30,
            requested_at=now,
        )
        for _ in range(PARCELS)
    )
    ShipmentOption.objects.bulk_create(
        ShipmentOption(shipment=one, place=places[n % STATIONS], kind="station")
        for n, one in enumerate(shipments)
    )
    Leg.objects.bulk_create(
        Leg(
            shipment=one, seq=1, kind="deliver", wave="village_loop", hub=hub, weight_g=1_000, volume_ml=4_000
        )
        for one in shipments
    )
    with clock.as_of(clock.at(DAY, 0)):
        plan = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave="village_loop", seconds=10)
        boss = make_principal("dispatcher", "hub", hub.uuid)
        place = Stop.objects.filter(route__plan=plan).select_related("place")[3].place
        van = plan.routes.select_related("vehicle")[1].vehicle
        rows = {
            f"a station takes nothing ({PARCELS // STATIONS} parcels)": took_s(
                lambda: edits.replan_failure(
                    principal=boss, plan_uuid=plan.uuid, place_uuid=place.uuid, preview=True
                )
            ),
            "a van drives no more": took_s(
                lambda: edits.replan_failure(
                    principal=boss, plan_uuid=plan.uuid, vehicle_uuid=van.uuid, preview=True
                )
            ),
        }
    tours = plan.routes.count()
    lines = [
        "# What a replan costs",
        "",
        f"Written by `make bench-replan`: {STATIONS} stations, {VANS} vans, {PARCELS:,} parcels,",
        f"{tours} tours;",
        "a preview, which does all and is rolled back.",
        f"{os.cpu_count()} cores, Python {platform.python_version()}; load {os.getloadavg()[0]:.1f}.",
        "",
        "| | seconds |",
        "|---|---|",
        *(f"| {name} | {seconds:.2f} |" for name, seconds in rows.items()),
        "",
        "Goal: 3 s.",
    ]
    TABLE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
