"""Crates that pass a reader: noisy reads folded, custody where a tag is known, unknown tags listed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockers.models import CrateTag, Reader, Sighting
from lockers.protocol import keys, requests, rfid
from lockers.protocol.envelope import wire_time
from lockers.protocol.errors import Malformed
from lockers.services.devices.registration import issue_token, register, revoke
from lockers.services.messages.rfid import bind_tag, register_reader, unknown_tags
from lockers.views import MAX_BATCHES
from marketplace.api import ratelimit
from marketplace.custody.models import CustodyEvent, HandlingUnit
from marketplace.custody.services import Holder, block_units, create_unit, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, Forbidden
from marketplace.kernel.principal import Grant, Principal
from tests.factories.places import make_county, make_hub

EPC, OTHER = "300833B2DDD9014000000001", "300833B2DDD9014000000002"
AT = datetime(2026, 11, 23, 5, 0, 0, tzinfo=UTC)

# -- pure ----------------------------------------------------------------------------------------------------

READ = st.builds(
    rfid.Read,
    epc=st.sampled_from([EPC, OTHER]),
    antenna=st.integers(1, 2),
    at=st.integers(0, 60_000).map(lambda ms: AT + timedelta(milliseconds=ms)),
    dbm=st.integers(-90, -30),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(reads=st.lists(READ, max_size=24), data=st.data())
def test_any_order_repetition_and_batching_gives_the_same_sightings(
    reads: list[rfid.Read], data: st.DataObject
) -> None:
    whole = rfid.fold(reads)
    noisy = data.draw(st.permutations(reads + reads[: len(reads) // 2]))
    assert rfid.fold(noisy) == whole
    cut = data.draw(st.integers(0, len(reads)))
    parts: dict[rfid.Key, rfid.Sighting] = {}
    for each in (*rfid.fold(noisy[:cut]), *rfid.fold(noisy[cut:])):
        known = parts.get(each.key)
        parts[each.key] = each if known is None else rfid.joined(known, each)
    assert [parts[key] for key in sorted(parts)] == whole


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(reads=st.lists(READ, max_size=24))
def test_a_sighting_says_no_more_than_was_read(reads: list[rfid.Read]) -> None:
    heard = [each for each in reads if each.dbm >= rfid.QUIETEST_DBM]
    sightings = rfid.fold(reads)
    assert {(each.epc, each.antenna) for each in sightings} == {(each.epc, each.antenna) for each in heard}
    for each in sightings:
        assert each.window <= each.first_at <= each.last_at < each.window + timedelta(seconds=rfid.WINDOW_S)
        assert 1 <= each.seconds.bit_count() <= rfid.WINDOW_S
        assert each.believed == (each.seconds.bit_count() > 1)


@pytest.mark.parametrize(
    "broken",
    [{"epc": "12"}, {"epc": 7}, {"epc": "Z" * 24}, {"antenna": 0}, {"antenna": True}, {"at": "noon"},
     {"dbm": 5}, {"dbm": None}],
)  # fmt: skip
def test_what_is_no_read_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        rfid.read_from({"epc": EPC, "antenna": 1, "at": wire_time(AT), "dbm": -50, **broken})


# -- the webhook ---------------------------------------------------------------------------------------------


class Gate:
    """A reader at a hub's door, which has fetched its key, and a crate that a van brings."""

    def __init__(self) -> None:
        self.hub = make_hub(county=make_county())
        self.keeper = Principal(
            user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", self.hub.county.uuid)})
        )
        self.packer = Principal(
            user_uuid=uuid4(), grants=frozenset({Grant("hub_operator", "hub", self.hub.uuid)})
        )
        self.reader = register_reader(
            principal=self.keeper, device="RFID-1", holder_kind="hub", holder_uuid=self.hub.uuid
        )
        self.key = register(issue_token(device=self.reader.device)).key
        self.van, self.here = Holder("vehicle", uuid4()), Holder("hub", self.hub.uuid)
        self.number = 0

    def crate(self, epc: str = EPC, *, minutes_ago: int = 60) -> HandlingUnit:
        """It was packed here, tagged, and has left with a van since."""
        since = clock.now() - timedelta(minutes=minutes_ago)
        unit = create_unit(
            kind="crate",
            zone="ambient",
            gross_g=9_000,
            volume_ml=40_000,
            size="L",
            at=since,
            holder=self.here,
        )
        bind_tag(principal=self.packer, epc=epc, unit_uuid=unit.uuid)
        CrateTag.objects.filter(epc=epc).update(bound_at=since)
        hand_over(unit=unit, to=self.van, place_uuid=None, at=since + timedelta(minutes=1))
        unit.refresh_from_db()
        return unit

    def post(self, *reads: dict[str, Any], body: bytes | None = None, **changes: Any) -> Any:
        self.number += 1
        content = orjson.dumps({"reads": reads}) if body is None else body
        asked = {"device": "RFID-1", "boot": 1, "number": self.number, **changes}
        header = requests.sign_request(keys.request_key(self.key), body=content, **asked)
        return Client().post(
            "/devices/rfid", content, content_type="application/json", headers={requests.HEADER: header}
        )


@pytest.fixture
def gate(db: None) -> Gate:
    return Gate()


