"""One contract, every transport: what any two peers may rely on."""

import contextlib
import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from lockers.transports.exchange import SESSION_KEPT_S, Exchange
from lockers.transports.loopback import LoopbackLink, LoopbackServer
from lockers.transports.maker import MakerLine, Platform
from lockers.transports.mqtt import MqttLine
from lockers.transports.port import Message, Transport, TransportError, Will, matches
from tests.lockers.mosquitto import Mosquitto

ROOT = Path(__file__).parents[3]


class Net(Protocol):
    """Both sides of one transport, as a test drives them."""

    def server(self) -> Transport: ...
    def device(self, client: str, will: Will | None = None) -> Transport: ...
    def cut(self, device: Transport) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.exchange = Exchange()

    def server(self) -> Transport:
        return self.exchange.connect("ingest")

    def device(self, client: str, will: Will | None = None) -> Transport:
        return self.exchange.connect(client, will=will)

    def cut(self, device: Transport) -> None:
        device.drop()  # type: ignore[attr-defined]


class Loopback:
    def __init__(self, path: Path) -> None:
        self.exchange = Exchange()
        self.links: list[LoopbackLink] = []
        self.listener = LoopbackServer(path, self.exchange)
        self.path = path

    def server(self) -> Transport:
        return self.exchange.connect("ingest")

    def device(self, client: str, will: Will | None = None) -> Transport:
        link = LoopbackLink(self.path)
        self.links.append(link)
        end = link.connect(client, will=will)
        wait_for(lambda: end.connected and client in self.exchange.clients())
        end.link = link  # type: ignore[attr-defined]
        return end

    def cut(self, device: Transport) -> None:
        device.link.close()  # type: ignore[attr-defined]
        wait_for(lambda: device.client not in self.exchange.clients())  # type: ignore[attr-defined]

    def close(self) -> None:
        for link in self.links:
            link.close()
        self.listener.close()


class Mqtt:
    """Through a real broker: one user per device, as in production."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.mosquitto = mosquitto.start()
        self.lines: list[MqttLine] = []

    def _connected(self, client: str, user: str, will: Will | None = None) -> MqttLine:
        line = MqttLine(self.mosquitto.broker(user), client)
        self.lines.append(line)
        line.reopen(will)
        wait_for(lambda: line.connected)
        return line

    def server(self) -> Transport:
        return self._connected("ingest", "ingest")

    def device(self, client: str, will: Will | None = None) -> Transport:
        return self._connected(client, client, will)

    def cut(self, device: Transport) -> None:
        device.drop()  # type: ignore[attr-defined]

    def close(self) -> None:
        for line in self.lines:
            line.close()
        self.mosquitto.kill()


class Maker:
    """A maker's platform as a process of its own: its devices on a socket, we over its HTTP interface."""

    def __init__(self, folder: Path, *plain: str) -> None:
        self.keys = {"MAKER_CALL_KEY": "aa" * 32, "MAKER_HOOK_KEY": "bb" * 32}
        self.socket = folder / "maker.sock"
        command = [sys.executable, "-m", "lockers.simulator.maker", "--socket", str(self.socket)]
        self.process = subprocess.Popen(
            [*command, *(f"--plain={each}" for each in plain)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **self.keys},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.lines: list[MakerLine] = []
        self.links: list[LoopbackLink] = []

    def platform(self, **changes: Any) -> Platform:
        keys = (bytes.fromhex(each) for each in self.keys.values())
        return replace(Platform(self.url, *keys), **changes)

    def server(self) -> Transport:
        line = MakerLine(self.platform())
        self.lines.append(line)
        line.subscribe("lk/nobody/up/evt", lambda message: None)
        wait_for(lambda: line.connected)
        return line

    def device(self, client: str, will: Will | None = None) -> Transport:
        link = LoopbackLink(self.socket)
        self.links.append(link)
        end = link.connect(client, will=will)
        wait_for(lambda: end.connected and self.online(client))
        end.link = link  # type: ignore[attr-defined]
        return end

    def online(self, client: str) -> bool:
        asking = MakerLine(self.platform())
        try:
            return bool(asking.doors(client)["online"])
        finally:
            asking.close()

    def cut(self, device: Transport) -> None:
        device.link.close()  # type: ignore[attr-defined]
        wait_for(lambda: not self.online(device.client))  # type: ignore[attr-defined]

    def hands(self, door: int, act: str) -> None:
        body = {"device": "M1", "door": door, "act": act}
        httpx.post(f"{self.url}/hands", json=body, trust_env=False).raise_for_status()

    def close(self) -> None:
        for each in (*self.lines, *self.links):
            each.close()
        self.process.terminate()
        self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.005)


