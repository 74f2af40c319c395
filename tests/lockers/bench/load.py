"""Devices that do nothing but speak, in a process of their own: each says readings at a steady pace, keeps
them until `down/ack`, and sends again what is not acknowledged after 5 s.

    python -m tests.lockers.bench.load PLAN.json

prints one JSON line: what was said, acknowledged, sent twice, and how long acknowledgements took.
"""

import json
import queue
import resource
import statistics
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from lockers.protocol.envelope import wire_time
from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Message
from marketplace.kernel import clock

RESEND_AFTER_S = 5.0
PATIENCE_S = 60.0
_ENVELOPE = (
    '{"v":1,"mid":"%s-1-%d","dev":"%s","boot":1,"seq":%d,"ts":"%s","mono":%.3f,"type":"reading",'
    '"body":{"zone":"chilled","probe":"chilled-1","c":3.1,"raw_c":3.1,"open":false}}'
)


@dataclass
class Speaker:
    """One device. `waiting`: (last seq, payload, sent at) of each batch that is not acknowledged."""

    name: str
    line: MqttLine
    seq: int = 0
    upto: int = 0
    sent_again: int = 0
    waiting: "deque[tuple[int, bytes, float]]" = field(default_factory=deque)
    delays_s: list[float] = field(default_factory=list)

    def say(self, readings: int, *, began: datetime, now_s: float) -> None:
        at = wire_time(began + timedelta(seconds=now_s))
        first = self.seq + 1
        self.seq += readings
        envelopes = [
            _ENVELOPE % (self.name, seq, self.name, seq, at, now_s) for seq in range(first, self.seq + 1)
        ]
        payload = ("[" + ",".join(envelopes) + "]").encode()
        self.waiting.append((self.seq, payload, now_s))
        self.line.publish(f"lk/{self.name}/up/tele", payload)

    def acknowledged(self, upto: int, *, now_s: float) -> None:
        self.upto = max(self.upto, upto)
        while self.waiting and self.waiting[0][0] <= self.upto:
            self.delays_s.append(now_s - self.waiting.popleft()[2])

    def send_again(self, *, now_s: float) -> None:
        if self.waiting and now_s - self.waiting[0][2] > RESEND_AFTER_S:
            late, self.waiting = self.waiting, deque()
            for last, payload, _ in late:
                self.line.publish(f"lk/{self.name}/up/tele", payload)
                self.waiting.append((last, payload, now_s))
                self.sent_again += 1


def main(plan: dict[str, object]) -> dict[str, object]:
    names = {str(name): str(password) for name, password in plan["devices"].items()}
    per_message, messages_per_s = int(plan["per_message"]), float(plan["messages_per_s"])
    total = int(messages_per_s * float(plan["seconds"]))
    inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
    speakers = []
    for name, password in names.items():
        broker = Broker("127.0.0.1", int(plan["port"]), user=name, password=password)
        line = MqttLine(broker, name)
        line.subscribe(f"lk/{name}/down/ack", inbox.put)
        line.reopen()
        speakers.append(Speaker(name, line))
    by_name = {each.name: each for each in speakers}
    deadline = time.monotonic() + PATIENCE_S
    while not all(each.line.subscribed for each in speakers):
        assert time.monotonic() < deadline, "not all devices got in"
        time.sleep(0.05)
    print("connected", flush=True)
    sys.stdin.readline()  # the others are ready too
    began, start = clock.wall(), time.monotonic()
    said, ended_s = 0, 0.0
    while True:
        now_s = time.monotonic() - start
        while said < total and said / messages_per_s <= now_s:
            speakers[said % len(speakers)].say(per_message, began=began, now_s=now_s)
            said += 1
            ended_s = now_s
        _hear(inbox, by_name, start)
        for each in speakers:
            each.send_again(now_s=now_s)
        if said == total and not any(each.waiting for each in speakers):
            break
        if now_s > ended_s + PATIENCE_S:
            break
        time.sleep(0.002)
    drained_s = time.monotonic() - start
    delays = sorted(delay for each in speakers for delay in each.delays_s)
    for each in speakers:
        each.line.close()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "said": sum(each.seq for each in speakers),
        "acknowledged": sum(each.upto for each in speakers),
        "messages_again": sum(each.sent_again for each in speakers),
        "said_s": ended_s,
        "drained_s": drained_s,
        "delay_median_s": statistics.median(delays) if delays else None,
        "delay_worst_s": delays[-1] if delays else None,
        "delay_p99_s": delays[int(len(delays) * 0.99)] if delays else None,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_mib": usage.ru_maxrss / 1024,
    }


def _hear(inbox: "queue.SimpleQueue[Message]", by_name: dict[str, Speaker], start: float) -> None:
    while not inbox.empty():
        message = inbox.get()
        speaker = by_name[message.topic.split("/")[1]]
        speaker.line.acknowledge(message)
        upto = orjson.loads(message.payload)["upto"]
        speaker.acknowledged(upto, now_s=time.monotonic() - start)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))), flush=True)
