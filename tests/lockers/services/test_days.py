"""One contract, two transports: the same scripted day leaves the same tables."""

import queue
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import orjson
import pytest
from django.db import transaction

from lockers.ingest import Ingest
from lockers.management.commands.broker_config import device_passwords
from lockers.services.devices.simulated import blueprints
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.clocks import WorldClock
from lockers.transports.mqtt import MqttLine
from lockers.transports.port import Message
from marketplace.kernel import clock
from tests.factories.lockers import make_cabinet
from tests.lockers.mosquitto import Mosquitto
from tests.lockers.services.conftest import Bench
from tests.lockers.services.days import Script, play_day, settle, tables
from tests.lockers.transports.test_isolation import until

SCRIPT = Script(deposits=4, pick_ups=2)  # `make bench-devices` plays 40 and 38
DOORS = (("chilled", "S"),) * 6


def over_mosquitto(folder: Path, at: datetime, script: Script) -> dict[str, list[object]]:
    """The day with a broker between the two; their threads only queue."""
    cabinet = make_cabinet(simulated=True, online=False, cells=DOORS)
    name = cabinet.device.device
    broker = Mosquitto(folder / "broker", device_passwords()).start()
    up: queue.SimpleQueue[Message] = queue.SimpleQueue()
    down: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    server, inbox = MqttLine(broker.broker(), "ingest"), []
    ingest = Ingest(server)
    ingest.start()
    for pattern in ("$share/ingest/lk/+/up/+", "lk/+/state/+"):
        server.subscribe(pattern, up.put)
    server.reopen()
    until(lambda: server.subscribed)
    world = WorldClock()
    world.set(at, frozen=True)
    plain = next(payload for device, payload in blueprints(known={}) if device == name)
    simulated = Cabinet(Blueprint.from_wire(orjson.loads(plain)), folder, world)
    line = MqttLine(broker.broker(name), name, on_connect=lambda: down.put(None))
    simulated.attach(line, down.put)

    def pull() -> None:
        while not up.empty():
            inbox.append(up.get())
        while not down.empty():
            message = down.get()
            simulated.joined() if message is None else simulated.receive(message)

    try:
        simulated.power_on()
        bench = Bench(cabinet, simulated, ingest, inbox, world, pull=pull)
        until(lambda: line.subscribed)
        settle(bench)
        play_day(bench, script)
        return tables(bench)
    finally:
        for each in (line, server):
            each.close()
        broker.kill()
        simulated.close()


def both_ways(
    put_up: Callable[..., Bench], folder: Path, at: datetime, script: Script
) -> dict[str, dict[str, list[object]]]:
    """The tables of the day by transport; nothing of either stays in the database."""
    found = {}
    with transaction.atomic():
        bench = put_up(cells=DOORS)
        settle(bench)
        play_day(bench, script)
        found["memory"] = tables(bench)
        transaction.set_rollback(True)
    clock.install(lambda: clock.Setting(frozen_at=at))
    clock.refresh()
    with transaction.atomic():
        found["mosquitto"] = over_mosquitto(folder / "mqtt", at, script)
        transaction.set_rollback(True)
    return found


@pytest.mark.mosquitto
@pytest.mark.processes
def test_the_same_day_leaves_the_same_tables(
    put_up: Callable[..., Bench], tmp_path: Path, frozen: datetime
) -> None:
    found = both_ways(put_up, tmp_path, frozen, SCRIPT)
    for table, rows in found["memory"].items():
        assert found["mosquitto"][table] == rows, table
    parcels = [row[2] for row in found["memory"]["allocations"]]
    assert (parcels.count("collected"), parcels.count("expired")) == (3, 2)