MAKER = pytest.param("maker", marks=pytest.mark.processes)


@pytest.fixture(params=["memory", "loopback", pytest.param("mqtt", marks=pytest.mark.mosquitto), MAKER])
def net(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Net]:
    if request.param == "memory":
        yield InMemory()
        return
    passwords = {"L1": "one", "L2": "two"}
    net: Loopback | Mqtt | Maker
    if request.param == "loopback":
        net = Loopback(tmp_path / "devices.sock")
    elif request.param == "mqtt":
        net = Mqtt(Mosquitto(tmp_path / "broker", passwords))
    else:
        net = Maker(tmp_path)
    try:
        yield net
    finally:
        net.close()


class Inbox:
    def __init__(self, transport: Transport, pattern: str) -> None:
        self.queue: queue.Queue[Message] = queue.Queue()
        transport.subscribe(pattern, self.queue.put)
        wait_for(lambda: getattr(transport, "subscribed", True))  # a broker confirms later

    def next(self) -> Message:
        return self.queue.get(timeout=60)

    def empty(self) -> bool:
        time.sleep(0.05)
        return self.queue.empty()


def test_both_directions_and_only_what_was_subscribed(net: Net) -> None:
    server, device = net.server(), net.device("L1")
    up, down = Inbox(server, "$share/ingest/lk/+/up/#"), Inbox(device, "lk/L1/down/+")
    device.publish("lk/L1/up/evt", b"door")
    assert (up.next().payload, up.empty()) == (b"door", True)
    wait_subscribed(server, down, "lk/L1/down/cfg")
    server.publish("lk/L2/down/cmd", b"not yours")
    server.publish("lk/L1/down/cmd", b"open")
    message = down.next()
    assert (message.topic, message.payload, message.retained) == ("lk/L1/down/cmd", b"open", False)
    assert down.empty()


def wait_subscribed(server: Transport, down: Inbox, topic: str) -> None:
    """The device's subscription travels like anything else: a first message shows that it is there."""
    server.publish(topic, b"hello", retain=True)
    assert down.next().payload == b"hello"


def test_the_last_retained_message_is_given_to_a_new_subscription(net: Net) -> None:
    server = net.server()
    server.publish("lk/L1/down/cfg", b"1", retain=True)
    server.publish("lk/L1/down/cfg", b"2", retain=True)
    message = Inbox(net.device("L1"), "lk/L1/down/+").next()
    assert (message.payload, message.retained) == (b"2", True)


def test_what_was_not_acknowledged_comes_again_after_a_reconnect(net: Net) -> None:
    server, device = net.server(), net.device("L1")
    inbox = Inbox(server, "lk/+/up/#")
    for number in range(3):
        device.publish("lk/L1/up/tele", b"%d" % number)
    first, second, third = inbox.next(), inbox.next(), inbox.next()
    server.acknowledge(second)
    # What goes out behind the acknowledgement has arrived, so the acknowledgement has.
    wait_subscribed(server, Inbox(device, "lk/L1/down/+"), "lk/L1/down/cmd")
    again = Inbox(net.server(), "lk/+/up/#")
    assert [again.next().payload, again.next().payload] == [first.payload, third.payload]
    assert again.empty()


def test_a_message_waits_for_an_absent_device_until_it_expires(net: Net) -> None:
    server, device = net.server(), net.device("L1")
    down = Inbox(device, "lk/L1/down/+")
    wait_subscribed(server, down, "lk/L1/down/cmd")
    net.cut(device)
    server.publish("lk/L1/down/cmd", b"stale", expires_in_s=1)
    server.publish("lk/L1/down/cmd", b"kept", expires_in_s=60)
    time.sleep(2.1)  # MQTT counts whole seconds
    back = Inbox(net.device("L1"), "lk/L1/down/+")
    seen = [back.next().payload for _ in range(2 + (not back.empty()))]
    assert b"stale" not in seen
    assert seen[-1] == b"kept" or b"kept" in seen


