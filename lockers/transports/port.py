"""The port: publish, subscribe, acknowledge.

Both peers see the same three calls, so one test suite holds every transport to the same contract:

- QoS 1 is delivered at least once to each session that subscribed, also when its peer was away for a while,
  unless the message expired first; QoS 0 at most once.
- A message that was received and not acknowledged comes again after a reconnect. The server acknowledges
  after its commit, the device after acting.
- The last retained message of a topic is given to each new subscription.
- `into` only queues: it is called on the transport's own thread and must not call back into the transport.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class TransportError(Exception):
    """Nothing left the machine; what is journalled is sent again later."""


@dataclass(frozen=True, slots=True)
class Message:
    """`receipt` is what acknowledge() needs; None for QoS 0."""

    topic: str
    payload: bytes
    retained: bool = False
    receipt: int | None = None


Into = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Will:
    """Published, retained, when the peer goes without saying so."""

    topic: str
    payload: bytes


class Transport(Protocol):
    @property
    def connected(self) -> bool: ...

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> None:
        """Raises TransportError when not connected."""

    def subscribe(self, pattern: str, into: Into) -> None:
        """Patterns are MQTT's: `+` one level, `#` the rest, `$share/<group>/` in front to share the work."""

    def acknowledge(self, message: Message) -> None: ...

    def close(self) -> None:
        """Leave orderly: no last will."""


class Line(Transport, Protocol):
    """A device's end: a transport whose connection breaks and comes back."""

    def drop(self) -> None:
        """The line breaks: the last will is published, subscriptions and what is unacknowledged are kept."""

    def reopen(self, will: Will | None = None) -> None:
        """Connect, or connect again; `on_connect` is called whenever a connection stands."""


def matches(pattern: str, topic: str) -> bool:
    """MQTT's rule for `+` and `#`."""
    wanted, levels = unshared(pattern).split("/"), topic.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(levels) or level not in ("+", levels[position]):
            return False
    return len(wanted) == len(levels)


def unshared(pattern: str) -> str:
    """The pattern without `$share/<group>/`."""
    return pattern.split("/", 2)[2] if pattern.startswith("$share/") else pattern
