"""Plain cabinets behind a maker's platform: orders go out, reports become facts, nobody else is believed."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers import services
from lockers.errors import DropFailed
from lockers.ingest import Ingest
from lockers.models import Allocation, Compartment, Device, DeviceAlarm, DeviceMessage
from lockers.protocol import maker
from lockers.protocol.envelope import decode_batch, encode_batch, wire_time
from lockers.protocol.errors import Malformed, Refused
from lockers.protocol.parcel import Outcome, judge_opening
from lockers.services.devices.carriers import carry
from lockers.services.devices.commands import signed_pending
from lockers.transports.maker import HOOK, MakerLine
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from tests.factories.lockers import make_cabinet
from tests.lockers.services.conftest import COURIER, GOOD
from tests.lockers.transports.test_contract import Maker

CELLS = (("chilled", "S"),) * 3


class Product:
    """Our side: an ingest worker whose transport is the maker's interface."""

    def __init__(self, platform: Maker) -> None:
        self.maker, self.cabinet = platform, make_cabinet(device="M1", cells=CELLS, online=False)
        carry(devices=["M1"], name="acme")
        self.start()

    def start(self) -> None:
        self.line = MakerLine(self.maker.platform(carries={"M1"}))
        self.ingest = Ingest(self.line, carrier="acme")
        self.ingest.start()

    def until(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, "it never came true"
            self.ingest._woken.add("lockers_command")
            self.ingest.round(self.ingest._gathered())

    def drop(self, **changes: Any) -> services.DropTicket:
        unit = create_unit(
            kind="parcel", zone="chilled", gross_g=900, volume_ml=4000, size="S",
            holder=Holder("vehicle", uuid4()),
        )  # fmt: skip
        asked: dict[str, Any] = {"unit_uuid": unit.uuid, "reference": uuid4(), **changes}
        return services.open_for_drop(
            actor=COURIER, place_uuid=self.cabinet.site.place.uuid, zone="chilled", size="S",
            min_c=0, max_c=4, policy=GOOD, **asked,
        )  # fmt: skip

    def door(self, number: int) -> str:
        return str(Compartment.objects.get(cabinet=self.cabinet, door=number).door_state)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Maker]:
    made = Maker(tmp_path, "M1:3")
    yield made
    made.close()


@pytest.fixture
def product(db: None, platform: Maker) -> Iterator[Product]:
    made = Product(platform)
    made.until(lambda: Device.objects.get(device="M1").online)
    yield made
    made.line.close()


@pytest.mark.processes
def test_a_drop_in_a_plain_cabinet_while_the_worker_dies_before_it_took_a_report(
    product: Product,
) -> None:
    assert [product.door(number) for number in (1, 2, 3)] == ["closed"] * 3
    ticket = product.drop()
    product.until(lambda: product.door(ticket.door) == "open")
    product.ingest.before_acknowledging = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    product.maker.hands(ticket.door, "shut")
    with pytest.raises(KeyboardInterrupt):
        product.until(lambda: False)
    product.line.close()
    product.start()  # the report that was stored and not taken comes again, and adds nothing
    product.until(lambda: product.door(ticket.door) == "closed")
    services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
    assert Allocation.objects.get(uuid=ticket.uuid).state == "loaded"
    told = DeviceMessage.objects.order_by("boot", "seq").values_list("seq", "type")
    kinds = ["door.pulsed", "maker.report", "door.opened", "cmd.result", "door.closed", "maker.report"]
    assert list(told) == list(enumerate(kinds, start=1))


@pytest.mark.processes
def test_a_jam_is_no_drop_and_a_crowbar_is_an_alarm(product: Product) -> None:
    product.maker.hands(1, "stick")
    ticket = product.drop()
    assert ticket.door == 1
    product.until(lambda: product.door(1) == "jammed")
    with suppress(DropFailed):
        services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
        raise AssertionError("a jammed door counted as a drop")
    product.maker.hands(3, "pry")
    product.until(lambda: DeviceAlarm.objects.filter(kind="forced", compartment__door=3).exists())


