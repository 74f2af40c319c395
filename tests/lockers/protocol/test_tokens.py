"""QR and courier tokens, commands, configuration: what a cabinet accepts without network."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState, Cell, Need
from lockers.protocol.codes import LiveGroup
from lockers.protocol.commands import Action, Command, check_timely, read_command, sign_command
from lockers.protocol.config import Config, Placed, read_config, sign_config
from lockers.protocol.courier import CourierToken, Drop, open_token, seal_token
from lockers.protocol.errors import Malformed, Refused, TooLarge
from lockers.protocol.policy import DepositPolicy
from lockers.protocol.qr import PickupToken, read_pickup, sign_pickup
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

AT = datetime(2026, 11, 23, 5, tzinfo=UTC)
KEY = keys.locker_key(b"r" * 32, device="L4021", generation=3)
COMMAND_KEY, SEAL_KEY = keys.command_key(KEY), keys.seal_key(KEY)
SIGNER = Ed25519PrivateKey.from_private_bytes(b"q" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
TOKEN = PickupToken(group=2**40 + 5, counter=2, expires_at=AT + timedelta(hours=24))
TEXT = sign_pickup(SIGNER, device="L4021", token=TOKEN)
PUBLIC = [OTHER.public_key(), SIGNER.public_key()]


def code_of(text: str, *, device: str = "L4021", now: datetime = AT, public: object = None) -> str:
    with pytest.raises(Refused) as refused:
        read_pickup(text, device=device, keys=PUBLIC if public is None else public, now=now)  # type: ignore[arg-type]
    return refused.value.code


def test_a_qr_token_has_133_characters_and_reads_back_under_either_key() -> None:
    assert len(TEXT) == 133
    assert set(TEXT) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    assert read_pickup(TEXT, device="L4021", keys=PUBLIC, now=AT) == TOKEN


def test_a_qr_token_is_refused_by_name() -> None:
    assert code_of(TEXT, device="L4022") == "wrong_locker"
    assert code_of(TEXT, now=TOKEN.expires_at) == "expired"
    assert code_of(TEXT, public=[OTHER.public_key()]) == "bad_token"
    assert code_of(TEXT[:-1]) == "bad_token"
    assert code_of(TEXT.lower()) == "bad_token"
    assert code_of("1" * 133) == "bad_token"


@given(position=st.integers(0, 132), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_any_changed_character_is_refused(position: int, letter: str) -> None:
    changed = TEXT[:position] + letter + TEXT[position + 1 :]
    if changed != TEXT:
        assert code_of(changed) == "bad_token"


PLACED = Placed(
    allocation="0192-a", group=LiveGroup(9, 1, b"t" * 16), state=AllocationState.RESERVED, door=None,
    collect_until=AT + timedelta(hours=24), policy=DepositPolicy(consent=True, label_weight_g=900),
)  # fmt: skip
COURIER = CourierToken(
    device="L4021", generation=3, tx="tx1", courier="c1", expires_at=AT + timedelta(hours=4),
    drops=(Drop(PLACED, Need(Size.M, "chilled", Band(0, 4))),), recalls=("0192-b",),
)  # fmt: skip


def test_a_sealed_courier_token_opens_only_in_its_cabinet_and_generation() -> None:
    text = seal_token(COURIER, key=SEAL_KEY)
    assert open_token(text, key=SEAL_KEY, device="L4021", generation=3, now=AT) == COURIER
    assert PLACED.group.tag.hex() not in text
    other = keys.seal_key(keys.locker_key(b"r" * 32, device="L4022", generation=3))
    asked: dict[str, Any] = {"key": SEAL_KEY, "device": "L4021", "generation": 3, "now": AT}
    tries: list[dict[str, Any]] = [{"key": other, "device": "L4022"}, {"generation": 4}, {"device": "L4022"}]
    for changes in tries:
        with pytest.raises(Refused) as refused:
            open_token(text, **{**asked, **changes})
        assert refused.value.code == "bad_token"
    with pytest.raises(Refused) as refused:
        open_token(text, key=SEAL_KEY, device="L4021", generation=3, now=COURIER.expires_at)
    assert refused.value.code == "expired"


@pytest.mark.parametrize("text", ["", "x", "AAAA", "é" * 40, "A" * 200])
def test_what_is_no_courier_token_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        open_token(text, key=SEAL_KEY, device="L4021", generation=3, now=AT)


COMMAND = Command(
    device="L4021", generation=3, tx="tx9", action=Action.OPEN, actor="user:7", reason="drop",
    issued_at=AT, expires_at=AT + timedelta(seconds=30), args={"door": 4, "purpose": "deposit"},
)  # fmt: skip


def test_a_command_reads_back_and_any_change_breaks_it() -> None:
    payload = sign_command(COMMAND, key=COMMAND_KEY)
    assert read_command(payload, key=COMMAND_KEY, device="L4021", generation=3) == COMMAND
    plain = orjson.loads(payload)
    for name, value in [
        ("tx", "tx10"),
        ("expires", "2027-01-01T00:00:00.000Z"),
        ("args", {"door": 5}),
        ("mac", "0"),
    ]:
        with pytest.raises(Refused) as refused:
            read_command(orjson.dumps({**plain, name: value}), key=COMMAND_KEY, device="L4021", generation=3)
        assert refused.value.code == "bad_mac"


def test_a_command_is_for_one_device_one_generation_and_a_while() -> None:
    payload = sign_command(COMMAND, key=COMMAND_KEY)
    with pytest.raises(Refused) as refused:
        read_command(payload, key=COMMAND_KEY, device="L4021", generation=4)
    assert refused.value.code == "old_generation"
    with pytest.raises(Refused) as refused:
        read_command(payload, key=COMMAND_KEY, device="L9", generation=3)
    assert refused.value.code == "wrong_device"
    check_timely(COMMAND, wall=AT + timedelta(seconds=29), started_at=AT, boot=1)
    for wall, started_at, code in [
        (COMMAND.expires_at, AT, "expired"),
        (AT + timedelta(seconds=5), AT + timedelta(seconds=1), "before_start"),
    ]:
        with pytest.raises(Refused) as refused:
            check_timely(COMMAND, wall=wall, started_at=started_at, boot=1)
        assert refused.value.code == code


def test_a_command_names_actor_and_reason() -> None:
    for nameless in [replace(COMMAND, actor=""), replace(COMMAND, reason="")]:
        with pytest.raises(Malformed):
            sign_command(nameless, key=COMMAND_KEY)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b'{"mac":5}'])
def test_what_is_no_command_is_refused(payload: bytes) -> None:
    with pytest.raises((Malformed, Refused)):
        read_command(payload, key=COMMAND_KEY, device="L4021", generation=3)


def test_a_configuration_of_a_full_cabinet_fits_one_message() -> None:
    band = Band(0, 4)
    config = Config(
        device="L4021", generation=3, version=7, known=(2, 90), blocked=frozenset({4}), qr_keys=(b"k" * 32,),
        cells=tuple(Cell(door, Size.M, "chilled", band) for door in range(1, 73)),
        placed=tuple(replace(PLACED, allocation=f"{n:036d}", door=n) for n in range(1, 73)),
    )  # fmt: skip
    payload = sign_config(config, key=COMMAND_KEY)
    assert read_config(payload, key=COMMAND_KEY, device="L4021", generation=3) == config
    with pytest.raises(TooLarge):
        sign_config(replace(config, placed=config.placed * 10), key=COMMAND_KEY)