def test_qos_0_does_not_wait(net: Net) -> None:
    server = net.server()
    inbox = Inbox(server, "lk/+/up/#")
    device = net.device("L1")
    device.publish("lk/L1/up/hb", b"alive", qos=0)
    message = inbox.next()
    assert (message.payload, message.receipt) == (b"alive", None)
    server.close()
    device.publish("lk/L1/up/hb", b"nobody hears", qos=0)
    time.sleep(0.05)
    assert Inbox(net.server(), "lk/+/up/#").empty()


def test_the_last_will_speaks_for_who_was_cut_off_and_not_for_who_left(net: Net) -> None:
    inbox = Inbox(net.server(), "lk/+/state/+")
    will = Will("lk/L1/state/conn", b"offline")
    net.device("L1", will).close()
    assert inbox.empty()
    net.cut(net.device("L1", will))
    assert inbox.next().payload == b"offline"


def test_a_second_connection_of_the_same_name_throws_the_first_out(net: Net) -> None:
    inbox = Inbox(net.server(), "lk/#")
    first = net.device("L1", Will("lk/L1/state/conn", b"offline"))
    second = net.device("L1")
    second.publish("lk/L1/up/evt", b"from the second")
    heard = _until(inbox, b"from the second")  # now the server knows the second, and the first no more
    with contextlib.suppress(TransportError):  # over a socket the refusal is silence
        first.publish("lk/L1/up/evt", b"from the first")
    second.publish("lk/L1/up/evt", b"again")
    heard += _until(inbox, b"again")
    # a broker may publish the will of a session taken over, or not
    assert set(heard) <= {b"offline", b"from the second", b"again"}
    assert inbox.empty()


def _until(inbox: Inbox, payload: bytes) -> list[bytes]:
    heard = [inbox.next().payload]
    while heard[-1] != payload:
        heard.append(inbox.next().payload)
    return heard


def test_the_loopback_comes_back_after_the_server_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "devices.sock"
    reconnected: queue.Queue[bool] = queue.Queue()
    first = LoopbackServer(path, Exchange())
    link = LoopbackLink(path)
    device = link.connect("L1", on_connect=lambda: reconnected.put(True))
    assert reconnected.get(timeout=60)
    first.close()
    wait_for(lambda: not device.connected)
    with pytest.raises(TransportError):
        device.publish("lk/L1/up/evt", b"x")
    exchange = Exchange()
    inbox = Inbox(exchange.connect("ingest"), "lk/#")
    second = LoopbackServer(path, exchange)
    assert reconnected.get(timeout=60)
    device.publish("lk/L1/up/evt", b"again")
    assert inbox.next().payload == b"again"
    link.close()
    second.close()


def test_a_socket_has_one_owner_and_no_other_reader(tmp_path: Path) -> None:
    path = tmp_path / "devices.sock"
    server = LoopbackServer(path, Exchange())
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(TransportError, match="another process"):
        LoopbackServer(path, Exchange())
    server.close()


def test_a_session_is_forgotten_after_a_day() -> None:
    now = [0.0]
    exchange = Exchange(seconds=lambda: now[0])
    Inbox(end := exchange.connect("L1"), "lk/L1/down/+")
    end.close()
    server = exchange.connect("ingest")
    server.publish("lk/L1/down/cmd", b"x")
    now[0] = SESSION_KEPT_S + 1
    exchange.connect("other")
    assert Inbox(exchange.connect("L1"), "lk/L1/down/+").empty()


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("lk/+/up/#", "lk/L1/up/evt", True),
        ("lk/+/up/+", "lk/L1/up/evt/x", False),
        ("lk/+/up/#", "lk/L1/down/cmd", False),
        ("$share/ingest/lk/+/up/#", "lk/L1/up/tele", True),
        ("lk/L1/down/+", "lk/L10/down/cmd", False),
        ("lk/L1", "lk/L1/up", False),
    ],
)
def test_patterns(pattern: str, topic: str, expected: bool) -> None:
    assert matches(pattern, topic) is expected
