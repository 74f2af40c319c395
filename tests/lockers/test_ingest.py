"""Acknowledgement after commit: the ingest process killed at the worst moment loses nothing and doubles
nothing.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import psycopg
import pytest
from django.db import connection, transaction

from lockers.ingest import Ingest
from lockers.models import Device, DeviceAlarm, DeviceMark, DeviceMessage
from lockers.protocol.envelope import Envelope, encode
from lockers.services.messages.intake import Arrived, take_in
from lockers.transports.exchange import Exchange
from lockers.transports.port import Message
from marketplace.database.business_time import set_business_time
from marketplace.kernel import clock
from marketplace.telemetry.models import Reading
from tests.factories.lockers import make_cabinet

ROOT = Path(__file__).parents[2]
DEVICE = "L1"


def reading(seq: int, *, boot: int = 1, **changes: object) -> Arrived:
    body = {"zone": "chilled", "probe": "chilled-1", "c": 3.0, "raw_c": 3.0, "open": False, **changes}
    envelope = Envelope(DEVICE, boot, seq, f"m{seq}", clock.now(), float(seq), "reading", body)
    return Arrived(f"lk/{DEVICE}/up/tele", encode(envelope))


def database_url() -> str:
    """For connections and processes of their own."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def stored() -> tuple[int, int, dict[int, int]]:
    marks = dict(DeviceMark.objects.values_list("boot", "upto"))
    return Reading.objects.count(), DeviceMessage.objects.count(), marks


@pytest.mark.django_db
def test_known_rows_add_none_and_holes_hold_the_mark() -> None:
    make_cabinet(device=DEVICE)
    acks = take_in([reading(1), reading(2), reading(4)]).acks
    assert [(each.boot, each.upto) for each in acks] == [(1, 2)]
    assert [(each.boot, each.upto) for each in take_in([reading(3), reading(3)]).acks] == [(1, 4)]
    before = stored()
    assert before == (4, 0, {1: 4})
    assert [(each.boot, each.upto) for each in take_in([reading(n) for n in (4, 1, 3)]).acks] == [(1, 4)]
    assert stored() == before


@pytest.mark.django_db
def test_the_unique_key_holds_even_when_the_mark_forgets() -> None:
    make_cabinet(device=DEVICE)
    messages = [reading(1), reading(2)]
    take_in(messages)
    DeviceMark.objects.all().delete()
    take_in(messages)
    assert stored() == (2, 0, {1: 2})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [{"c": "warm", "raw_c": None}, {"zone": "frozen", "probe": "frozen-1"}, {"raw_c": 4_000.0}]
)
def test_a_reading_that_makes_no_sense_is_kept_and_acknowledged(body: dict[str, Any]) -> None:
    make_cabinet(device=DEVICE)
    assert take_in([reading(1, **body)]).acks[0].upto == 1
    assert stored() == (0, 1, {1: 1})


@pytest.mark.django_db
def test_unknown_types_are_kept_unknown_versions_and_strangers_are_not_acknowledged() -> None:
    make_cabinet(device=DEVICE)
    odd = Envelope(DEVICE, 1, 1, "m", clock.now(), 0.0, "vendor.fan_speed", {"rpm": 900})
    later = encode(odd).replace(b'"v":1', b'"v":2')
    stranger = Envelope("L9", 1, 1, "m", clock.now(), 0.0, "reading", {})
    taken = take_in(
        [
            Arrived(f"lk/{DEVICE}/up/evt", encode(odd)),
            Arrived(f"lk/{DEVICE}/up/evt", later),
            Arrived(f"lk/{DEVICE}/up/evt", b"\xff not json"),
            Arrived("lk/L9/up/tele", encode(stranger)),
            Arrived(f"lk/{DEVICE}/up/tele", encode(stranger)),
        ]
    )
    assert [(each.device, each.upto) for each in taken.acks] == [(DEVICE, 1)]
    assert list(DeviceMessage.objects.values_list("type", "body")) == [("vendor.fan_speed", {"rpm": 900})]


@pytest.mark.django_db
def test_a_revoked_device_is_not_heard() -> None:
    make_cabinet(device=DEVICE)
    Device.objects.update(revoked_at=clock.now())
    assert take_in([reading(1)]).acks == ()
    assert stored() == (0, 0, {})


@pytest.mark.django_db
def test_two_devices_under_one_name_are_an_alarm() -> None:
    """A clone reuses numbers: the same (boot, seq) with another mid, or a boot of the past."""
    make_cabinet(device=DEVICE)

    def say(boot: int, mid: str, kind: str = "boot", channel: str = "up/evt", seq: int = 1) -> None:
        envelope = Envelope(DEVICE, boot, seq, mid, clock.now(), 0.0, kind, {"online": True})
        take_in([Arrived(f"lk/{DEVICE}/{channel}", encode(envelope))])

    say(7, "a")
    say(7, "a")
    say(7, "conn", "conn", "state/conn", 0)
    assert DeviceAlarm.objects.count() == 0
    say(7, "b")
    assert list(DeviceAlarm.objects.values_list("kind", flat=True)) == ["duplicate"]
    DeviceAlarm.objects.all().delete()
    say(3, "conn", "conn", "state/conn", 0)
    assert list(DeviceAlarm.objects.values_list("kind", flat=True)) == ["duplicate"]
    assert Device.objects.get().boot == 7


class PlugPulled(BaseException):
    """The process is gone."""


