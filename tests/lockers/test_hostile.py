"""What a broken or hostile device says must not stop the others' messages (one worker serves them all)."""

from typing import Any

import orjson
import pytest

from lockers.models import Device, DeviceAlarm, DeviceMark, DeviceMessage
from lockers.protocol.envelope import Envelope, wire_time
from lockers.services.messages import intake
from lockers.services.messages.facts import devices_to_settle, settle_device
from lockers.services.messages.intake import Arrived, take_in
from marketplace.kernel import clock
from marketplace.telemetry.models import Reading
from tests.factories.lockers import make_cabinet

READING = {"zone": "chilled", "probe": "chilled-1", "c": 3.0, "raw_c": 3.0, "open": False}


def said(device: str, *, channel: str = "up/evt", **changes: Any) -> Arrived:
    plain = {
        "v": 1, "mid": "m1", "dev": device, "boot": 1, "seq": 1, "ts": wire_time(clock.now()), "mono": 1.0,
        "type": "vendor.odd", "body": {}, **changes,
    }  # fmt: skip
    return Arrived(f"lk/{device}/{channel}", orjson.dumps(plain))


ODD: list[dict[str, Any]] = [
    {"mono": 1e300},
    {"mono": 1e300, "type": "reading", "body": READING},
    {"ts": "0001-01-01T00:00:00+14:00"},
    {"ts": "9999-12-31T23:59:59-12:00"},
    {"ts": "0001-01-01T00:00:00+14:00", "type": "reading", "body": READING},
    {"ts": "1970-01-01T00:00:07Z", "type": "reading", "body": READING},
    {"mid": "m\x00"},
    {"tx": "t\x00"},
    {"body": {"text": "a\x00b"}},
    {"body": {"a\x00": 1}},
    {"type": "reading", "body": {**READING, "probe": "p\x00"}},
    {"type": "reading", "body": {**READING, "probe": "p" * 500}},
    {"type": "reading", "body": {**READING, "probe": 'a","b'}},
    {"type": "reading", "body": {**READING, "raw_c": 1e308}},
    {"boot": 2**63 - 1, "seq": 2**63 - 1},
    {"boot": 2**63 - 1, "type": "reading", "body": READING},
    {"channel": "state/conn", "seq": 0, "type": "conn", "body": {"online": True, "start": "s\x00"}},
    {"channel": "state/doors", "seq": 0, "type": "doors", "body": {"doors": {"1": []}, "asof": [1, "x"]}},
    {"channel": "up/hb", "seq": 0, "type": "heartbeat", "body": {"firmware": "f\x00", "battery": 1e9}},
    {"channel": "up/hb", "seq": 0, "type": "heartbeat", "ts": "0001-01-01T00:00:00Z", "mono": 1e300},
    {"channel": "up/hb", "seq": 0, "type": "heartbeat", "ts": "9999-12-31T23:59:59-12:00"},
    *[{"type": kind, "tx": "t", "body": {"door": door, "doors": door, "version": door, "until": door,
       "conflicts": door, "allocation": door, "group": door, "firmware": door, "result": door}}
      for door in (None, "one", [], {}, [[1]], 10**18, -1, 1.5, True)
      for kind in ("boot", "door.opened", "code.attempt", "lockout", "cmd.result", "cfg.applied",
                   "parcel.deposited", "parcel.put_back", "parcel.removed", "alarm", "token.refused")],
]  # fmt: skip


def sound(seq: int) -> Arrived:
    return said("L1", channel="up/tele", seq=seq, type="reading", body=READING)


@pytest.mark.django_db
def test_odd_messages_harm_nobody_else() -> None:
    make_cabinet(device="ODD")
    make_cabinet(device="L1")
    # Its clock is known to be off, so that what it says is placed by its monotonic clock.
    take_in([said("ODD", channel="up/hb", seq=0, type="heartbeat", ts="2020-01-01T00:00:00Z")])
    for number, odd in enumerate(ODD, start=1):
        channel = odd.get("channel", "up/evt")
        message = said("ODD", **{"seq": number, **odd, "channel": channel})
        taken = take_in([message, sound(number)])
        assert ("L1", number) in [(each.device, each.upto) for each in taken.acks], odd
        for device in devices_to_settle():
            settle_device(device)
    assert Reading.objects.filter(device="L1").count() == len(ODD)
    assert DeviceAlarm.objects.filter(device__device="ODD", kind="garbled").count() == 1
    assert not DeviceAlarm.objects.filter(device__device="L1").exists()


@pytest.mark.django_db
def test_what_breaks_the_batch_is_set_apart_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that we can read and our tables cannot hold: unforeseen, so it is made here."""
    make_cabinet(device="ODD")
    make_cabinet(device="L1")
    as_row = intake._message

    def breaks(envelope: Envelope, *about: Any) -> DeviceMessage:
        row = as_row(envelope, *about)
        row.mid = "\0" if envelope.dev == "ODD" else row.mid
        return row

    monkeypatch.setattr(intake, "_message", breaks)
    for _ in range(2):
        taken = take_in([sound(1), said("ODD"), sound(2)])
        assert {each.device for each in taken.acks} == {"L1"}
        assert taken.acks[-1].upto == 2
    assert Reading.objects.count() == 2
    assert list(DeviceAlarm.objects.values_list("device__device", "kind")) == [("ODD", "garbled")]


@pytest.mark.django_db
def test_an_unknown_version_and_a_garbled_message_are_alarms_until_they_are_gone() -> None:
    make_cabinet(device="L1")

    def alarms() -> list[str]:
        return sorted(DeviceAlarm.objects.filter(cleared_at=None).values_list("kind", flat=True))

    take_in([said("L1", v=2), said("L1", body=["no object"]), said("NOBODY", v=2)])
    take_in([said("L1", v=2)])
    assert alarms() == ["garbled", "version"]
    take_in([said("L1", channel="up/hb", seq=0, type="heartbeat", body={"outbox": 2})])
    assert alarms() == ["garbled", "version"]
    take_in([said("L1", channel="up/hb", seq=0, type="heartbeat", body={"outbox": 0})])
    assert alarms() == []


@pytest.mark.django_db
def test_numbers_far_ahead_of_what_is_known_wait_for_those_before_them() -> None:
    make_cabinet(device="L1")
    taken = take_in([sound(1), *(sound(2 * n) for n in range(1, 500)), sound(10**9)])
    assert [(each.device, each.upto) for each in taken.acks] == [("L1", 2)]
    mark = DeviceMark.objects.get()
    assert (len(mark.ahead), max(mark.ahead)) == (498, 998)
    assert not Reading.objects.filter(seq=10**9).exists()


@pytest.mark.django_db
def test_an_effect_that_fails_is_told_to_a_person_and_does_not_stop_the_next() -> None:
    make_cabinet(device="L1")
    take_in([said("L1", type="lockout", body={"until": "soon"}), said("L1", seq=2, type="vendor.odd")])
    settle_device(Device.objects.get().pk)
    assert [bool(each.failed) for each in DeviceMessage.objects.order_by("seq")] == [True, False]
    alarm = DeviceAlarm.objects.get()
    assert (alarm.kind, alarm.detail["type"], alarm.detail["seq"]) == ("unsettled", "lockout", 1)
