"""A full outbox, a broker killed twice, a worker killed once: the stage of the backlog test and bench.

The course of events is the same for every kind of device, and what is at risk does not hang on chance: while
the worker is held in the middle of its transaction the broker takes AT_RISK more rows; then both are killed.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import orjson
import paho.mqtt.client as paho
from django.db import connection, transaction
from django.db.models import Max

from lockers.management.commands.broker_config import device_passwords
from lockers.models import DeviceMessage
from lockers.protocol.messages import Kind
from lockers.services.devices.simulated import blueprints
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.clocks import WorldClock
from lockers.transports.mosquitto import SIMULATION_USER
from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Message
from marketplace.kernel import clock
from marketplace.telemetry.models import Reading
from tests.factories.lockers import make_cabinet
from tests.lockers.mosquitto import Mosquitto

AT_RISK = 400  # rows with a PUBACK and without a commit at the first kill of the broker
DEVICE = "L1"
ROOT = Path(__file__).parents[2]


class KeepsUntilAck(MqttLine):
    """As it should be. Counts what the broker has taken, and deletes nothing because of it."""

    cabinet: Cabinet

    def __init__(self, broker: Broker, client: str, *, on_connect: Callable[[], None]) -> None:
        super().__init__(broker, client, on_connect=on_connect)
        self.pending: list[tuple[paho.MQTTMessageInfo, int, int]] = []
        self.taken = self.rows_sent = 0

    def _sent(self, topic: str, payload: bytes, sent: paho.MQTTMessageInfo) -> None:
        if topic.endswith(("/up/tele", "/up/evt")):
            rows = orjson.loads(payload)
            self.rows_sent += len(rows)
            self.pending.append((sent, rows[-1]["boot"], rows[-1]["seq"]))

    def count(self) -> None:
        done = [each for each in self.pending if each[0].is_published()]
        self.pending = [each for each in self.pending if not each[0].is_published() and each not in done]
        for _, boot, seq in done:
            self.taken = max(self.taken, seq)
            self.took(boot, seq)

    def took(self, boot: int, seq: int) -> None:
        """PUBACK says that the broker has it in memory, no more."""


class TrustsPuback(KeepsUntilAck):
    """The mistake: what the broker has taken counts as delivered."""

    def took(self, boot: int, seq: int) -> None:
        with self.cabinet.journal.step():
            self.cabinet.journal.acknowledge(boot=boot, upto=seq)
        assert self.cabinet.uplink is not None
        self.cabinet.uplink.acknowledged(boot=boot, upto=seq, seconds=time.monotonic())


@dataclass
class Stage:
    """Broker, ingest worker and one cabinet whose outbox is full."""

    broker: Mosquitto
    environment: dict[str, str]
    cabinet: Cabinet
    line: KeepsUntilAck
    readings: int
    inbox: "queue.SimpleQueue[Message | None]"  # None: the line stands again
    worker: "subprocess.Popen[bytes] | None" = None
    seconds: dict[str, float] = field(default_factory=dict)

    def start_worker(self) -> None:
        self.worker = subprocess.Popen(
            [sys.executable, "-m", "django", "ingest"],
            cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill_worker(self) -> None:
        if self.worker is not None:
            self.worker.send_signal(signal.SIGKILL)
            self.worker.wait(timeout=60)

    def run(self) -> None:
        """The course of events; ends when the outbox is empty and what was said last is stored."""
        began = time.monotonic()
        self.cabinet.attach(self.line, self.inbox.put)
        self.until(lambda: Reading.objects.count() >= self.readings // 6)
        with _worker_held_before_its_commit():
            stored = _stored_upto()
            self.until(lambda: self.line.taken >= stored + AT_RISK)
            self.kill_worker()
            self.broker.kill()
        self.start_worker()
        self.seconds["away"] = self._restart_broker()
        self.until(lambda: _stored_upto() >= self.readings // 2 or self._outbox_empty())
        self.broker.kill()
        self.seconds["away"] += self._restart_broker()
        self.until(self._last_word_is_stored)
        self.seconds["all"] = time.monotonic() - began

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 180
        while not true():
            self._live()
            if time.monotonic() > deadline:
                waiting = self.cabinet.journal.outbox_length()
                raise AssertionError(f"{Reading.objects.count()} rows stored, {waiting} waiting")
            time.sleep(0.02)

    def _live(self) -> None:
        """What the process of simulated cabinets does ten times a second."""
        while not self.inbox.empty():
            message = self.inbox.get()
            if message is None:
                self.line.pending.clear()
                self.cabinet.joined()
            else:
                self.cabinet.receive(message)
        self.cabinet.tick()
        self.line.count()

    def _restart_broker(self) -> float:
        """The device's network stays away until the worker listens again; how long that took."""
        began = time.monotonic()
        self.cabinet.set_online(False)
        self.broker.start()
        await_worker(self.broker)
        self.cabinet.set_online(True)
        return time.monotonic() - began

    def _outbox_empty(self) -> bool:
        return self.cabinet.journal.outbox_length() == 0

    def _last_word_is_stored(self) -> bool:
        """The broker hands out in order: once a later message is there, nothing earlier is on its way."""
        if not self._outbox_empty():
            return False
        if DeviceMessage.objects.filter(type=Kind.ALARM).exists():
            return True
        board = self.cabinet.board
        assert board is not None
        with board.journal.step():
            board.say(Kind.ALARM, {"kind": "last_word"})
        return False


