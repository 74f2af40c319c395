"""MQTT 5 with paho on a broker (Mosquitto): the real transport. MQTT is imported nowhere else.

A session outlives its connection by 24 h, so that QoS 1 messages wait for an absent peer. Messages are
acknowledged by hand; an acknowledgement of an earlier connection is void, since the broker has counted its
packet ids anew. Callbacks only queue: taking one's own lock in a callback and around publish deadlocks paho.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qs, unquote, urlsplit

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from lockers.transports.port import Into, Message, TransportError, Will, matches

log = structlog.get_logger()
SESSION_KEPT_S = 24 * 3600
KEEPALIVE_S = 30
IN_FLIGHT = 4_000
_TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class Broker:
    """Where and as whom. `ca`, `certificate`, `key`: files for TLS."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    @classmethod
    def from_url(cls, url: str) -> "Broker":
        """mqtt://[user:password@]host[:port], or mqtts:// with ?ca=FILE[&certificate=FILE&key=FILE].

        Raises ValueError.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError("an MQTT address is mqtt://host or mqtts://host")
        files = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.scheme == "mqtts" and "ca" not in files:
            raise ValueError("mqtts:// needs ?ca=FILE: the broker's certificate authority")
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if parts.scheme == "mqtts" else 1883),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ca=files.get("ca"),
            certificate=files.get("certificate"),
            key=files.get("key"),
        )


class MqttLine:
    """One client id on the broker: a Line. Reconnects by itself until closed, dropped or taken over."""

    def __init__(self, broker: Broker, client: str, *, on_connect: Callable[[], None] = lambda: None) -> None:
        self._broker, self.client, self._on_connect = broker, client, on_connect
        self._subscriptions: dict[str, Into] = {}
        self._claims = threading.Lock()
        # The broker hands out what waited in the session at once, before the subscription is asked for again.
        self._unclaimed: list[Message] = []
        self._paho: paho.Client | None = None
        self._asked = self._confirmed = 0  # subscriptions of the present connection
        self._connection = 0
        self._standing = False
        #: another connection under our name threw us out: two of us would throw each other out for ever
        self.taken_over = False

    @property
    def connected(self) -> bool:
        return self._standing

    @property
    def subscribed(self) -> bool:
        """The broker has confirmed every subscription: what is published from now on arrives."""
        return self._standing and self._confirmed >= self._asked

    def reopen(self, will: Will | None = None) -> None:
        self._stop(orderly=True)
        self.taken_over = False
        client = self._new_client(will)
        connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        connect.SessionExpiryInterval = SESSION_KEPT_S
        self._paho = client
        client.connect_async(
            self._broker.host,
            self._broker.port,
            keepalive=KEEPALIVE_S,
            clean_start=False,
            properties=connect,
        )
        client.loop_start()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> None:
        client = self._paho
        if client is None or not self._standing:
            raise TransportError(f"{self.client} is not connected")
        properties = None
        if expires_in_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, round(expires_in_s))
        sent = client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        if sent.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            raise TransportError(f"{topic}: {paho.error_string(sent.rc)}")
        self._sent(topic, payload, sent)

    def _sent(self, topic: str, payload: bytes, sent: paho.MQTTMessageInfo) -> None:
        """Nothing follows from it: PUBACK says that the broker has it in memory, no more."""

    def subscribe(self, pattern: str, into: Into) -> None:
        with self._claims:
            self._subscriptions[pattern] = into
            claimed = [each for each in self._unclaimed if matches(pattern, each.topic)]
            self._unclaimed = [each for each in self._unclaimed if each not in claimed]
        for message in claimed:
            into(message)
        if self._paho is not None and self._standing:
            self._ask_for(self._paho, [pattern])

    def acknowledge(self, message: Message) -> None:
        client = self._paho
        if message.receipt is None or client is None:
            return
        connection, packet = divmod(message.receipt, 1 << 16)
        if connection == self._connection:
            client.ack(packet, 1)

    def close(self) -> None:
        self._stop(orderly=True)

    def drop(self) -> None:
        self._stop(orderly=False)

    def _stop(self, *, orderly: bool) -> None:
        client, self._paho, self._standing = self._paho, None, False
        if client is None:
            return
        wire = client.socket()
        if orderly:
            client.disconnect()
        elif wire is not None:
            with contextlib.suppress(OSError):
                cast(socket.socket, wire).shutdown(socket.SHUT_RDWR)
        client.loop_stop()

    def _new_client(self, will: Will | None) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self.client, protocol=paho.MQTTv5, manual_ack=True
        )
        client.max_inflight_messages_set(IN_FLIGHT)
        client.reconnect_delay_set(min_delay=1, max_delay=5)
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.ca is not None:
            client.tls_set(
                ca_certs=self._broker.ca,
                certfile=self._broker.certificate,
                keyfile=self._broker.key,
                cert_reqs=ssl.CERT_REQUIRED,
            )
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._arrived
        client.on_subscribe = self._subscribed
        return client

    # -- paho's thread: only queue ------------------------------------------------------------------------

    def _connected(
        self, client: paho.Client, _: object, flags: object, reason: ReasonCode, properties: object
    ) -> None:
        if client is not self._paho:
            return
        if reason.is_failure:
            log.warning("mqtt.refused", client=self.client, why=str(reason))
            return
        self._connection += 1
        self._standing = True
        self._asked = self._confirmed = 0
        with self._claims:
            self._unclaimed.clear()
        if self._subscriptions:
            self._ask_for(client, list(self._subscriptions))
        self._on_connect()

    def _ask_for(self, client: paho.Client, patterns: list[str]) -> None:
        self._asked += 1  # before asking: the answer comes on another thread
        client.subscribe([(pattern, SubscribeOptions(qos=1)) for pattern in patterns])

    def _subscribed(self, client: paho.Client, *about: object) -> None:
        if client is self._paho:
            self._confirmed += 1

    def _disconnected(
        self, client: paho.Client, _: object, flags: object, reason: ReasonCode, properties: object
    ) -> None:
        if client is not self._paho:
            return
        self._standing = False
        if reason.value == _TAKEN_OVER:
            self.taken_over = True
            log.error("mqtt.taken_over", client=self.client)
            client.disconnect()

    def _arrived(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        if client is not self._paho:
            return
        receipt = (self._connection << 16) + message.mid if message.qos else None
        arrived = Message(message.topic, bytes(message.payload), bool(message.retain), receipt)
        with self._claims:
            patterns = self._subscriptions.items()
            into = next((into for pattern, into in patterns if matches(pattern, message.topic)), None)
            if into is None:
                self._unclaimed.append(arrived)
        if into is not None:
            into(arrived)
