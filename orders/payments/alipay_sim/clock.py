"""The simulator's own time: the wall clock moved by an offset, and durations scaled by a factor."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from marketplace.kernel import clock as kernel_clock

SHANGHAI = ZoneInfo("Asia/Shanghai")
WIRE_FORMAT = "%Y-%m-%d %H:%M:%S"


class SimClock:
    """Trade times, bills and time-outs follow this clock; signature timestamps follow the wall.

    `time_factor` scales every waiting time of the gateway (notification retries, trade time-outs,
    the life of a bill link): 1 is the real gateway, 0.001 turns four minutes into 0.24 s.
    """

    def __init__(self, *, time_factor: float = 1.0, offset_s: float = 0.0) -> None:
        if time_factor <= 0:
            raise ValueError("time_factor must be positive")
        self.time_factor = time_factor
        self.offset_s = offset_s

    def wall(self) -> datetime:
        return kernel_clock.wall().astimezone(SHANGHAI)

    def now(self) -> datetime:
        return self.wall() + timedelta(seconds=self.offset_s)

    def scaled(self, *, seconds: float) -> timedelta:
        return timedelta(seconds=seconds * self.time_factor)


def wire(moment: datetime) -> str:
    """`yyyy-MM-dd HH:mm:ss` in UTC+8, the only time format of the gateway."""
    return moment.astimezone(SHANGHAI).strftime(WIRE_FORMAT)


def from_wire(text: str) -> datetime:
    return datetime.strptime(text, WIRE_FORMAT).replace(tzinfo=SHANGHAI)
