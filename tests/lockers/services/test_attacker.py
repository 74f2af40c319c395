"""Who has a dump of the database and all recorded traffic opens nothing; with the key file he does."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection

from lockers.models import Allocation
from lockers.protocol import codes, keys
from lockers.protocol.commands import EXPIRES_AFTER, Action, Command, sign_command
from lockers.simulator.pickup import scan_qr, type_code
from lockers.transports.port import Message
from marketplace.kernel import clock
from tests.conftest import CLUSTER
from tests.lockers.services.conftest import Bench

COPY = re.compile(r"^COPY public\.(\w+) \(([^)]*)\) FROM stdin;\n(.*?)^\\\.$", re.MULTILINE | re.DOTALL)
HEX_KEY = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
HEX_TAG = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
DIGITS = re.compile(r"(?<![0-9])[0-9]{8}(?![0-9])")
QR = re.compile(r"(?<![A-Z2-7])[A-Z2-7]{133}(?![A-Z2-7])")


def pg_dump(into: Path) -> Path:
    """The tests' own database, all of it, as a thief of a backup has it."""
    binary = CLUSTER.binaries / "pg_dump" if CLUSTER else shutil.which("pg_dump")
    if binary is None:
        pytest.skip("no pg_dump for the server of DATABASE_URL")
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    subprocess.run([binary, "--file", into, urlunsplit(url)], check=True, timeout=60)
    return into


def rows(dumped: str, table: str) -> list[dict[str, str]]:
    """Of one table, as the dump spells them."""
    (found,) = [each for each in COPY.finditer(dumped) if each[1] == table]
    columns = [name.strip().strip('"') for name in found[2].split(",")]
    return [dict(zip(columns, line.split("\t"), strict=True)) for line in found[3].splitlines()]


def attack(bench: Bench, *, dump: Path, traffic: Sequence[Message], key_file: Path | None) -> set[int]:
    """Everything that can be tried with what was stolen; the doors that stand open afterwards."""
    dumped = dump.read_text()
    stolen = dumped + " ".join(each.payload.decode("latin-1") for each in traffic)
    (device,) = rows(dumped, "lockers_device")
    wire_keys = [bytes.fromhex(text) for text in HEX_KEY.findall(stolen)]
    wire_keys += [bytes.fromhex(text) * 2 for text in HEX_TAG.findall(stolen)]
    digits = DIGITS.findall(stolen)
    if key_file is not None:
        plain = json.loads(key_file.read_text())
        locker = keys.locker_key(
            bytes.fromhex(plain["root"]), device=device["device"], generation=int(device["generation"])
        )
        wire_keys.insert(0, keys.command_key(locker))
        code_key = bytes.fromhex(plain["code"])
        digits[:0] = [
            codes.pickup_code(code_key, group=int(each["id"]), counter=int(each["counter"]))
            for each in rows(dumped, "lockers_pickupgroup")
        ]
    for message in traffic:  # once more, as they were recorded
        bench.simulated.receive(replace(message, receipt=None))
    for key in wire_keys[:1000]:
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
        device=device["device"], generation=int(device["generation"]), tx=str(uuid4()), action=Action.OPEN,
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


@pytest.mark.django_db(transaction=True)
def test_a_dump_and_all_traffic_open_nothing_and_the_key_file_does(
    bench: Bench, traffic: list[Message], tmp_path: Path
) -> None:
    dump, key_file = pg_dump(tmp_path / "stolen.sql"), Path(settings.LOCKER_KEY_FILE)
    dumped = dump.read_text()
    assert len(rows(dumped, "lockers_pickupgroup")) == 2
    live = [bench.code(each) for each in Allocation.objects.all()]
    secrets = [*json.loads(key_file.read_text()).values(), *live]
    assert [each for each in secrets if each in dumped] == []
    bench.simulated.world.set(clock.now() + timedelta(minutes=1), frozen=True)  # recorded orders are old
    assert attack(bench, dump=dump, traffic=traffic, key_file=None) == set()
    with bench.simulated.journal.step():  # the thief waits until the keypad is free again
        bench.simulated.journal.put("lockout", None)
    opened = attack(bench, dump=dump, traffic=traffic, key_file=key_file)
    assert opened == {1, 2}  # the parcel by its code, another door by a forged order
