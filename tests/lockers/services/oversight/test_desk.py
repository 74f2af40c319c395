"""The operator's lists and acts, with the cabinet's own answers; each act leaves its entry."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from lockers import services
from lockers.errors import DepositRefused, NothingToInspect, ReasonMissing
from lockers.models import Allocation, DeskEntry, Device, DeviceAlarm
from lockers.protocol.parcel import ParcelState
from lockers.services import alarms
from lockers.services.oversight import desk, fleet
from lockers.services.parcels import collection
from lockers.services.parcels.removal import open_for_removal, parcels_to_take_out
from lockers.simulator.faults import set_fault
from marketplace.custody.services import Holder
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, NotFound
from marketplace.kernel.principal import Grant, Principal
from tests.lockers.services.conftest import COURIER, GOOD, Bench, events, unit_of


def operator(bench: Bench) -> Principal:
    county = bench.cabinet.site.place.county.uuid
    return Principal(user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", county)}))


STRANGER = Principal(user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", uuid4())}))


def later(bench: Bench, hours: float) -> None:
    at = bench.world.now() + timedelta(hours=hours)
    clock.install(lambda: clock.Setting(frozen_at=at))
    clock.refresh()
    bench.world.set(at, frozen=True)


def put_back(bench: Bench) -> Allocation:
    allocation = bench.deposit()
    collection.put_back(allocation_uuid=allocation.uuid, at=clock.now(), tx="tx-1")
    bench.turn()
    return Allocation.objects.get(pk=allocation.pk)


def test_an_inspected_parcel_goes_to_its_recipient_again(bench: Bench) -> None:
    allocation, who = put_back(bench), operator(bench)
    assert list(desk.inspection_queue(principal=who)) == [allocation]
    assert list(desk.inspection_queue(principal=STRANGER)) == []
    asked = {"allocation_uuid": allocation.uuid, "decision": "release"}
    with pytest.raises(Forbidden):
        desk.decide_inspection(principal=STRANGER, reason="完好", **asked)  # type: ignore[arg-type]
    with pytest.raises(ReasonMissing):
        desk.decide_inspection(principal=who, reason=" ", **asked)  # type: ignore[arg-type]
    assert bench.type(bench.code(allocation)).reason == "held"
    desk.decide_inspection(principal=who, reason="完好", **asked)  # type: ignore[arg-type]
    bench.turn()
    assert bench.type(bench.code(allocation)).ok
    assert [(row["decision"], row["reason"]) for row in events("lockers.InspectionDecided")] == [
        ("release", "put_back")
    ]
    entry = DeskEntry.objects.get()
    assert (entry.action, entry.reason, entry.actor_uuid) == ("inspect", "release: 完好", who.user_uuid)
    with pytest.raises(NothingToInspect):
        desk.decide_inspection(principal=who, reason="完好", **asked)  # type: ignore[arg-type]


def test_told_again_the_same_opening_is_not_put_back_again(bench: Bench) -> None:
    allocation = put_back(bench)
    desk.decide_inspection(
        principal=operator(bench), allocation_uuid=allocation.uuid, decision="release", reason="完好"
    )
    assert not collection.put_back(allocation_uuid=allocation.uuid, at=clock.now(), tx="tx-1")
    allocation.refresh_from_db()
    assert allocation.state == "loaded"


def test_sent_back_it_is_taken_out_by_the_courier_and_stays_held(bench: Bench) -> None:
    allocation, van = put_back(bench), Holder("vehicle", uuid4())
    desk.decide_inspection(
        principal=operator(bench), allocation_uuid=allocation.uuid, decision="return", reason="压坏了"
    )
    assert parcels_to_take_out(place_uuids=[bench.place]) == [allocation]
    open_for_removal(actor=COURIER, allocation_uuid=allocation.uuid, place_uuid=bench.place, taker=van)
    bench.turn()
    assert bench.simulated.hardware.slots[1].is_open
    assert unit_of(allocation).holder_kind == "cabinet"
    bench.shut(1)
    unit = unit_of(allocation)
    assert (unit.holder_kind, unit.holder_uuid, unit.status) == ("vehicle", van.uuid, "blocked")
    allocation.refresh_from_db()
    assert (allocation.state, allocation.parcel_state) == ("free", "returned")
    assert len(events("lockers.ParcelRemoved")) == 1
    assert parcels_to_take_out(place_uuids=[bench.place]) == []


def test_overdue_and_recalled_parcels_are_listed_until_taken_out(bench: Bench) -> None:
    overdue, recalled = bench.deposit(), bench.deposit(size="M")
    who = operator(bench)
    desk.recall_parcel(principal=who, allocation_uuid=recalled.uuid, reason="批次召回")
    desk.recall_parcel(principal=who, allocation_uuid=recalled.uuid, reason="批次召回")
    assert Device.objects.get(cabinet=bench.cabinet).unconfirmed
    bench.turn()
    assert not Device.objects.get(cabinet=bench.cabinet).unconfirmed
    assert bench.type(bench.code(recalled)).reason == "held"
    later(bench, 25)
    assert services.expire_due_parcels() == 1
    assert set(desk.overdue_parcels(principal=who)) == {overdue, recalled}
    assert DeskEntry.objects.filter(action="recall").count() == 1
    open_for_removal(
        actor=COURIER, allocation_uuid=overdue.uuid, place_uuid=bench.place, taker=Holder("vehicle", uuid4())
    )
    overdue.refresh_from_db()
    assert overdue.parcel_state == ParcelState.TO_RETURN


def test_power_off_for_more_than_an_hour_holds_cooled_parcels(bench: Bench) -> None:
    allocation = bench.deposit()
    for hours, held in ((0.5, False), (3, True)):
        bench.simulated.power_off()
        later(bench, hours)
        bench.simulated.power_on()
        bench.turn()
        allocation.refresh_from_db()
        assert (allocation.state == "blocked", allocation.inspect_reason == "gap") == (held, held)
    assert len(events("lockers.ParcelHeldForInspection")) == 1
    assert unit_of(allocation).status == "blocked"


def test_without_network_it_keeps_measuring_and_holds_nothing(bench: Bench) -> None:
    allocation = bench.deposit()
    set_fault(bench.simulated, "offline", on=True, about={})
    for _ in range(3):
        later(bench, 1)
        bench.turn()
    set_fault(bench.simulated, "offline", on=False, about={})
    bench.turn(6)
    allocation.refresh_from_db()
    assert (allocation.state, allocation.inspect_reason) == ("loaded", "")


def test_the_desk_opens_for_a_recipient_and_gives_a_new_code_without_seeing_one(bench: Bench) -> None:
    allocation, who = bench.deposit(), operator(bench)
    before = bench.code(allocation)
    desk.reissue_for_recipient(principal=who, allocation_uuid=allocation.uuid, reason="手机丢了")
    bench.turn()
    assert bench.type(before).reason == "wrong"
    desk.assist_recipient(principal=who, allocation_uuid=allocation.uuid, reason="屏幕看不清")
    bench.turn()
    bench.shut(1)
    allocation.refresh_from_db()
    assert allocation.parcel_state == "collected"
    log = desk.desk_log(principal=who, cabinet_uuid=bench.cabinet.uuid, first=10)
    assert [(entry.action, entry.reason) for entry in log] == [
        ("assist", "屏幕看不清"), ("reissue", "手机丢了"),
    ]  # fmt: skip
    assert desk.desk_log(principal=STRANGER, cabinet_uuid=None, first=10) == []


def test_a_warm_parcel_is_refused_and_a_warmish_one_is_told(bench: Bench) -> None:
    with pytest.raises(DepositRefused) as refused:
        bench.drop(policy=replace(GOOD, measured_c=7.5))
    assert (refused.value.error_code, Allocation.objects.count()) == ("too_warm", 0)
    allocation = bench.deposit(policy=replace(GOOD, measured_c=5.5))
    assert DeviceAlarm.objects.get(kind="warm").detail["c"] == 5.5
    assert unit_of(allocation).custody.latest("seq").temperature_c == 5.5
    assert services.drop_state(ticket_uuid=allocation.uuid).warm


def test_the_fleet_shows_what_needs_a_hand(bench: Bench) -> None:
    who = operator(bench)
    bench.deposit()
    set_fault(bench.simulated, "jammed", on=True, about={"door": 2})
    seconds = bench.world.seconds
    bench.drop(size="M")
    bench.world.seconds = lambda: seconds() + 11
    bench.turn()
    [health] = fleet.fleet(principal=who)
    assert (health.cells, health.taken, health.silent) == (3, 2, False)
    assert (dict(health.faults), [alarm.kind for alarm in health.open_alarms]) == ({"jammed": 1}, ["jammed"])
    assert set(health.problems) == {"door", "cold_proof"}  # nobody has calibrated its probe
    assert fleet.fleet(principal=STRANGER) == []
    desk.set_camera(principal=who, cabinet_uuid=bench.cabinet.uuid, camera="NVR-3/07")
    told = fleet.door_events(principal=who, cabinet_uuid=bench.cabinet.uuid, first=20)
    assert [event.type for event in told if event.door == 1][-2:] == ["opened", "pulsed"]
    assert all(event.camera.startswith("NVR-3/07@2") and event.camera.endswith("Z") for event in told)


def test_an_alarm_ends_when_somebody_has_looked_and_comes_again_when_it_happens_again(bench: Bench) -> None:
    who, device = operator(bench), bench.cabinet.device
    alarms.raise_alarm(device=device, kind="conflict", at=clock.now())
    alarms.raise_alarm(device=device, kind="conflict", at=clock.now())
    alarm = DeviceAlarm.objects.get(kind="conflict")
    with pytest.raises(Forbidden):
        desk.close_alarm(principal=STRANGER, alarm_uuid=alarm.uuid, reason="看过")
    with pytest.raises(ReasonMissing):
        desk.close_alarm(principal=who, alarm_uuid=alarm.uuid, reason=" ")
    with pytest.raises(NotFound):
        desk.close_alarm(principal=who, alarm_uuid=uuid4(), reason="看过")
    for _ in range(2):
        desk.close_alarm(principal=who, alarm_uuid=alarm.uuid, reason="已核对格口")
    [health] = fleet.fleet(principal=who)
    assert health.open_alarms == []
    assert "conflict" not in health.problems
    assert [entry.reason for entry in DeskEntry.objects.all()] == ["conflict: 已核对格口"]
    alarms.raise_alarm(device=device, kind="conflict", at=clock.now())
    assert DeviceAlarm.objects.filter(kind="conflict", cleared_at=None).exclude(pk=alarm.pk).count() == 1
    assert len(events("lockers.AlarmRaised")) == 2
