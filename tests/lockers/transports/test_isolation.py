"""Through the broker a device reaches its own prefix and nothing else, retained messages included."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from lockers.ingest import Ingest
from lockers.management.commands.broker_config import device_passwords, watch
from lockers.models import Device, DeviceAlarm
from lockers.protocol.envelope import Envelope, encode
from lockers.services.devices.registration import issue_token, register, revoke
from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Message, TransportError
from marketplace.kernel import clock
from tests.factories.lockers import make_cabinet
from tests.lockers.certificates import Authority
from tests.lockers.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto
A_WHILE_S = 0.5
PATIENCE_S = 60.0


class Heard:
    def __init__(self, line: MqttLine, pattern: str) -> None:
        self.queue: queue.Queue[Message] = queue.Queue()
        line.subscribe(pattern, self.queue.put)
        until(lambda: line.subscribed)

    def payloads(self) -> set[bytes]:
        time.sleep(A_WHILE_S)
        return {self.queue.get().payload for _ in range(self.queue.qsize())}

    def payloads_to(self, last: bytes) -> set[bytes]:
        """All up to a message that follows them on the same line."""
        heard = set()
        while last not in heard:
            heard.add(self.queue.get(timeout=PATIENCE_S).payload)
        return heard


def until(true: object, *, seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def forge(line: MqttLine, topic: str, last: bytes) -> None:
    """Publish what is not the device's own and then what is: the broker has judged the one when it gives
    out the other. Mosquitto 2.0.11 may also throw the forger out: he comes back, as a device would.
    """
    until(lambda: line.connected)
    line.publish(topic, b"forged", qos=0)
    until(lambda: sent(line, f"lk/{line.client}/up/evt", last))


def sent(line: MqttLine, topic: str, payload: bytes) -> bool:
    try:
        line.publish(topic, payload)
    except TransportError:
        return False
    return True


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path / "broker", {"A": "of a", "B": "of b"}).start()
    yield made
    made.kill()


@pytest.fixture
def lines(mosquitto: Mosquitto) -> Iterator[dict[str, MqttLine]]:
    made = {name: MqttLine(mosquitto.broker(name), name) for name in ("ingest", "A", "B")}
    for line in made.values():
        line.reopen()
    until(lambda: all(line.connected for line in made.values()))
    yield made
    for line in made.values():
        line.close()


def test_a_device_neither_reads_nor_writes_anothers_topics(lines: dict[str, MqttLine]) -> None:
    server = Heard(lines["ingest"], "lk/#")
    lines["ingest"].publish("lk/B/down/cfg", b"secret of B", retain=True)
    everything, own = Heard(lines["A"], "#"), Heard(lines["A"], "lk/A/down/+")
    foreign = Heard(lines["A"], "lk/B/down/cfg")
    lines["B"].publish("lk/B/state/doors", b"state of B", retain=True)
    heard = set()
    for topic in ("lk/B/up/evt", "lk/B/down/cmd", "lk/A/down/cmd", "sim/clock", "lk/B/state/conn"):
        forge(lines["A"], topic, last := f"own, behind {topic}".encode())
        heard |= server.payloads_to(last) - {last}
    assert heard == {b"secret of B", b"state of B"}
    assert everything.payloads() | own.payloads() | foreign.payloads() == set()
    lines["ingest"].publish("lk/A/down/cfg", b"for A", retain=True)
    assert everything.payloads_to(b"for A") | own.payloads() == {b"for A"}


def test_who_is_not_known_does_not_get_in(mosquitto: Mosquitto) -> None:
    right = mosquitto.broker("A")
    strangers: list[Broker] = [
        replace(right, password="of b"),
        replace(right, user="nobody"),
        replace(right, user=None, password=None),
    ]
    lines = [MqttLine(broker, "A") for broker in strangers]
    for line in lines:
        line.reopen()
    time.sleep(A_WHILE_S)
    assert [line.connected for line in lines] == [False, False, False]
    for line in lines:
        line.close()


# -- TLS ---------------------------------------------------------------------------------------------------


def let_in(*brokers: Broker) -> list[bool]:
    """Which of these get in within a while, tried at once."""
    with _tried(brokers) as lines:
        time.sleep(A_WHILE_S * 2)
        return [line.connected for line in lines]


def gets_in(broker: Broker) -> None:
    with _tried([broker]) as (line,):
        until(lambda: line.connected)


@contextmanager
def _tried(brokers: Sequence[Broker]) -> Iterator[list[MqttLine]]:
    lines = [MqttLine(broker, f"try {number}") for number, broker in enumerate(brokers)]
    try:
        for line in lines:
            line.reopen()
        yield lines
    finally:
        for line in lines:
            line.close()


@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")  # paho's, of a refused handshake
def test_with_tls_a_device_needs_its_certificate_and_its_password(tmp_path: Path) -> None:
    ours, foreign = Authority(tmp_path / "ours"), Authority(tmp_path / "foreign")
    stolen, stolen_key = ours.issue("B")
    tls = ours.broker(require_certificate=True, revoked=ours.revoke(stolen))
    broker = Mosquitto(tmp_path / "broker", {"A": "of a", "B": "of b"}, tls=tls).start()
    certificate, key = ours.issue("A")
    own = replace(broker.broker("A"), certificate=str(certificate), key=str(key))
    strange, strange_key = foreign.issue("A")
    try:
        gets_in(own)
        refused = {
            "no certificate": replace(own, certificate=None, key=None),
            "another authority": replace(own, certificate=str(strange), key=str(strange_key)),
            "revoked certificate": replace(broker.broker("B"), certificate=str(stolen), key=str(stolen_key)),
            "no password": replace(own, password=None),
            "another's password": replace(own, password="of b"),
            "a broker of another authority": replace(own, ca=str(foreign.ca)),
            "no TLS": replace(own, ca=None, certificate=None, key=None),
        }
        got_in = zip(refused, let_in(*refused.values()), strict=True)
        assert [why for why, stood in got_in if stood] == []
        a, server = (
            MqttLine(own, "A"),
            MqttLine(replace(broker.broker(), certificate=str(certificate), key=str(key)), "ingest"),
        )
        for line in (a, server):
            line.reopen()
        heard = Heard(server, "lk/#")
        forge(a, "lk/B/up/evt", b"own")
        assert heard.payloads_to(b"own") == {b"own"}
        for line in (a, server):
            line.close()
    finally:
        broker.kill()


# -- identities that come and go ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_revoked_device_is_thrown_out_and_its_new_generation_gets_in(tmp_path: Path) -> None:
    for name in ("A", "B"):
        make_cabinet(device=name)
    broker = Mosquitto(tmp_path / "broker", device_passwords()).start()
    before = {name: broker.broker(name) for name in ("A", "B")}
    lines = {name: MqttLine(before[name], name) for name in ("A", "B")}
    stop = threading.Event()
    fixed = {name: broker.users[name] for name in ("ingest", "cabinets")}
    keeper = threading.Thread(target=_keep, args=(broker.folder, fixed, stop))
    keeper.start()
    try:
        for line in lines.values():
            line.reopen()
        until(lambda: all(line.connected for line in lines.values()))
        revoke(device=Device.objects.get(device="A"))
        until(lambda: not lines["A"].connected)
        assert lines["B"].connected
        lines["A"].close()
        assert let_in(before["A"]) == [False]
        identity = register(issue_token(device=Device.objects.get(device="A")))
        after = replace(before["A"], password=identity.broker_password)
        gets_in(after)
        assert let_in(before["A"]) == [False]
        assert lines["B"].connected
    finally:
        stop.set()
        keeper.join(timeout=60)
        for line in lines.values():
            line.close()
        broker.kill()


def _keep(folder: Path, fixed: dict[str, str], stop: threading.Event) -> None:
    try:
        watch(folder, fixed, stop=stop)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_second_device_of_the_same_name_is_an_alarm(tmp_path: Path) -> None:
    """Both hold a copy of one flash: the same key, the same boot number, the same next seq."""
    make_cabinet(device="A")
    broker = Mosquitto(tmp_path / "broker", device_passwords()).start()
    server = MqttLine(broker.broker(), "ingest")
    ingest = Ingest(server)
    ingest.start()
    server.reopen()
    until(lambda: server.subscribed)
    devices = [MqttLine(broker.broker("A"), "A") for _ in range(2)]
    try:
        for start, line in enumerate(devices):
            line.reopen()
            until(lambda line=line: line.connected)
            said = {"online": True, "start": f"power-up {start}"}
            envelope = Envelope("A", 7, 0, f"m{start}", clock.now(), 1.0, "conn", said)
            line.publish("lk/A/state/conn", encode(envelope), retain=True)

        def alarmed() -> bool:
            ingest.round(ingest._gathered())
            return DeviceAlarm.objects.filter(device__device="A", kind="duplicate", cleared_at=None).exists()

        until(alarmed)
    finally:
        for line in (*devices, server):
            line.close()
        broker.kill()
