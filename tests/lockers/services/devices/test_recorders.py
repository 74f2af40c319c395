"""A recorder in a van speaks the cabinets' wire; what makes no sense in its messages stops nobody."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockers.ingest import Ingest
from lockers.models import Device, DeviceAlarm, DeviceMessage
from lockers.protocol.envelope import Envelope, encode
from lockers.services.devices.keeping import issue_device_token, kept_devices
from lockers.services.devices.recorders import Watched, put_up_recorder, recordable, register_recorder
from lockers.services.devices.registration import register
from lockers.services.devices.simulated import blueprints
from lockers.services.messages.intake import Arrived, take_in
from lockers.services.messages.presence import notice_silent_devices
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.clocks import WorldClock
from lockers.transports.exchange import Exchange
from lockers.transports.port import Message
from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from marketplace.kernel.temperature import Band
from marketplace.telemetry.models import Probe, Reading
from marketplace.telemetry.services import latest_c
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.lockers import make_cabinet
from tests.factories.places import make_county, make_hub, make_vehicle

pytestmark = pytest.mark.django_db
PROBES = (Watched("front", "chilled", Band(0, 4)), Watched("rear", "frozen", Band(-22, -18)))


def recorder(**changes: Any) -> Device:
    how = {"device": "VAN-1", "asset_kind": "vehicle", "asset_uuid": uuid4(), "probes": PROBES, **changes}
    return register_recorder(**how)


@pytest.fixture
def server() -> tuple[Exchange, Ingest, list[Message]]:
    exchange, inbox = Exchange(), []
    end = exchange.connect("ingest")
    ingest = Ingest(end)
    ingest.start()
    for pattern in ("$share/ingest/lk/+/up/+", "lk/+/state/+"):
        end.subscribe(pattern, inbox.append)
    return exchange, ingest, inbox


def test_a_simulated_recorder_lives_on_the_same_wire(
    server: tuple[Exchange, Ingest, list[Message]], tmp_path: Path
) -> None:
    exchange, ingest, inbox = server
    van = uuid4()
    recorder(asset_uuid=van, simulated=True, probes=[Watched("chilled-1", "chilled", Band(0, 4))])
    ((_, plain),) = blueprints(known={})
    box = Cabinet(Blueprint.from_wire(orjson.loads(plain)), tmp_path, WorldClock())
    box.attach(exchange.line("VAN-1", on_connect=lambda: box.joined()), box.receive)
    box.power_on()
    for _ in range(3):
        box.tick()
        messages, inbox[:] = list(inbox), []
        ingest.round(messages)
    assert box.journal.outbox_length() == 0
    assert Reading.objects.count() == 1
    assert list(latest_c(asset_uuids=[van])) == [(van, "chilled")]
    row = Device.objects.get(device="VAN-1")
    assert (row.online, row.battery_pct, row.on_mains) == (True, 100, True)
    box.close()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"device": "van 1"}, "device"),
        ({"asset_kind": "cabinet"}, "asset_kind"),
        ({"probes": ()}, "probes"),
        ({"probes": (PROBES[0], PROBES[0])}, "probes"),
    ],
)
def test_a_recorder_that_makes_no_sense_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        recorder(**changes)
    assert refused.value.field == field
    assert Device.objects.count() == 0


def test_a_name_is_taken_once() -> None:
    recorder()
    with pytest.raises(Conflict):
        recorder()


def state(channel: str, kind: str, body: dict[str, Any], *, device: str = "L1") -> Arrived:
    return Arrived(
        f"lk/{device}/{channel}", encode(Envelope(device, 1, 0, "m", clock.now(), 1.0, kind, body))
    )


def open_alarms() -> set[str]:
    return set(DeviceAlarm.objects.filter(cleared_at=None).values_list("kind", flat=True))


def test_fleet_health_is_in_the_rows_and_raises_alarms() -> None:
    make_cabinet(device="L1")
    take_in([state("up/hb", "heartbeat", {"mains": False, "battery": 12, "outbox": 7, "firmware": "f9"})])
    row = Device.objects.get(device="L1")
    assert (row.on_mains, row.battery_pct, row.outbox, row.firmware) == (False, 12, 7, "f9")
    assert open_alarms() == {"power", "battery"}
    take_in([state("up/hb", "heartbeat", {"mains": True, "battery": 80})])
    assert open_alarms() == set()
    assert notice_silent_devices() == 0
    Device.objects.update(last_seen=clock.wall() - timedelta(minutes=11))
    assert (notice_silent_devices(), notice_silent_devices()) == (1, 1)
    assert (open_alarms(), DeviceAlarm.objects.filter(kind="silent").count()) == ({"silent"}, 1)
    take_in([state("up/hb", "heartbeat", {})])
    assert notice_silent_devices() == 0
    assert open_alarms() == set()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    "outbox",
    "battery",
    "mains",
    "firmware",
    "online",
    "start",
    "doors",
    "asof",
    "c",
    "raw_c",
    "probe",
    "zone",
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(st.sampled_from(NAMES), JSON), kind=st.sampled_from(["heartbeat", "conn", "doors"])
)
def test_no_body_of_one_device_keeps_the_others_waiting(body: dict[str, Any], kind: str) -> None:
    if not Device.objects.exists():
        make_cabinet(device="L1")
        make_cabinet(device="L2")
    channel = {"heartbeat": "up/hb", "conn": "state/conn", "doors": "state/doors"}[kind]
    try:
        noise = state(channel, kind, body)
    except TypeError:  # orjson does not write numbers beyond 64 bits
        return
    seq = DeviceMessage.objects.count() + 1
    good = Envelope("L2", 1, seq, f"m{seq}", clock.now(), 1.0, "vendor.note", {})
    assert len(take_in([noise, Arrived("lk/L2/up/evt", encode(good))]).acks) == 1


@pytest.mark.parametrize("kind", ["vehicle", "fridge", "hub_room"])
def test_an_operator_hangs_one_into_what_stands_in_his_county_and_gives_it_its_key(kind: str) -> None:
    hub = make_hub()
    make = {"vehicle": make_vehicle, "fridge": make_station}
    thing = make[kind](hub=hub) if kind in make else hub
    operator = make_principal("cabinet_operator", "county", hub.county.uuid)
    stranger = make_principal("cabinet_operator", "county", make_county(code="360981", name="丰城市").uuid)
    how: dict[str, Any] = {"asset_kind": kind, "asset_uuid": thing.uuid, "probes": PROBES}

    assert [each.uuid for each in recordable(principal=operator, kind=kind, search="", first=9)] == [
        thing.uuid
    ]
    assert recordable(principal=stranger, kind=kind, search="", first=9) == []
    with pytest.raises(Forbidden):
        put_up_recorder(principal=stranger, device="REC-1", **how)
    with pytest.raises(NotFound):
        put_up_recorder(principal=operator, device="REC-1", **(how | {"asset_uuid": uuid4()}))
    assert Device.objects.count() == 0

    device = put_up_recorder(principal=operator, device="REC-1", **how)
    assert (device.simulated, device.asset_kind, device.asset_uuid) == (False, kind, thing.uuid)
    assert set(Probe.objects.values_list("label", "county_uuid")) == {
        ("front", hub.county.uuid),
        ("rear", hub.county.uuid),
    }
    assert list(kept_devices(principal=operator)) == [device]
    assert list(kept_devices(principal=stranger)) == []
    with pytest.raises(Forbidden):
        issue_device_token(principal=stranger, device_uuid=device.uuid)
    identity = register(issue_device_token(principal=operator, device_uuid=device.uuid))
    assert (identity.device, identity.generation) == ("REC-1", 1)
    with pytest.raises(Conflict):
        put_up_recorder(principal=operator, device="REC-1", **how)


BAD_PROBES = {
    "probes[0].zone": [Watched("a", "lukewarm", Band(0, 4))],
    "probes[1].min_c": [Watched("a", "chilled", Band(0, 4)), Watched("b", "frozen", Band(-273, -18))],
    "probes[0].min_c": [Watched("a", "chilled", Band(4, 4))],
    "probes": [Watched(str(number), "chilled", Band(0, 4)) for number in range(17)],
}


@pytest.mark.parametrize("field", BAD_PROBES)
def test_a_probe_that_cannot_be_is_refused_by_name(field: str) -> None:
    van = make_vehicle()
    with pytest.raises(InvalidInput) as refused:
        put_up_recorder(
            principal=make_principal("platform"), device="REC-1", asset_kind="vehicle", asset_uuid=van.uuid,
            probes=BAD_PROBES[field],
        )  # fmt: skip
    assert refused.value.field == field
    assert (Device.objects.count(), Probe.objects.count()) == (0, 0)