@pytest.mark.django_db(transaction=True)
def test_killed_between_commit_and_acknowledgement_everything_comes_again() -> None:
    make_cabinet(device=DEVICE)
    exchange = Exchange()
    acks: list[Message] = []
    device = exchange.connect(DEVICE)
    device.subscribe(f"lk/{DEVICE}/down/ack", acks.append)
    first = Ingest(exchange.connect("ingest"))
    first.start()
    for seq in (1, 2, 3):
        device.publish(f"lk/{DEVICE}/up/tele", reading(seq).payload)

    def pull() -> None:
        raise PlugPulled

    first.before_acknowledging = pull
    with pytest.raises(PlugPulled):
        first.round(first._gathered())
    assert (stored(), acks) == ((3, 0, {1: 3}), [])
    second = Ingest(exchange.connect("ingest"))
    second.start()
    second.round(second._gathered())
    assert stored() == (3, 0, {1: 3})
    assert [orjson.loads(each.payload) for each in acks] == [{"boot": 1, "upto": 3}]


@pytest.mark.django_db(transaction=True)
def test_no_acknowledgement_exceeds_what_another_connection_can_read() -> None:
    make_cabinet(device=DEVICE)
    exchange = Exchange()
    device = exchange.connect(DEVICE)
    beyond: list[int] = []

    def look(message: Message) -> None:
        with psycopg.connect(database_url()) as other:
            row = other.execute("SELECT count(*) FROM telemetry_reading").fetchone()
        assert row is not None
        beyond.append(orjson.loads(message.payload)["upto"] - row[0])

    device.subscribe(f"lk/{DEVICE}/down/ack", look)
    ingest = Ingest(exchange.connect("ingest"))
    ingest.start()
    for seq in range(1, 301):
        device.publish(f"lk/{DEVICE}/up/tele", reading(seq).payload)
    while stored()[0] < 300:
        ingest.round(ingest._gathered())
    assert beyond == [0, 0]


# -- as processes --------------------------------------------------------------------------------------------


@dataclass
class Processes:
    """Ingest and cabinets as they run in the product, on the test's database."""

    folder: Path
    environment: dict[str, str]
    running: dict[str, "subprocess.Popen[bytes]"]

    def start(self, name: str, *command: str) -> None:
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL
        )

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running.pop(name).wait(timeout=60)

    def ingest(self) -> None:
        self.start("ingest", "django", "ingest")

    def cabinets(self, port: int) -> None:
        path, data = str(self.folder / "devices.sock"), str(self.folder / "cabinets")
        self.start("cabinets", "lockers.simulator", "--socket", path, "--data", data, "--control", str(port))


@pytest.fixture
def processes(tmp_path: Path, transactional_db: None, settings: object) -> Iterator[Processes]:
    made = Processes(
        folder=tmp_path,
        environment={
            **os.environ,
            "DATABASE_URL": database_url(),
            "DEVICE_SOCKET": str(tmp_path / "devices.sock"),
            "LOCKER_KEY_FILE": str(tmp_path / "keys" / "locker.json"),
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        },
        running={},
    )
    yield made
    for process in made.running.values():
        process.terminate()
        process.wait(timeout=60)


def until(true: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


@pytest.mark.processes
def test_ingest_and_cabinets_killed_by_turns_lose_nothing_and_double_nothing(
    processes: Processes, unused_port: int
) -> None:
    """A day and more of readings jumps by while both sides are killed again and again."""
    with transaction.atomic():
        make_cabinet(device=DEVICE, simulated=True, online=False)
        start = set_business_time(at=clock.wall(), frozen=True).frozen_at
    assert start is not None
    processes.ingest()
    processes.cabinets(unused_port)
    url = f"http://127.0.0.1:{unused_port}"
    until(lambda: Device.objects.filter(online=True).exists())
    for turn in range(1, 5):
        target = start + turn * timedelta(hours=8)
        set_business_time(at=target, frozen=True)
        until(partial(_arrived_at, url, target))
        victim = "ingest" if turn % 2 else "cabinets"
        processes.kill(victim)
        time.sleep(0.1)
        processes.ingest() if victim == "ingest" else processes.cabinets(unused_port)
        until(partial(_is_back, 1 + turn // 2))
    until(lambda: _drained(url))
    until(lambda: not DeviceMessage.objects.filter(handled_at=None).exists())
    for boot, upto in DeviceMark.objects.values_list("boot", "upto"):
        seqs = [
            *Reading.objects.filter(boot=boot).values_list("seq", flat=True),
            *DeviceMessage.objects.filter(boot=boot).values_list("seq", flat=True),
        ]
        assert sorted(seqs) == list(range(1, upto + 1))
    assert set(DeviceMark.objects.values_list("boot", flat=True)) == {1, 2, 3}
    assert Reading.objects.count() >= 4 * 8 * 12


def _is_back(boot: int) -> bool:
    return Device.objects.filter(online=True, boot__gte=boot).exists()


def _arrived_at(url: str, target: datetime) -> bool:
    """The cabinets' clock has jumped: their outbox is full of readings now."""
    return bool(_ask(url, "/clock").get("at") == target.isoformat())


def _drained(url: str) -> bool:
    return bool(_ask(url, "/quiet").get("quiet"))


def _ask(url: str, path: str) -> dict[str, object]:
    try:
        found: dict[str, object] = httpx.get(url + path, trust_env=False).json()
    except httpx.TransportError:  # not yet up again
        return {}
    return found


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
