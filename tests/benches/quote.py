"""`make bench-quote`: what a quote costs on a plan of 1,000 stops. Writes docs/bench-quote.md."""

from __future__ import annotations

import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.places.models import Hub, Place, Site, Vehicle
from routing.models import Leg, Plan, PlanPicture, Route, Shipment, Stop, StopTask
from routing.services.quotes.pictures import keep, picture_of
from routing.services.quotes.reach import Ask, quote
from routing.services.shipments.requests import ParcelSpec, served_places
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY

pytestmark = pytest.mark.django_db

VANS, STOPS, PARCELS, PLACES, ROUNDS = 25, 40, 3_300, 30, 300
TABLE = Path(__file__).parents[2] / "docs" / "bench-quote.md"


def town(hub: Hub, draw: random.Random) -> list[Place]:
    spots = [(115.39 + draw.gauss(0, 0.08), 28.70 + draw.gauss(0, 0.08)) for _ in range(VANS * STOPS)]
    places = Place.objects.bulk_create(
        Place(
            kind="cabinet_site",
            name=f"柜{n}",
            county=hub.county,
            lon=lon,
            lat=lat,
            opens=clock.at(DAY, 7).time(),
            closes=clock.at(DAY, 22).time(),
        )
        for n, (lon, lat) in enumerate(spots)
    )
    Site.objects.bulk_create(Site(place=place, hub=hub, kind="estate") for place in places)
    return places


def published_plan(hub: Hub, places: list[Place]) -> None:
    """25 vans, 40 stops each, swept by angle; 3,300 parcels, every tenth chilled."""
    now = clock.at(DAY, 0)
    plan = Plan.objects.create(
        hub=hub,
        date=DAY,
        wave="town_delivery",
        version=1,
        status="published",
        engine="bench",
        created_at=now,
        published_at=now,
    )
    vans: list[Vehicle] = [make_vehicle(hub=hub) for _ in range(VANS)]
    stops: list[Stop] = []
    for number, van in enumerate(vans):
        leaves = clock.at(DAY, 15)
        route = Route.objects.create(
            plan=plan,
            vehicle=van,
            seq=number + 1,
            distance_m=60_000,
            departs_at=leaves,
            returns_at=leaves + timedelta(minutes=5 * STOPS + 20),
        )
        stops += Stop.objects.bulk_create(
            Stop(
                route=route,
                seq=k + 1,
                place=places[number * STOPS + k],
                arrives_at=leaves + timedelta(minutes=5 * k + 10),
                departs_at=leaves + timedelta(minutes=5 * k + 13),
            )
            for k in range(STOPS)
        )
    _parcels(hub, stops)


def _parcels(hub: Hub, stops: list[Stop]) -> None:
    shipments = Shipment.objects.bulk_create(
        Shipment(
            reference=uuid7(),
            direction="up",
            origin_hub=hub,
            destination_hub=hub,
            status="planned",
            deliver_on=DAY,
            zone="chilled" if n % 10 == 0 else "ambient",
            size="S",
            weight_g=1_500,
            volume_ml=9_000,
            min_c=0,
            max_c=7 if n % 10 == 0 else 30,
            cold_budget_min=120 if n % 10 == 0 else None,
            requested_at=clock.at(DAY, 0),
        )
        for n in range(PARCELS)
    )
    legs = Leg.objects.bulk_create(
        Leg(
            shipment=shipment,
            seq=1,
            kind="deliver",
            wave="town_delivery",
            hub=hub,
            weight_g=1_500,
            volume_ml=9_000,
            status="planned",
        )
        for shipment in shipments
    )
    StopTask.objects.bulk_create(
        StopTask(stop=stops[n % len(stops)], leg=leg, kind="drop", cold_minutes=10)
        for n, leg in enumerate(legs)
    )


def percentiles(work: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """(median, p95, worst) in ms."""
    took = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - begin))
    return statistics.median(took), statistics.quantiles(took, n=20)[18], max(took)


def test_bench_quote() -> None:
    draw = random.Random(7)
    hub = make_hub()
    places = town(hub, draw)
    published_plan(hub, places)
    known = served_places([place.uuid for place in places])
    parcels = [
        ParcelSpec(zone="ambient", size="S", weight_g=1_500, volume_ml=8_000, min_c=0, max_c=30),
        ParcelSpec(
            zone="chilled", size="S", weight_g=900, volume_ml=4_000, min_c=0, max_c=7, cold_budget_min=120
        ),
    ]

    def ask() -> None:
        chosen = draw.sample(sorted(known), PLACES)
        asks = [Ask(hub.uuid, known[uuid], parcel, "up") for uuid in chosen for parcel in parcels]
        answers = quote(asks=asks, day=DAY)
        assert any(answer.feasible for answer in answers)

    def ask_anew() -> None:
        picture_of.cache_clear()
        ask()

    def ask_undrawn() -> None:
        PlanPicture.objects.all().delete()
        ask_anew()

    def draw_it() -> None:
        PlanPicture.objects.all().delete()
        keep(Plan.objects.get().uuid)

    rows = {
        "drawing a plan when it is published": percentiles(draw_it, 20),
        "first question of a process, plan drawn": percentiles(ask_anew, 100),
        "first question, plan not drawn (a lost row)": percentiles(ask_undrawn, 20),
        "plan seen before": percentiles(ask, ROUNDS),
    }
    size = len(PlanPicture.objects.get().own_day)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    lines = [
        "# What a quote costs",
        "",
        f"Written by `make bench-quote`: {PLACES} places and 2 parcels a question; one process.",
        f"The plan has {VANS * STOPS:,} stops, {VANS} vans and {PARCELS:,} parcels.",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL {version}.",
        f"Load of the machine before the end: {os.getloadavg()[0]:.1f}.",
        "",
        "| | median ms | p95 ms | worst ms |",
        "|---|---|---|---|",
        *(f"| {name} | {m:.1f} | {p:.1f} | {w:.1f} |" for name, (m, p, w) in rows.items()),
        "",
        f"Goal: p95 at most 150 ms. A drawn plan is {size / 1024:.0f} KiB, stored twice (day, pattern).",
    ]
    TABLE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
