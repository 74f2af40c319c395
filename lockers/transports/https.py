"""The fallback: signed requests over HTTPS, each with what is to be said and answered with what waits.

`publish` queues; a thread posts the queue at once, and asks with nothing to say every POLL_S. A request that
fails leaves its messages in the queue until `QUEUE_LIMIT`: the journal behind holds them anyway. Only the
server's answer, sent after its commit, brings `down/ack`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import httpx
import orjson
import structlog

from lockers.protocol import keys, requests
from lockers.protocol.topics import PREFIX
from lockers.transports.port import Into, Line, Message, TransportError, Will, matches

log = structlog.get_logger()
POLL_S = 2.0
TIMEOUT_S = 20.0
MOST_MESSAGES, MOST_BYTES = 100, 768 * 1024
QUEUE_LIMIT = 400


class HttpsLine:
    """A device's end, as a Line. `boot` is asked at every (re)opening: request numbers grow within it."""

    def __init__(
        self,
        url: str,
        device: str,
        key: bytes,
        *,
        boot: Callable[[], int],
        on_connect: Callable[[], None] = lambda: None,
        client: httpx.Client | None = None,
    ) -> None:
        self._url, self.device, self._key = url.rstrip("/") + "/devices/messages", device, key
        self._boot_now, self._on_connect = boot, on_connect
        self._client = client or httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._subscriptions: dict[str, Into] = {}
        self._queue: deque[tuple[str, bytes]] = deque()
        self._queued = threading.Condition()
        self._one_request = threading.Lock()  # numbers must arrive in order
        self._boot = self._number = self._config = 0
        self._open = self._standing = False
        self._run_number = 0  # the answer to a request of an earlier run counts no more

    @property
    def connected(self) -> bool:
        """The last request was answered."""
        return self._standing

    def reopen(self, will: Will | None = None, *, threaded: bool = True) -> None:
        """`will`: nobody publishes it here; the server calls a device silent by the time it was heard."""
        self.drop()
        boot = self._boot_now()
        if boot != self._boot:
            self._boot, self._number, self._config = boot, 0, 0
        self._open = True
        if threaded:
            run = (self._run_number,)
            threading.Thread(target=self._run, args=run, name=f"https {self.device}", daemon=True).start()

    def drop(self) -> None:
        """At once: a request that is under way ends by itself, and nobody waits for it."""
        with self._queued:
            self._open = self._standing = False
            self._run_number += 1
            self._queue.clear()
            self._queued.notify_all()

    def close(self) -> None:
        self.drop()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> None:
        if not self._standing or len(self._queue) >= QUEUE_LIMIT:
            raise TransportError(f"{self.device} does not get through over HTTPS")
        with self._queued:
            self._queue.append((topic, payload))
            self._queued.notify_all()

    def subscribe(self, pattern: str, into: Into) -> None:
        self._subscriptions[pattern] = into

    def acknowledge(self, message: Message) -> None:
        """Nothing: an order is asked for again until it was answered, and obeyed once by its `tx`."""

    def exchange(self) -> bool:
        """One request; whether it was answered. Messages that were not answered go out again."""
        run = self._run_number
        with self._one_request:
            batch = self._next_batch()
            body = orjson.dumps(
                {
                    "messages": [
                        {"channel": topic.split("/", 2)[2], "payload": orjson.loads(payload)}
                        for topic, payload in batch
                    ],
                    "config": self._config,
                }
            )
            self._number += 1
            header = requests.sign_request(
                keys.request_key(self._key),
                device=self.device,
                boot=self._boot,
                number=self._number,
                body=body,
            )
            try:
                answer = self._client.post(self._url, content=body, headers={requests.HEADER: header})
                answer.raise_for_status()
                plain = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                log.info("https.unanswered", device=self.device, why=str(error)[:200])
                self._standing = self._standing and run != self._run_number
                return False
            with self._queued:
                if run != self._run_number:
                    return False
                for sent in batch:
                    if self._queue and self._queue[0] == sent:
                        self._queue.popleft()
        self._answered(plain)
        return True

    def _next_batch(self) -> list[tuple[str, bytes]]:
        with self._queued:
            batch: list[tuple[str, bytes]] = []
            size = 0
            for topic, payload in self._queue:
                size += len(payload)
                if len(batch) == MOST_MESSAGES or (batch and size > MOST_BYTES):
                    break
                batch.append((topic, payload))
            return batch

    def _answered(self, plain: dict[str, list[dict[str, object]]]) -> None:
        was_standing, self._standing = self._standing, self._open
        if self._standing and not was_standing:
            self._on_connect()
        for ack in plain["acks"]:
            self._deliver("down/ack", orjson.dumps(ack))
        for each in plain["down"]:
            if each["channel"] == "down/cfg":
                payload = each["payload"]
                self._config = int(payload["version"]) if isinstance(payload, dict) else 0
            self._deliver(str(each["channel"]), orjson.dumps(each["payload"]))

    def _deliver(self, channel: str, payload: bytes) -> None:
        topic = f"{PREFIX}/{self.device}/{channel}"
        for pattern, into in self._subscriptions.items():
            if matches(pattern, topic):
                into(Message(topic, payload))
                return

    def _run(self, run: int) -> None:
        def over() -> bool:
            return run != self._run_number

        while not over():
            answered = self.exchange()
            with self._queued:
                # What was refused to get through waits its turn; what is new goes at once.
                ready = (lambda: over() or bool(self._queue)) if answered else over
                self._queued.wait_for(ready, timeout=POLL_S)


class WithFallback:
    """MQTT while it gets through; HTTPS when it has been away for a while. One Line to the device."""

    def __init__(self, first: Line, second: Line, *, after_s: float = 20.0) -> None:
        self._first, self._second, self._after_s = first, second, after_s
        self._away_since_s: float | None = None
        self._will: Will | None = None
        self._open = self._second_open = self._first_away = False

    @property
    def connected(self) -> bool:
        return self._chosen().connected

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> None:
        line = self._chosen()
        line.publish(topic, payload, qos=qos, retain=retain, expires_in_s=expires_in_s)

    def subscribe(self, pattern: str, into: Into) -> None:
        self._first.subscribe(pattern, into)
        self._second.subscribe(pattern, into)

    def acknowledge(self, message: Message) -> None:
        if message.receipt is not None:  # those of the second have none
            self._first.acknowledge(message)

    def reopen(self, will: Will | None = None) -> None:
        self.drop()
        self._will, self._open, self._away_since_s = will, True, time.monotonic()
        if not self._first_away:
            self._first.reopen(will)

    def lose_first(self, *, away: bool) -> None:
        """For trials: the first line does not get through, as behind a firewall that came up."""
        self._first_away = away
        if away:
            self._first.drop()
        elif self._open:
            self._first.reopen(self._will)

    def drop(self) -> None:
        self._open = self._second_open = False
        self._first.drop()
        self._second.drop()

    def close(self) -> None:
        self._open = self._second_open = False
        self._first.close()
        self._second.close()

    def _chosen(self) -> Line:
        """Looked at whenever the device asks: ten times a second."""
        if self._first.connected or not self._open:
            self._away_since_s = None
            if self._second_open:
                self._second_open = False
                self._second.drop()
            return self._first
        now_s = time.monotonic()
        self._away_since_s = now_s if self._away_since_s is None else self._away_since_s
        if now_s - self._away_since_s < self._after_s:
            return self._first
        if not self._second_open:
            self._second_open = True
            self._second.reopen(self._will)
        return self._second
