"""Three days without network, then a broker that is killed twice and an ingest worker that is killed once.

A device that deletes on `down/ack` loses nothing; one that trusts the broker's PUBACK loses rows in the very
same course of events, or the test would prove nothing.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import orjson
import paho.mqtt.client as paho
import pytest

from lockers.management.commands.broker_config import device_passwords
from lockers.models import DeviceMark, DeviceMessage
from lockers.protocol.messages import Kind
from lockers.services.simulated import blueprints
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.clocks import WorldClock
from lockers.transports.mosquitto import SIMULATION_USER
from lockers.transports.mqtt import MqttLine
from marketplace.kernel import clock
from marketplace.telemetry.models import Reading
from tests.factories.lockers import make_cabinet
from tests.lockers.mosquitto import Mosquitto
from tests.lockers.test_ingest import database_url

READINGS = 21_600
DEVICE = "L1"
ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.mosquitto, pytest.mark.processes, pytest.mark.django_db(transaction=True)]


class TrustsPuback(MqttLine):
    """The mistake: what the broker has taken counts as delivered."""

    cabinet: Cabinet
    waiting: list[tuple[paho.MQTTMessageInfo, int, int]]

    def _sent(self, topic: str, payload: bytes, sent: paho.MQTTMessageInfo) -> None:
        if topic.endswith(("/up/tele", "/up/evt")):
            last = orjson.loads(payload)[-1]
            self.waiting.append((sent, last["boot"], last["seq"]))

    def forget(self) -> None:
        """Delete what was PUBACKed."""
        for sent, boot, seq in [each for each in self.waiting if each[0].is_published()]:
            with self.cabinet.journal.step():
                self.cabinet.journal.acknowledge(boot=boot, upto=seq)
            assert self.cabinet.uplink is not None
            self.cabinet.uplink.acknowledged(boot=boot, upto=seq, seconds=time.monotonic())
            self.waiting = [each for each in self.waiting if each[0] is not sent]


@dataclass
class Stage:
    """Broker, ingest worker and one cabinet whose outbox is full."""

    broker: Mosquitto
    environment: dict[str, str]
    cabinet: Cabinet
    line: MqttLine
    worker: "subprocess.Popen[bytes] | None" = None

    def start_worker(self) -> None:
        self.worker = subprocess.Popen(
            [sys.executable, "-m", "django", "ingest"],
            cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill_worker(self) -> None:
        if self.worker is not None:
            self.worker.send_signal(signal.SIGKILL)
            self.worker.wait(timeout=10)

    def restart_broker(self) -> None:
        self.broker.kill()
        self.broker.start()

    def run(self, *, quiet_s: float) -> None:
        """Kill as the rows come in; until the outbox is empty and nothing has come for a while."""
        kills = [
            (READINGS // 6, self.restart_broker),
            (READINGS // 3, self._replace_worker),
            (READINGS // 2, self.restart_broker),
        ]
        last, since, deadline = -1, time.monotonic(), time.monotonic() + 120
        while time.monotonic() < deadline:
            self.cabinet.tick()
            if isinstance(self.line, TrustsPuback):
                self.line.forget()
            count = Reading.objects.count()
            if kills and count >= kills[0][0]:
                kills.pop(0)[1]()
            if count != last:
                last, since = count, time.monotonic()
            idle_s = time.monotonic() - since
            if self.cabinet.journal.outbox_length() == 0 and idle_s > quiet_s:
                return
            time.sleep(0.02)
        raise AssertionError(f"{last} rows stored, {self.cabinet.journal.outbox_length()} waiting")

    def _replace_worker(self) -> None:
        self.kill_worker()
        self.start_worker()


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    make_cabinet(device=DEVICE, simulated=True, online=False, cells=(("chilled", "S"),))
    broker = Mosquitto(tmp_path / "broker", device_passwords()).start()
    from_url = f"mqtt://ingest:{broker.users['ingest']}@127.0.0.1:{broker.port}"
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "MQTT_URL": from_url,
        "LOCKER_KEY_FILE": str(tmp_path / "keys" / "locker.json"),
    }
    blueprint = Blueprint.from_wire(orjson.loads(next(blueprints(known={}))[1]))
    without_probe = replace(blueprint, cooled={})  # no readings besides those of the three days
    cabinet = Cabinet(without_probe, tmp_path / "cabinet", WorldClock())
    line: MqttLine = request.param(broker.broker(DEVICE), DEVICE)
    if isinstance(line, TrustsPuback):
        line.cabinet, line.waiting = cabinet, []
    cabinet.power_on()
    _fill(cabinet)
    made = Stage(broker=broker, environment=environment, cabinet=cabinet, line=line)
    made.start_worker()
    _await_worker(broker)
    yield made
    made.kill_worker()
    line.close()
    broker.kill()
    cabinet.close()


def _await_worker(broker: Mosquitto) -> None:
    """It has subscribed when it says what time it is."""
    said = threading.Event()
    listener = MqttLine(broker.broker(SIMULATION_USER), "listener")
    listener.subscribe("sim/clock", lambda message: said.set())
    listener.reopen()
    assert said.wait(timeout=60)
    listener.close()


def _fill(cabinet: Cabinet) -> None:
    """72 h at one reading per 12 s."""
    board = cabinet.board
    assert board is not None
    start = clock.wall() - timedelta(hours=72)
    with board.journal.step():
        for number in range(READINGS):
            body = {"zone": "chilled", "probe": "chilled-1", "c": 3.0, "raw_c": 3.0, "open": False}
            board.say(Kind.READING, body, at=start + number * timedelta(seconds=12))


def _join(stage: Stage) -> None:
    stage.cabinet.attach(stage.line, stage.cabinet.receive)
    stage.cabinet.joined()


@pytest.mark.parametrize("stage", [MqttLine], indirect=True)
def test_nothing_is_lost_and_nothing_doubled(stage: Stage) -> None:
    _join(stage)
    stage.run(quiet_s=1.0)
    assert Reading.objects.count() == READINGS
    everything = READINGS + DeviceMessage.objects.count()
    assert list(DeviceMark.objects.values_list("boot", "upto", "ahead")) == [(1, everything, [])]


@pytest.mark.parametrize("stage", [TrustsPuback], indirect=True)
def test_trusting_puback_loses_rows_in_the_same_course_of_events(stage: Stage) -> None:
    _join(stage)
    stage.run(quiet_s=8.0)
    assert 0 < Reading.objects.count() < READINGS
