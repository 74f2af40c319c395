"""Who has a dump of the database and all recorded traffic opens nothing; with the key file he does."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.conf import settings
from django.db import connection

from lockers.protocol import codes, keys
from lockers.protocol.commands import EXPIRES_AFTER, Action, Command, sign_command
from lockers.simulator.pickup import scan_qr, type_code
from lockers.transports.port import Message
from marketplace.kernel import clock
from tests.lockers.services.conftest import Bench

Dump = Mapping[str, Sequence[Mapping[str, Any]]]
HEX_KEY = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
HEX_TAG = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
DIGITS = re.compile(r"(?<![0-9])[0-9]{8}(?![0-9])")
QR = re.compile(r"(?<![A-Z2-7])[A-Z2-7]{133}(?![A-Z2-7])")


def dump() -> Dump:
    """Every row of every table, as pg_dump would write them."""
    tables = {}
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{name}" AS t')
            tables[name] = [json.loads(row) for (row,) in cursor.fetchall()]
    return tables


def attack(bench: Bench, *, dumped: Dump, traffic: Sequence[Message], key_file: Path | None) -> set[int]:
    """Everything that can be tried with what was stolen; the doors that stand open afterwards."""
    stolen = json.dumps(dumped) + " ".join(each.payload.decode("latin-1") for each in traffic)
    (device,) = dumped["lockers_device"]
    wire_keys = [bytes.fromhex(text) for text in HEX_KEY.findall(stolen)]
    wire_keys += [bytes.fromhex(text) * 2 for text in HEX_TAG.findall(stolen)]
    digits = DIGITS.findall(stolen)
    if key_file is not None:
        plain = json.loads(key_file.read_text())
        locker = keys.locker_key(
            bytes.fromhex(plain["root"]), device=device["device"], generation=device["generation"]
        )
        wire_keys.insert(0, keys.command_key(locker))
        code_key = bytes.fromhex(plain["code"])
        digits[:0] = [
            codes.pickup_code(code_key, group=each["id"], counter=each["counter"])
            for each in dumped["lockers_pickupgroup"]
        ]
    for message in traffic:  # once more, as they were recorded
        bench.simulated.receive(replace(message, receipt=None))
    for key in wire_keys[:200]:
        order = _order(device, door=2)
        bench.simulated.receive(Message(f"lk/{device['device']}/down/cmd", sign_command(order, key=key)))
    with bench.simulated.at_screen() as board:
        for text in QR.findall(stolen):
            scan_qr(board, text)
        for typed in [*digits, "00000000", "12345678", "88888888"][:16]:
            type_code(board, typed)
    return {door for door, slot in bench.simulated.hardware.slots.items() if slot.is_open}


def _order(device: Mapping[str, Any], *, door: int) -> Command:
    now = clock.wall()
    return Command(
        device=device["device"], generation=device["generation"], tx=str(uuid4()), action=Action.OPEN,
        actor="user:thief", reason="theft", issued_at=now, expires_at=now + EXPIRES_AFTER,
        args={"door": door, "purpose": "inspect"},
    )  # fmt: skip


@pytest.fixture
def traffic(bench: Bench) -> list[Message]:
    """All that went over the wire, both ways, while parcels came and went."""
    heard: list[Message] = []
    bench.ingest._transport._exchange.connect("tap").subscribe("#", heard.append)  # type: ignore[attr-defined]
    gone = bench.deposit()
    code = bench.code(gone)
    answer = bench.type(code)
    bench.shut(answer.doors[0])
    bench.deposit()
    bench.turn()
    assert {each.topic.split("/", 2)[2] for each in heard} >= {"down/cmd", "down/cfg", "down/ack", "up/evt"}
    assert code not in " ".join(each.payload.decode() for each in heard)
    return heard


def test_a_dump_and_all_traffic_open_nothing_and_the_key_file_does(
    bench: Bench, traffic: list[Message]
) -> None:
    dumped = dump()
    assert len(dumped["lockers_pickupgroup"]) == 2
    bench.simulated.world.set(clock.now() + timedelta(minutes=1), frozen=True)  # recorded orders are old
    assert attack(bench, dumped=dumped, traffic=traffic, key_file=None) == set()
    with bench.simulated.journal.step():  # the thief waits until the keypad is free again
        bench.simulated.journal.put("lockout", None)
    opened = attack(bench, dumped=dumped, traffic=traffic, key_file=Path(settings.LOCKER_KEY_FILE))
    assert opened == {1, 2}  # the parcel by its code, another door by a forged order


def test_a_dump_holds_no_key_and_no_code(bench: Bench) -> None:
    allocation = bench.deposit()
    text = json.dumps(dump())
    plain = json.loads(Path(settings.LOCKER_KEY_FILE).read_text())
    assert [name for name, key in plain.items() if key in text] == []
    assert bench.code(allocation) not in text
    assert orjson.dumps(plain).decode() not in text
