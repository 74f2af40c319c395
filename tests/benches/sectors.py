"""`make bench-sectors`: a large hub's wave planned by one task, and by sectors on two workers of their own.

The workers are real Celery processes with one child each, the broker a real Redis, the database the test's.
"""

from __future__ import annotations

import os
import platform
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celery import Celery
from django.db import connection

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.launcher import redis
from marketplace.launcher.children import Child, spawn, stop
from marketplace.places.models import Hub, Place
from routing.models import Leg, Plan, Sector, SectorRun, Shipment, ShipmentOption
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY

pytestmark = pytest.mark.django_db(transaction=True)

STATIONS, VANS = 160, 30
PARCELS = int(os.environ.get("SECTOR_PARCELS", "6000"))
SECONDS = float(os.environ.get("SECTOR_SECONDS", "30"))
#: share of the parcels that may also go to the nearest other station
WITH_A_CHOICE = 0.3
WORKERS, LOOP = 2, "village_loop"
TABLE = Path(__file__).parents[2] / "docs" / "bench-sectors.md"


@pytest.fixture
def hub() -> Hub:
    draw, hub, now = random.Random(3), make_hub(), clock.at(DAY, 0)
    places = []
    for _ in range(STATIONS):
        place = make_station(hub=hub).place
        place.lon, place.lat = 115.39 + draw.gauss(0, 0.12), 28.70 + draw.gauss(0, 0.12)
        places.append(place)
    Place.objects.bulk_update(places, ["lon", "lat"])
    for _ in range(VANS):
        make_vehicle(hub=hub)
    goods = {"zone": "ambient", "size": "S", "min_c": 0, "max_c": 30, "requested_at": now, "deliver_on": DAY}
    load = {"weight_g": 1_000, "volume_ml": 4_000}
    shipments = Shipment.objects.bulk_create(
        Shipment(reference=uuid7(), direction="down", origin_hub=hub, destination_hub=hub, **goods, **load)
        for _ in range(PARCELS)
    )
    near = {place: min((p for p in places if p is not place), key=partial(_far, place)) for place in places}
    own = [places[n % STATIONS] for n in range(PARCELS)]
    choices = [(one, place, 0) for one, place in zip(shipments, own, strict=True)]
    choices += [(one, near[place], 1) for one, place, _ in choices if draw.random() < WITH_A_CHOICE]
    ShipmentOption.objects.bulk_create(
        ShipmentOption(shipment=one, place=place, kind="station", preference=preference)
        for one, place, preference in choices
    )
    Leg.objects.bulk_create(
        Leg(shipment=one, seq=1, kind="deliver", wave=LOOP, hub=hub, **load) for one in shipments
    )
    return hub


def _far(one: Place, other: Place) -> float:
    return (one.lon - other.lon) ** 2 + (one.lat - other.lat) ** 2


@contextmanager
def workers(folder: Path, broker: str, sector_legs: int) -> Iterator[list[Child]]:
    """Celery workers that serve this test's database from this broker."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environment = {
        **os.environ,
        "DATABASE_URL": database.geturl(),
        "REDIS_URL": broker,
        "PLAN_SECTOR_LEGS": str(sector_legs),
    }
    command = [sys.executable, "-m", "celery", "--app", "marketplace.celery", "worker", "--concurrency", "1"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
    started = [
        spawn(
            name=f"worker{n}",
            command=[*command, "--hostname", f"w{n}@bench"],
            log=folder / f"worker{n}-{sector_legs}.log",
            environment=environment,
        )
        for n in range(WORKERS)
    ]
    try:
        yield started
    finally:
        for child in started:
            stop(child)


def planned(
    queue: Celery, hub: Hub, seconds: float, *, kill_one_of: list[Child] | None = None
) -> tuple[Plan, float]:
    """The next version of the plan, and after how many seconds it was in force."""
    before = Plan.objects.filter(hub=hub).count()
    begin = time.perf_counter()
    queue.send_task("routing.tasks.plan_wave", args=[str(hub.uuid), DAY.isoformat(), LOOP, seconds])
    killed = kill_one_of is None
    while Plan.objects.filter(hub=hub).count() == before:
        assert time.perf_counter() - begin < 5 * seconds + 60, "no plan"
        if not killed and Sector.objects.filter(status="running").count() == WORKERS:
            os.kill(_process_of(kill_one_of[0]), signal.SIGKILL)
            killed = True
        time.sleep(0.1)
    assert killed
    return Plan.objects.filter(hub=hub).latest("version"), time.perf_counter() - begin


def _process_of(worker: Child) -> int:
    """Pid of the process in which a worker runs its tasks."""
    return int(Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()[0])


def test_bench_sectors(hub: Hub, tmp_path: Path) -> None:
    broker = redis.plan_broker(root=tmp_path)
    server = redis.start(broker)
    queue = Celery("bench", broker=broker.url)
    queue.conf.task_ignore_result = True
    rows: dict[str, tuple[Plan, float]] = {}
    try:
        with workers(tmp_path, broker.url, PARCELS):
            planned(queue, hub, 1.0)  # loads the solver
            rows[f"one task, {SECONDS:g} s"] = planned(queue, hub, SECONDS)
        with workers(tmp_path, broker.url, PARCELS // 2) as both:
            planned(queue, hub, 2.0)
            rows[f"two sectors, {SECONDS:g} s"] = planned(queue, hub, SECONDS)
            rows[f"two sectors, {SECONDS / 2:g} s"] = planned(queue, hub, SECONDS / 2)
            name = f"two sectors, {SECONDS / 2:g} s, the process of one killed meanwhile"
            rows[name] = planned(queue, hub, SECONDS / 2, kill_one_of=both)
    finally:
        stop(server)
    assert SectorRun.objects.filter(status="done").count() == 4
    lines = [
        "# A large wave by sectors",
        "",
        f"Written by `make bench-sectors`: one hub, {STATIONS} stations, {VANS} vans, {PARCELS:,} parcels",
        f"({WITH_A_CHOICE:.0%} with a choice of two), {WORKERS} worker processes with a thread each; all",
        "rows in one run. Seconds from asking until the plan is in force; rows name the time of the search.",
        f"{os.cpu_count()} cores, Python {platform.python_version()}; load {os.getloadavg()[0]:.1f}.",
        "",
        "| | seconds | yuan | km | tours | unserved |",
        "|---|---|---|---|---|---|",
        *(
            f"| {label} | {took:.1f} | {plan.cost_fen / 100:.2f} | {plan.distance_m / 1000:.1f} "
            f"| {plan.routes.count()} | {plan.unserved.count()} |"
            for label, (plan, took) in rows.items()
        ),
    ]
    TABLE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
