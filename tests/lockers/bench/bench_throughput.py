"""8,000 readings a second, each with its own seq, through Mosquitto into PostgreSQL by one ingest worker."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from lockers.management.commands.broker_config import device_passwords
from lockers.models import Device, DeviceMark
from marketplace.kernel import clock
from marketplace.telemetry.models import Reading
from marketplace.telemetry.services import NewReading, ingest_readings
from marketplace.telemetry.services.partitions import make_weeks
from tests.factories.lockers import make_cabinet
from tests.factories.places import make_site
from tests.lockers.backlog import ROOT, await_worker
from tests.lockers.bench.conftest import Row
from tests.lockers.mosquitto import Mosquitto
from tests.lockers.test_ingest import database_url

pytestmark = [pytest.mark.mosquitto, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
PROCESSES = 2


@contextmanager
def serving(
    folder: Path, *, devices: int
) -> Iterator[tuple[Mosquitto, "subprocess.Popen[bytes]", dict[str, str]]]:
    """Cabinets in the database, a broker that knows them, one ingest worker that listens."""
    site = make_site()
    for number in range(devices):
        make_cabinet(
            device=f"P{number:04d}", site=site, cells=(("chilled", "S"),), online=False, simulated=True
        )
    Device.objects.update(simulated=False)  # nobody tells them what they are
    make_weeks()
    broker = Mosquitto(folder / "broker", device_passwords()).start()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "MQTT_URL": f"mqtt://ingest:{broker.users['ingest']}@127.0.0.1:{broker.port}",
        "LOCKER_KEY_FILE": str(folder / "keys" / "locker.json"),
    }
    worker = subprocess.Popen([sys.executable, "-m", "django", "ingest"], cwd=ROOT, env=environment)
    try:
        await_worker(broker)
        yield broker, worker, environment
    finally:
        worker.terminate()
        worker.wait(timeout=20)
        broker.kill()


def run_load(
    folder: Path, broker: Mosquitto, *, rate: int, seconds: float, per_message: int
) -> list[dict[str, Any]]:
    """What each of the load's processes reports."""
    passwords = sorted(broker.passwords.items())
    started = []
    for number in range(PROCESSES):
        plan = {
            "port": broker.port,
            "devices": dict(passwords[number::PROCESSES]),
            "messages_per_s": rate / per_message / PROCESSES,
            "per_message": per_message,
            "seconds": seconds,
        }
        path = folder / f"plan-{number}.json"
        path.write_text(json.dumps(plan))
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.lockers.bench.load", str(path)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "connected\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    return [json.loads(each.communicate(timeout=seconds + 120)[0]) for each in started]


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    line = next(each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in each)
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize(
    ("rate", "per_message", "devices"), [(8_000, 16, 500), (8_000, 100, 80), (12_000, 100, 120)]
)
def bench_sustained(tmp_path: Path, row: Row, rate: int, per_message: int, devices: int) -> None:
    seconds = float(os.environ.get("BENCH_SECONDS", "30"))
    with serving(tmp_path, devices=devices) as (broker, worker, _):
        before = cpu_s(worker.pid)
        reports = run_load(tmp_path, broker, rate=rate, seconds=seconds, per_message=per_message)
        worker_cpu, memory = cpu_s(worker.pid) - before, rss_mib(worker.pid)
    said = sum(each["said"] for each in reports)
    drained_s = max(each["drained_s"] for each in reports)
    rows_stored = Reading.objects.count()
    assert sum(each["acknowledged"] for each in reports) == said
    assert rows_stored == said
    assert not any(DeviceMark.objects.values_list("ahead", flat=True))
    delays = ", ".join(
        f"{name} {max(each[f'delay_{key}_s'] for each in reports):.2f} s"
        for name, key in (("median", "median"), ("99 %", "p99"), ("worst", "worst"))
    )
    row(
        f"{rate:,} readings/s offered for {seconds:.0f} s by {devices} devices, {per_message} a message,"
        " one ingest worker, commit and acknowledgement included",
        f"{said:,} said, {rows_stored:,} stored and acknowledged in {drained_s:.1f} s ="
        f" {rows_stored / drained_s:,.0f}/s; until `down/ack`: {delays};"
        f" {sum(each['messages_again'] for each in reports)} messages sent again;"
        f" CPU a reading: worker {worker_cpu / said * 1e6:.0f} µs,"
        f" devices {sum(each['cpu_s'] for each in reports) / said * 1e6:.0f} µs; worker {memory:.0f} MiB",
    )


def bench_database_alone(tmp_path: Path, row: Row) -> None:
    """What the insert costs without wire and broker: the same statement, batches of 2,000."""
    make_cabinet(device="P0000", cells=(("chilled", "S"),))
    make_weeks()
    start, batch, batches = clock.now(), 2_000, 25
    readings = [
        NewReading("P0000", 1, seq, "chilled-1", start + timedelta(seconds=seq), 3.0)
        for seq in range(1, batch * batches + 1)
    ]
    for name in ("new", "known"):
        began = time.perf_counter()
        for first in range(0, len(readings), batch):
            with transaction.atomic():
                ingest_readings(readings[first : first + batch])
        took_s = time.perf_counter() - began
        assert Reading.objects.count() == len(readings)
        row(
            f"{len(readings):,} {name} rows into the week's partition, batches of {batch:,}",
            f"{len(readings) / took_s:,.0f} rows/s",
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits"
                       " WHERE inhparent = 'telemetry_reading'::regclass")  # fmt: skip
        size = int(cursor.fetchone()[0])
    row("size of a reading with its indexes", f"{size / len(readings):.0f} bytes")
