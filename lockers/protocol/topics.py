"""Topics: `lk/{device}/...`, each with one meaning; a device may use its own prefix only."""

from dataclasses import dataclass
from enum import StrEnum

from lockers.protocol.envelope import is_device_id
from lockers.protocol.errors import Malformed

PREFIX = "lk"


class Channel(StrEnum):
    TELEMETRY = "up/tele"
    EVENTS = "up/evt"
    HEARTBEAT = "up/hb"
    DOORS = "state/doors"
    CONNECTION = "state/conn"
    COMMAND = "down/cmd"
    ACK = "down/ack"
    CONFIG = "down/cfg"


# A retained message is a state, so that replaying it is harmless. Commands are never retained.
RETAINED = frozenset({Channel.DOORS, Channel.CONNECTION, Channel.CONFIG})
# Only these may be lost on the way: the next one says the same.
QOS_0 = frozenset({Channel.HEARTBEAT})


@dataclass(frozen=True, slots=True)
class Topic:
    device: str
    channel: Channel

    def __str__(self) -> str:
        return f"{PREFIX}/{self.device}/{self.channel}"


def read_topic(text: str) -> Topic:
    """Raises Malformed for a topic outside the table of docs/devices.md."""
    prefix, _, rest = text.partition("/")
    device, _, channel = rest.partition("/")
    if prefix != PREFIX or not is_device_id(device) or channel not in set(Channel):
        raise Malformed(f"not a topic of ours: {text[:80]!r}")
    return Topic(device, Channel(channel))


def downward(device: str) -> str:
    """The pattern under which a device hears the server."""
    return f"{PREFIX}/{device}/down/+"


UPWARD = f"{PREFIX}/+/up/+"
STATES = f"{PREFIX}/+/state/+"