def reads(
    epc: str = EPC, *, seconds: int = 3, at: datetime | None = None, dbm: int = -50
) -> list[dict[str, Any]]:
    """Of one window, one a second."""
    moment = at or clock.now() - timedelta(minutes=1)
    start = moment.replace(second=moment.second - moment.second % 10, microsecond=0)
    return [
        {"epc": epc, "antenna": 1, "at": wire_time(start + timedelta(seconds=n)), "dbm": dbm}
        for n in range(seconds)
    ]


def held_by(unit: HandlingUnit) -> Holder:
    unit.refresh_from_db()
    return Holder(unit.holder_kind, unit.holder_uuid)


def test_a_crate_that_comes_in_is_handed_over_once(gate: Gate) -> None:
    unit = gate.crate()
    assert gate.post(*reads()).json() == {"sightings": {"handed_over": 1}}
    assert held_by(unit) == gate.here
    event = unit.custody.latest("seq")
    assert (event.proof["rfid"], event.proof["reader"], event.place_uuid) == (
        EPC, "RFID-1", gate.hub.place.uuid,
    )  # fmt: skip
    before = CustodyEvent.objects.count()
    assert gate.post(*reads(), *reads()).json() == {"sightings": {"handed_over": 1}}  # told again
    assert gate.post(*reads(at=clock.now())).json() == {"sightings": {"present": 1}}  # it stands there
    assert CustodyEvent.objects.count() == before
    assert Sighting.objects.filter(epc=EPC).count() == 2


def test_one_read_is_a_reflection_until_the_next_batch(gate: Gate) -> None:
    unit = gate.crate()
    first, second, _ = reads()
    assert gate.post(first).json() == {"sightings": {"weak": 1}}
    assert gate.post(*reads(dbm=-80)).json() == {"sightings": {}}
    assert held_by(unit) == gate.van
    assert gate.post(second).json() == {"sightings": {"handed_over": 1}}


def test_what_happened_since_is_not_undone_by_late_reads(gate: Gate) -> None:
    unit = gate.crate(minutes_ago=60)
    hand_over(unit=unit, to=Holder("station", uuid4()), place_uuid=None, at=clock.now())
    at_station = held_by(unit)
    assert gate.post(*reads(at=clock.now() - timedelta(minutes=30))).json() == {"sightings": {"late": 1}}
    earlier = reads(at=clock.now() - timedelta(minutes=90))
    assert gate.post(*earlier).json() == {"sightings": {"before_bond": 1}}
    assert held_by(unit) == at_station


def test_a_crate_that_was_just_scanned_out_is_still_heard_and_stays_with_the_van(gate: Gate) -> None:
    unit = gate.crate(minutes_ago=10)
    assert gate.post(*reads()).json() == {"sightings": {"leaving": 1}}
    assert held_by(unit) == gate.van


def test_a_blocked_crate_stays_where_it_is_and_is_told(gate: Gate) -> None:
    unit = gate.crate()
    block_units(uuids=[unit.uuid])
    (outcome,) = gate.post(*reads()).json()["sightings"]
    assert outcome not in ("handed_over", "present")
    assert held_by(unit) == gate.van


def test_unknown_tags_are_listed_to_the_keepers_of_the_county(gate: Gate) -> None:
    assert gate.post(*reads(OTHER)).json() == {"sightings": {"unknown": 1}}
    assert [each.epc for each in unknown_tags(principal=gate.keeper)] == [OTHER]
    elsewhere = Principal(user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", uuid4())}))
    assert list(unknown_tags(principal=elsewhere)) == []
    gate.crate(OTHER)
    assert list(unknown_tags(principal=gate.keeper)) == []


def test_only_who_holds_the_crate_says_what_its_tag_is(gate: Gate) -> None:
    unit = gate.crate()
    for asker in (gate.packer, gate.keeper):  # it is with a van by now
        with pytest.raises(Forbidden):
            bind_tag(principal=asker, epc=OTHER, unit_uuid=unit.uuid)
    assert not CrateTag.objects.filter(epc=OTHER).exists()
    with pytest.raises(DomainError) as refused:
        bind_tag(principal=gate.packer, epc="12", unit_uuid=unit.uuid)
    assert refused.value.field == "epc"


REFUSED: dict[str, Callable[[Gate], Any]] = {
    "another's key": lambda gate: setattr(gate, "key", b"z" * 32),
    "revoked": lambda gate: revoke(device=gate.reader.device),
    "no reader any more": lambda gate: Reader.objects.all().delete(),
}


@pytest.mark.parametrize("how", REFUSED)
def test_who_is_no_reader_of_ours_changes_nothing(gate: Gate, how: str) -> None:
    unit = gate.crate()
    REFUSED[how](gate)
    assert gate.post(*reads()).status_code == 403
    assert (Sighting.objects.count(), held_by(unit)) == (0, gate.van)


def test_repeats_noise_and_floods_are_refused(gate: Gate) -> None:
    gate.post(*reads(OTHER))
    assert gate.post(*reads(), number=1).status_code == 403  # recorded and sent again
    assert gate.post(body=b"[]").status_code == 400
    assert gate.post({"epc": "12"}).status_code == 400
    flood = [{"epc": EPC}] * 2_001
    assert gate.post(*flood).status_code == 400
    for _ in range(MAX_BATCHES):
        try:
            ratelimit.hit("rfid:RFID-1", limit=MAX_BATCHES, per_s=60)
        except DomainError:
            break
    assert gate.post(*reads()).status_code == 429
