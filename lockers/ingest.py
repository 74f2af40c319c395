"""The ingest process: owns the devices' transport, stores what they say, acknowledges, sends what they must
hear.

Each round takes the messages that wait (at most BATCH), stores them in one transaction, acknowledges after
its commit, then lets them have their effects. A kill at any point loses nothing: what was not committed was
not acknowledged and comes again; what was committed and had no effect yet is found by its row.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import psycopg
import structlog
from django.db import InterfaceError, OperationalError, connection

from lockers.models import Device
from lockers.protocol.topics import STATES, UPWARD, Channel, Topic
from lockers.services.devices.carriers import Carrier
from lockers.services.devices.commands import COMMAND_CHANNEL, expire_commands, mark_sent, signed_pending
from lockers.services.devices.config import signed_config
from lockers.services.devices.simulated import BLUEPRINT_TOPIC, CLOCK_TOPIC, blueprints, clock_message
from lockers.services.messages.facts import devices_to_settle, settle_device
from lockers.services.messages.intake import Arrived, take_in
from lockers.services.messages.presence import all_unknown
from lockers.services.sites.cabinets import CONFIG_CHANNEL
from lockers.transports.exchange import Exchange
from lockers.transports.loopback import LoopbackServer
from lockers.transports.maker import MakerLine
from lockers.transports.mosquitto import SERVER_USER
from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Message, Transport, TransportError
from marketplace.database.heartbeat import beat
from marketplace.kernel import clock
from marketplace.telemetry.services import review_due_probes

log = structlog.get_logger()
BATCH = 200
ROUND_S = 0.2
LOOK_EVERY_S = 1.0
CLOCK_CHANNEL = "business_time"
RECONNECTED = "reconnected"


class Ingest:
    """One transport's server side, for the devices that `carrier` reaches. `run` returns after `stop`."""

    def __init__(
        self, transport: Transport, *, simulation: Transport | None = None, carrier: str = ""
    ) -> None:
        self._transport, self._simulation, self._carrier = transport, simulation, carrier
        self._inbox: queue.SimpleQueue[Message | str] = queue.SimpleQueue()
        self._woken: set[str] = set()
        self._looked_at_s = -LOOK_EVERY_S
        self._stopping = threading.Event()
        self._configs: dict[str, int] = {}
        self._blueprints: dict[str, bytes] = {}
        self._clock: bytes | None = None
        self.before_acknowledging: Callable[[], None] = lambda: None  # where a test pulls the plug

    def start(self) -> None:
        """Take over: nobody is known to be there until he says so."""
        all_unknown(carrier=self._carrier)
        self._tell_simulation()
        self._transport.subscribe(f"$share/ingest/{UPWARD}", self._inbox.put)
        self._transport.subscribe(STATES, self._inbox.put)
        self._configure()
        self._settle(devices_to_settle())

    def run(self) -> None:
        while not self._stopping.is_set() and not getattr(self._transport, "taken_over", False):
            try:
                clock.refresh()
                self.round(self._gathered())
                beat("ingest")
            except (OperationalError, InterfaceError) as error:
                log.warning("ingest.database_away", why=str(error))
                connection.close()
                self._stopping.wait(1.0)

    def stop(self) -> None:
        self._stopping.set()

    def wake(self, channel: str) -> None:
        """A notification of the database: something waits to be sent. From any thread."""
        self._inbox.put(channel)

    def round(self, messages: Sequence[Message]) -> None:
        """Store, commit, acknowledge, have effects, send."""
        if messages:
            taken = take_in([Arrived(each.topic, each.payload) for each in messages])
            self.before_acknowledging()
            for message in messages:
                self._transport.acknowledge(message)
            for ack in taken.acks:
                payload = orjson.dumps({"boot": ack.boot, "upto": ack.upto})
                self._publish(Topic(ack.device, Channel.ACK), payload)
            self._settle(sorted(taken.devices))
        self._send_due()

    def _send_due(self) -> None:
        """What a notification announced; and all of it once a second, should one have been lost."""
        woken, self._woken = self._woken, set()
        if RECONNECTED in woken:  # a broker that was killed has forgotten what it retained
            self._configs.clear()
            self._blueprints.clear()
            self._clock = None
            self._looked_at_s = -LOOK_EVERY_S
        everything = time.monotonic() - self._looked_at_s >= LOOK_EVERY_S
        if everything:
            self._looked_at_s = time.monotonic()
            self._settle(devices_to_settle())
        if everything or CLOCK_CHANNEL in woken or CONFIG_CHANNEL in woken:
            self._tell_simulation()
        if everything or CONFIG_CHANNEL in woken:
            self._configure()
        if everything or COMMAND_CHANNEL in woken:
            self._send_commands()

    def _gathered(self) -> list[Message]:
        """What waits now; a little patience when nothing does."""
        messages: list[Message] = []
        with contextlib.suppress(queue.Empty):
            waiting = self._inbox.get(timeout=ROUND_S)
            while True:
                if isinstance(waiting, Message):
                    messages.append(waiting)
                else:
                    self._woken.add(waiting)
                if len(messages) == BATCH:
                    break
                waiting = self._inbox.get_nowait()
        return messages

    def _settle(self, device_ids: Sequence[int]) -> None:
        for device_id in device_ids:
            settle_device(device_id)
        review_due_probes()

    def _send_commands(self) -> None:
        expire_commands()
        for command, payload, left_s in signed_pending(carrier=self._carrier):
            topic = Topic(command.device.device, Channel.COMMAND)
            if self._publish(topic, payload, expires_in_s=left_s):
                mark_sent(command)

    def _configure(self) -> None:
        """Publish the configuration of each device whose version moved since we last did."""
        configured = Device.objects.filter(revoked_at=None, cabinet__isnull=False, carrier=self._carrier)
        for device in configured.select_related("cabinet"):
            if self._configs.get(device.device) != device.config_version:
                topic = Topic(device.device, Channel.CONFIG)
                if self._publish(topic, signed_config(device), retain=True):
                    self._configs[device.device] = device.config_version

    def _tell_simulation(self) -> None:
        """Simulated cabinets learn what they are and what time it is; outside the device wire."""
        if self._simulation is None:
            return
        try:
            message = clock_message(self._clock)
            if message is not None:
                self._simulation.publish(CLOCK_TOPIC, message, retain=True)
                self._clock = message
            for device, payload in blueprints(known=self._blueprints):
                self._simulation.publish(BLUEPRINT_TOPIC + device, payload, retain=True)
                self._blueprints[device] = payload
        except TransportError as error:
            log.warning("ingest.not_sent", topic="sim", why=str(error))

    def _publish(self, topic: Topic, payload: bytes, **how: Any) -> bool:
        try:
            self._transport.publish(str(topic), payload, **how)
        except TransportError as error:
            log.warning("ingest.not_sent", topic=str(topic), why=str(error))
            return False
        return True


