"""Five hundred whole cabinets, each with its journal, doors and probe, connected from four processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from lockers.models import Device
from lockers.protocol.config import cell_as_wire
from lockers.services.devices.root_keys import root_keys
from lockers.transports.mosquitto import SIMULATION_USER
from marketplace.telemetry.models import Reading
from tests.lockers.backlog import ROOT
from tests.lockers.bench.bench_throughput import rss_mib, serving
from tests.lockers.bench.conftest import Row

pytestmark = [pytest.mark.mosquitto, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
CABINETS, PROCESSES = 500, 4


def blueprint(device: Device) -> dict[str, object]:
    return {
        "device": device.device,
        "generation": device.generation,
        "key": root_keys().locker(device=device.device, generation=device.generation).hex(),
        "cells": [cell_as_wire(each.cell) for each in device.cabinet.compartments.all()],
        "cooled": {zone.zone: zone.set_c for zone in device.cabinet.zones.all()},
        "qr_keys": [key.hex() for key in root_keys().qr_public],
    }


def bench_five_hundred_cabinets(tmp_path: Path, row: Row) -> None:
    with serving(tmp_path, devices=CABINETS) as (broker, worker, environment):
        url = f"mqtt://{SIMULATION_USER}:{broker.users[SIMULATION_USER]}@127.0.0.1:{broker.port}"
        plans = [blueprint(each) for each in Device.objects.order_by("device")]
        began, started = time.monotonic(), []
        for number in range(PROCESSES):
            file = tmp_path / f"cabinets-{number}.json"
            file.write_bytes(orjson.dumps({"cabinets": plans[number::PROCESSES]}))
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "lockers.simulator", "--mqtt", url, "--name", f"cabinets{number}",
                     "--data", str(tmp_path / f"data-{number}"), "--cabinets", str(file)],
                    cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
        try:
            _until(lambda: Device.objects.filter(online=True, outbox=0, boot=1).count() == CABINETS)
            connected_s = time.monotonic() - began
            _until(lambda: Reading.objects.values("device").distinct().count() == CABINETS)
            first = Reading.objects.count()
            since = time.monotonic()
            _until(lambda: Reading.objects.count() >= first + CABINETS)
            rate = (Reading.objects.count() - first) / (time.monotonic() - since)
            memory = [rss_mib(each.pid) for each in started]
            row(
                f"{CABINETS} connected simulated cabinets from {PROCESSES} processes",
                f"all online after {connected_s:.0f} s; {sum(memory):.0f} MiB in all"
                f" ({max(memory):.0f} MiB the largest process, {sum(memory) / CABINETS:.2f} MiB a cabinet);"
                f" {rate:.1f} readings/s at one a minute each; broker {rss_mib(broker.pid):.0f} MiB,"
                f" ingest worker {rss_mib(worker.pid):.0f} MiB",
            )
            assert [each.poll() for each in started] == [None] * PROCESSES
        finally:
            for each in started:
                each.send_signal(signal.SIGTERM)
            for each in started:
                each.wait(timeout=60)


def _until(true: object, seconds: float = float(os.environ.get("BENCH_PATIENCE_S", "240"))) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, f"{Device.objects.filter(online=True).count()} online"
        time.sleep(0.5)
