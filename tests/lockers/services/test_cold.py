"""A cabinet that warms up holds its parcels and says so."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from lockers import services
from lockers.handlers import free_after_breach, hold_on_breach
from lockers.models import Allocation, Compartment
from lockers.simulator.faults import set_fault
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden
from marketplace.kernel.principal import Grant, Principal
from marketplace.outbox.delivery import deliver_all
from marketplace.telemetry.errors import AlreadyDecided
from marketplace.telemetry.models import Breach
from tests.lockers.services.conftest import Bench, events, unit_of

WIRING = {"telemetry.BreachOpened": [hold_on_breach], "telemetry.BreachClosed": [free_after_breach]}


def pass_hours(bench: Bench, hours: float) -> None:
    at = bench.world.now() + timedelta(hours=hours)
    clock.install(lambda: clock.Setting(frozen_at=at))
    clock.refresh()
    bench.world.set(at, frozen=True)
    bench.turn()
    deliver_all(WIRING)
    clock.install(lambda: clock.Setting(frozen_at=at))  # the drain read the shared row
    clock.refresh()
    bench.turn()


def operator(bench: Bench) -> Principal:
    county = bench.cabinet.site.place.county.uuid
    return Principal(user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", county)}))


@pytest.fixture
def warm(bench: Bench, frozen: datetime) -> tuple[Bench, Allocation]:
    allocation = bench.deposit()
    pass_hours(bench, 0.5)
    set_fault(bench.simulated, "warm_up", on=True, about={})
    pass_hours(bench, 2)
    allocation.refresh_from_db()
    return bench, allocation


def test_a_warm_zone_holds_its_parcels(warm: tuple[Bench, Allocation]) -> None:
    bench, allocation = warm
    breach = Breach.objects.get()
    assert (breach.asset_uuid, breach.zone, breach.ended_at) == (bench.cabinet.uuid, "chilled", None)
    assert breach.held_references == [str(allocation.reference)]
    assert (allocation.state, allocation.held_breach_uuid) == ("blocked", breach.uuid)
    assert unit_of(allocation).status == "blocked"
    (told,) = events("lockers.ParcelsHeld")
    assert told == {
        "cabinet": str(bench.cabinet.uuid), "zone": "chilled", "references": [str(allocation.reference)],
        "breach": str(breach.uuid),
    }  # fmt: skip
    assert bench.type(bench.code(allocation)).reason == "held"
    assert not bench.simulated.hardware.slots[1].is_open
    free = services.free_cells(place_uuids=[bench.place], slot_date=clock.today())
    assert free == {bench.place: {}}


def test_cold_again_offers_empty_cells_and_keeps_what_is_held(warm: tuple[Bench, Allocation]) -> None:
    bench, allocation = warm
    set_fault(bench.simulated, "warm_up", on=False, about={})
    pass_hours(bench, 3)
    assert Breach.objects.get().ended_at is not None
    assert set(Compartment.objects.filter(blocked_at=None).values_list("door", flat=True)) == {2, 3}
    allocation.refresh_from_db()
    assert allocation.state == "blocked"


def test_released_parcels_can_be_collected(warm: tuple[Bench, Allocation]) -> None:
    bench, allocation = warm
    breach = Breach.objects.get()
    stranger = Principal(user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", uuid4())}))
    with pytest.raises(Forbidden):
        services.release_held_parcels(principal=stranger, breach_uuid=breach.uuid, decision="release")
    allocation.refresh_from_db()
    assert allocation.state == "blocked"
    services.release_held_parcels(principal=operator(bench), breach_uuid=breach.uuid, decision="release")
    services.release_held_parcels(principal=operator(bench), breach_uuid=breach.uuid, decision="release")
    assert [each["decision"] for each in events("lockers.ParcelsReleased")] == ["release"]
    bench.turn()
    answer = bench.type(bench.code(allocation))
    assert answer.ok
    bench.shut(1)
    allocation.refresh_from_db()
    assert allocation.parcel_state == "collected"


def test_discarded_parcels_stay_shut(warm: tuple[Bench, Allocation]) -> None:
    bench, allocation = warm
    breach = Breach.objects.get()
    services.release_held_parcels(principal=operator(bench), breach_uuid=breach.uuid, decision="discard")
    with pytest.raises(AlreadyDecided):
        services.release_held_parcels(principal=operator(bench), breach_uuid=breach.uuid, decision="release")
    bench.turn()
    assert bench.type(bench.code(allocation)).reason == "held"
    allocation.refresh_from_db()
    assert (allocation.state, allocation.parcel_state) == ("blocked", "spoiled")


def test_a_swinging_compressor_is_no_breach(bench: Bench) -> None:
    bench.deposit()
    pass_hours(bench, 24)
    assert Breach.objects.count() == 0
