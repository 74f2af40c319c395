"""Through the broker a device reaches its own prefix and nothing else, retained messages included."""

import queue
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Message
from tests.lockers.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto
A_WHILE_S = 0.5


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
            heard.add(self.queue.get(timeout=10).payload)
        return heard


def until(true: object) -> None:
    end = time.monotonic() + 10
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


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
    for topic in ("lk/B/up/evt", "lk/B/down/cmd", "lk/A/down/cmd", "sim/clock", "lk/B/state/conn"):
        lines["A"].publish(topic, b"forged")
    lines["A"].publish("lk/A/up/evt", b"own")
    assert server.payloads_to(b"own") == {b"secret of B", b"state of B", b"own"}
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