def serve_loopback(path: Path, *, ready: Callable[[Ingest], None]) -> None:
    """The embedded transport: own the socket, run until stopped."""
    exchange = Exchange()
    end = exchange.connect(SERVER_USER)
    ingest = Ingest(end, simulation=end)
    ingest.start()
    server = LoopbackServer(path, exchange)
    ready(ingest)
    try:
        _run(ingest)
    finally:
        server.close()


def serve_mqtt(broker: Broker, *, name: str, ready: Callable[[Ingest], None]) -> None:
    """The real transport. Any number of workers, each under a name of its own, share the devices' messages.

    Raises TransportError when another worker took this one's name.
    """
    line = MqttLine(broker, name, on_connect=lambda: ingest.wake(RECONNECTED))
    ingest = Ingest(line, simulation=line)
    ingest.start()
    line.reopen()
    ready(ingest)
    try:
        _run(ingest)
    finally:
        line.close()
    if line.taken_over:
        raise TransportError(f"another worker took over as {name!r}: give each its own --name")


def serve_maker(carrier: Carrier, *, ready: Callable[[Ingest], None]) -> None:
    """A maker's platform, for the devices that were given to it."""
    devices = frozenset(Device.objects.filter(carrier=carrier.name).values_list("device", flat=True))
    line = MakerLine(
        replace(carrier.platform, carries=devices), listen=carrier.listen, public_url=carrier.public_url
    )
    ingest = Ingest(line, carrier=carrier.name)
    ingest.start()
    ready(ingest)
    try:
        _run(ingest)
    finally:
        line.close()


def _run(ingest: Ingest) -> None:
    threading.Thread(target=listen, args=(ingest,), name="listen", daemon=True).start()
    ingest.run()


def listen(ingest: Ingest) -> None:
    """Pass the database's notifications on, over a connection of its own; reconnects for ever."""
    while True:
        try:
            parameters = connection.get_connection_params()
            parameters.pop("cursor_factory", None)
            parameters.pop("context", None)
            with psycopg.connect(**parameters, autocommit=True) as raw:
                for channel in (COMMAND_CHANNEL, CONFIG_CHANNEL, CLOCK_CHANNEL):
                    raw.execute(f"LISTEN {channel}")
                for channel in (COMMAND_CHANNEL, CONFIG_CHANNEL, CLOCK_CHANNEL):
                    ingest.wake(channel)  # what was announced while nobody listened
                for note in raw.notifies():
                    ingest.wake(note.channel)
        except psycopg.OperationalError as error:
            log.warning("ingest.listen_lost", why=str(error))
            threading.Event().wait(1.0)