@contextmanager
def _worker_held_before_its_commit() -> Iterator[None]:
    """It hears and reads, and waits for a lock that we hold; killed meanwhile it has committed nothing."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE lockers_devicemark IN EXCLUSIVE MODE")
        yield


def _stored_upto() -> int:
    """The highest seq that a new database connection can read."""
    return Reading.objects.aggregate(most=Max("seq"))["most"] or 0


def await_worker(broker: Mosquitto) -> None:
    """It has subscribed when it says what time it is."""
    said = threading.Event()
    listener = MqttLine(broker.broker(SIMULATION_USER), "listener")
    listener.subscribe("sim/clock", lambda message: said.set())
    listener.reopen()
    assert said.wait(timeout=60)
    listener.close()


@contextmanager
def staged(folder: Path, *, line: type[KeepsUntilAck], readings: int, database_url: str) -> Iterator[Stage]:
    """One cabinet with `readings` in its outbox, one every 12 s until now; the worker listens."""
    make_cabinet(device=DEVICE, simulated=True, online=False, cells=(("chilled", "S"),))
    # What a kill leaves is decided here, not by when the broker last wrote its store.
    broker = Mosquitto(folder / "broker", device_passwords(), autosave_s=1800).start()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "MQTT_URL": f"mqtt://ingest:{broker.users['ingest']}@127.0.0.1:{broker.port}",
        "LOCKER_KEY_FILE": str(folder / "keys" / "locker.json"),
    }
    blueprint = Blueprint.from_wire(orjson.loads(next(blueprints(known={}))[1]))
    without_probe = replace(blueprint, cooled={})  # no readings besides those of the backlog
    cabinet = Cabinet(without_probe, folder / "cabinet", WorldClock())
    inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    made_line = line(broker.broker(DEVICE), DEVICE, on_connect=lambda: inbox.put(None))
    made_line.cabinet = cabinet
    cabinet.power_on()
    _fill(cabinet, readings)
    stage = Stage(broker, environment, cabinet, made_line, readings, inbox)
    stage.start_worker()
    try:
        await_worker(broker)
        yield stage
    finally:
        stage.kill_worker()
        made_line.close()
        broker.kill()
        cabinet.close()


def _fill(cabinet: Cabinet, readings: int) -> None:
    board = cabinet.board
    assert board is not None
    start = clock.wall() - readings * timedelta(seconds=12)
    with board.journal.step():
        for number in range(readings):
            body = {"zone": "chilled", "probe": "chilled-1", "c": 3.0, "raw_c": 3.0, "open": False}
            board.say(Kind.READING, body, at=start + number * timedelta(seconds=12))