@pytest.mark.processes
def test_only_the_platforms_own_signature_counts_once_and_for_its_own_cabinets(product: Product) -> None:
    url, key = product.line._public_url + HOOK, bytes.fromhex(product.maker.keys["MAKER_HOOK_KEY"])
    about = {"epoch": 1, "n": 90, "at": wire_time(clock.now()), "kind": "closed", "door": 1}

    def post(device: str, *, signed_with: bytes = key, later_s: int = 0, nonce: str = "") -> int:
        body = orjson.dumps({"events": [{"id": "x", "device": device, **about}]})
        at = clock.wall().fromtimestamp(clock.wall().timestamp() + later_s, clock.wall().tzinfo)
        headers = maker.sign(signed_with, path=HOOK, at=at, nonce=nonce or secrets.token_hex(8), body=body)
        return httpx.post(url, content=body, headers=headers, trust_env=False).status_code

    stored = DeviceMessage.objects.count()
    other = make_cabinet(device="M2", cells=CELLS)
    statuses = [
        post("M1", signed_with=b"z" * 32),
        post("M1", later_s=-1000),
        post(other.device.device),  # signed, and not for this platform to say
        post("M1", nonce="same-nonce"),
        post("M1", nonce="same-nonce"),
    ]
    assert statuses == [403, 403, 200, 200, 403]
    assert httpx.post(url, json={"events": []}, trust_env=False).status_code == 403
    product.until(lambda: DeviceMessage.objects.count() > stored)
    assert set(DeviceMessage.objects.values_list("device__device", flat=True)) == {"M1"}


@pytest.mark.processes
def test_orders_for_a_carried_cabinet_leave_by_its_platform_only(product: Product) -> None:
    product.drop()
    assert [command.device.device for command, *_ in signed_pending(carrier="acme")] == ["M1"]
    assert list(signed_pending()) == []


# -- pure ----------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(sorted(maker.FACTS))
REPORTS = st.lists(st.tuples(KINDS, st.sampled_from(["t1", "t2", None])), min_size=1, max_size=12)


def report(n: int, kind: str, request: str | None) -> dict[str, Any]:
    about = {"purpose": "deposit"} if request else {}
    at = "2026-11-23T05:00:00.000Z"
    return {"epoch": 3, "n": n, "at": at, "kind": kind, "door": 1, "request": request, "about": about}


@given(reports=REPORTS, data=st.data())
def test_reports_in_any_order_and_twice_give_the_same_opening(
    reports: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    events = [report(n, *each) for n, each in enumerate(reports, start=1)]
    in_order = [each for event in events for each in maker.reported("M1", event)]
    assert [each.seq for each in in_order] == list(range(1, 2 * len(events) + 1))
    assert decode_batch(encode_batch(in_order)) == in_order
    shuffled = data.draw(st.permutations(events + events))
    other = [each for event in shuffled for each in maker.reported("M1", event)]
    for tx in ("t1", "t2"):
        assert judge_opening(other, tx=tx, door=1) is judge_opening(in_order, tx=tx, door=1)


def test_only_opened_then_closed_hands_over() -> None:
    told = [
        *maker.reported("M1", report(1, "opened", "t1")),
        *maker.reported("M1", report(2, "closed", "t1")),
    ]
    assert judge_opening(told, tx="t1", door=1) is Outcome.DONE
    assert judge_opening(told[2:], tx="t1", door=1) is Outcome.PENDING


@pytest.mark.parametrize("broken", [{"n": 0}, {"kind": "sung"}, {"at": "noon"}, {"door": None}, {"about": 7}])
def test_what_is_no_report_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        maker.reported("M1", {**report(1, "opened", "t1"), **broken})


def test_a_plain_cabinet_opens_and_does_nothing_else() -> None:
    with pytest.raises(Refused) as refused:
        maker.as_opening({"action": "try_code", "tx": "t", "args": {"code": "1"}})
    assert refused.value.code == "not_supported"
