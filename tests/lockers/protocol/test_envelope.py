import contextlib
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers.protocol.envelope import (
    SIZE_LIMIT_BYTES,
    Envelope,
    decode,
    decode_batch,
    encode,
    encode_batch,
    join_batch,
)
from lockers.protocol.errors import EnvelopeError, Malformed, TooLarge, UnknownVersion
from lockers.protocol.ids import new_mid
from lockers.protocol.topics import Channel, Topic, read_topic

AT = datetime(2026, 11, 23, 5, tzinfo=UTC)


def envelope(**changes: object) -> Envelope:
    fields = {"dev": "L4021", "boot": 17, "seq": 90211, "mid": new_mid(AT), "ts": AT, "mono": 83211.4}
    return Envelope(**{**fields, "type": "door.opened", "body": {"door": 3}, "tx": "t1", **changes})  # type: ignore[arg-type]


def wire(**changes: object) -> bytes:
    plain = {
        "v": 1,
        "mid": "m",
        "dev": "L1",
        "boot": 1,
        "seq": 1,
        "ts": "2026-11-23T05:00:00.000Z",
        "mono": 0,
    }
    return orjson.dumps({**plain, "type": "reading", "body": {}, **changes})


LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
ENVELOPES = st.builds(
    Envelope,
    dev=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", fullmatch=True),
    boot=st.integers(1, 2**63 - 1),
    seq=st.integers(0, 2**63 - 1),
    mid=st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26),
    ts=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
        lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
    ),
    mono=st.floats(0, 1e9),
    type=st.sampled_from(["reading", "door.opened", "vendor.fan_speed"]),
    body=st.dictionaries(
        st.text(LETTERS, max_size=8),
        st.integers(-(2**53), 2**53) | st.text(LETTERS, max_size=20),
        max_size=5,
    ),
    tx=st.none() | st.text(LETTERS, min_size=1, max_size=64),
)


@given(ENVELOPES)
def test_what_is_encoded_is_decoded(message: Envelope) -> None:
    assert decode(encode(message)) == message


@given(st.lists(ENVELOPES, min_size=1, max_size=5))
def test_a_batch_keeps_order_and_one_device(messages: list[Envelope]) -> None:
    batch = encode_batch(messages)
    assert batch == join_batch([encode(each) for each in messages])
    if len({each.dev for each in messages}) == 1:
        assert decode_batch(batch) == messages
    else:
        with pytest.raises(Malformed):
            decode_batch(batch)


@given(st.binary(max_size=200))
def test_noise_is_refused_by_name(noise: bytes) -> None:
    with contextlib.suppress(EnvelopeError):
        assert isinstance(decode_batch(noise), list)


def test_an_unknown_type_and_unknown_fields_are_kept_or_passed_over() -> None:
    message = decode(wire(type="vendor.fan_speed", body={"rpm": 900}, later="x"))
    assert (message.type, message.body) == ("vendor.fan_speed", {"rpm": 900})


@pytest.mark.parametrize("version", [2, 0, "1", None, True, 1.5])
def test_an_unknown_version_is_refused(version: object) -> None:
    with pytest.raises(UnknownVersion):
        decode(wire(v=version))


@pytest.mark.parametrize(
    "changes",
    [
        {"dev": "a/b"}, {"dev": "+"}, {"dev": ""}, {"dev": "x" * 33}, {"boot": 0}, {"boot": True},
        {"boot": "1"}, {"seq": -1}, {"seq": 1.5}, {"seq": 2**63}, {"ts": "yesterday"}, {"ts": 5},
        {"ts": "2026-11-23T05:00:00"}, {"mono": -1}, {"mono": "1"}, {"mono": None}, {"type": "Door Opened"},
        {"type": ""}, {"body": []},
        {"mid": ""}, {"tx": ""}, {"tx": 5},
    ],
)  # fmt: skip
def test_a_malformed_envelope_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        decode(wire(**changes))


def test_the_size_limit_holds_both_ways() -> None:
    with pytest.raises(TooLarge):
        encode(envelope(body={"text": "x" * SIZE_LIMIT_BYTES}))
    with pytest.raises(TooLarge):
        decode(wire(body={"text": "x" * SIZE_LIMIT_BYTES}))
    assert len(encode(envelope(body={"text": "x" * (SIZE_LIMIT_BYTES - 300)}))) <= SIZE_LIMIT_BYTES


def test_times_travel_as_utc_with_milliseconds() -> None:
    here = AT.astimezone(timezone(timedelta(hours=8)))
    assert orjson.loads(encode(envelope(ts=here)))["ts"] == "2026-11-23T05:00:00.000Z"


def test_ids_sort_by_time_and_differ() -> None:
    early, late = new_mid(AT), new_mid(AT + timedelta(milliseconds=1))
    assert (len(early), early < late) == (26, True)
    assert len({new_mid(AT) for _ in range(1000)}) == 1000


def test_topics() -> None:
    for channel in Channel:
        topic = Topic("L4021", channel)
        assert read_topic(str(topic)) == topic
    for text in ["lk/L1/up/else", "lk/a b/up/evt", "xx/L1/up/evt", "lk/L1", "lk/L1/up/evt/more"]:
        with pytest.raises(Malformed):
            read_topic(text)
