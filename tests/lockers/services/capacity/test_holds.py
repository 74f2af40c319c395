"""Capacity holds: counted places, their lives, and the race for the last one."""

import threading
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from lockers import services
from lockers.errors import HoldGone, NoRoom
from lockers.models import CapacityHold, Device
from lockers.services.capacity import holds
from marketplace.kernel import clock
from marketplace.places.models import Site
from tests.factories.lockers import make_cabinet
from tests.factories.places import make_hub, make_place, make_site

DAY = date(2026, 11, 24)
TWO_S_ONE_L = (("ambient", "S"), ("ambient", "S"), ("ambient", "L"))


def hold(*places: UUID, **changes: Any) -> CapacityHold:
    asked = {
        "reference": uuid4(), "place_uuids": list(places), "zone": "ambient", "size": "S", "min_c": None,
        "max_c": None, "slot_date": DAY, "expires_at": clock.now() + timedelta(minutes=15), **changes,
    }  # fmt: skip
    return services.hold_capacity(**asked)


@pytest.fixture
def site(db: None, frozen: datetime) -> Site:
    site = make_site()
    make_cabinet(site=site, cells=TWO_S_ONE_L)
    return site


def why(refused: pytest.ExceptionInfo[NoRoom]) -> dict[str, str]:
    reasons: dict[str, str] = refused.value.params["places"]
    return reasons


def test_a_place_fills_up_by_size_and_day(site: Site) -> None:
    place = site.place.uuid
    assert services.free_cells(place_uuids=[place], slot_date=DAY) == {
        place: {("ambient", "S"): 3, ("ambient", "M"): 1, ("ambient", "L"): 1}
    }
    hold(place, size="L")
    assert services.free_cells(place_uuids=[place], slot_date=DAY)[place] == {
        ("ambient", "S"): 2, ("ambient", "M"): 0, ("ambient", "L"): 0,
    }  # fmt: skip
    with pytest.raises(NoRoom) as refused:
        hold(place, size="M")
    assert why(refused) == {str(place): "full"}
    assert hold(place, size="M", slot_date=DAY + timedelta(days=3)).status == "pending"


def test_each_place_is_refused_for_its_own_reason(site: Site) -> None:
    silent, bare = make_site(hub=site.hub), make_place(county=site.place.county)
    make_cabinet(site=silent, cells=TWO_S_ONE_L, online=False)
    with pytest.raises(NoRoom) as refused:
        hold(site.place.uuid, silent.place.uuid, bare.uuid, zone="frozen", min_c=-25, max_c=-18)
    assert why(refused) == {
        str(site.place.uuid): "no_such_cell", str(silent.place.uuid): "silent", str(bare.uuid): "no_cabinet",
    }  # fmt: skip
    assert CapacityHold.objects.count() == 0


def test_a_cell_outside_the_products_band_is_no_room(site: Site) -> None:
    with pytest.raises(NoRoom):
        hold(site.place.uuid, min_c=7, max_c=10)


def test_preference_then_the_next_place_and_a_repeat_is_the_same_hold(site: Site) -> None:
    second = make_site(hub=site.hub)
    make_cabinet(site=second, cells=TWO_S_ONE_L)
    places = (site.place.uuid, second.place.uuid)
    taken = [hold(*places, size="L").place_uuid for _ in range(2)]
    assert taken == list(places)
    first = CapacityHold.objects.order_by("id")[0]
    assert hold(*places, reference=first.reference) == first


def test_expiry_frees_and_payment_keeps(site: Site, frozen: datetime) -> None:
    paid, unpaid = hold(site.place.uuid), hold(site.place.uuid)
    services.firm_hold(reference=paid.reference)
    later = frozen + timedelta(minutes=15)
    clock.install(lambda: clock.Setting(frozen_at=later))
    clock.refresh()
    assert services.expire_due_holds() == 1
    assert services.expire_due_holds() == 0
    assert CapacityHold.objects.get(pk=paid.pk).status == "firm"
    with pytest.raises(HoldGone):
        services.firm_hold(reference=unpaid.reference)
    services.release_hold(reference=paid.reference)
    services.release_hold(reference=paid.reference)
    assert (
        services.free_cells(place_uuids=[site.place.uuid], slot_date=DAY)[site.place.uuid]["ambient", "S"]
        == 3
    )


def test_a_movable_hold_moves_to_an_agreed_place_with_room(site: Site) -> None:
    second, third = make_site(hub=site.hub), make_site(hub=site.hub)
    make_cabinet(site=second, cells=(("ambient", "S"),))
    make_cabinet(site=third, cells=TWO_S_ONE_L)
    one, two = site.place.uuid, second.place.uuid
    movable = hold(one, two, movable=True)
    fixed = hold(one)
    assert services.move_hold(reference=movable.reference, place_uuid=two).place_uuid == two
    for reference, place in [(movable.reference, third.place.uuid), (fixed.reference, two)]:
        with pytest.raises(NoRoom) as refused:
            services.move_hold(reference=reference, place_uuid=place)
        assert why(refused) == {str(place): "not_agreed"}
    other = hold(one, two, movable=True)
    with pytest.raises(NoRoom) as refused:
        services.move_hold(reference=other.reference, place_uuid=two)
    assert (why(refused), CapacityHold.objects.get(pk=other.pk).place_uuid) == ({str(two): "full"}, one)


def test_a_cabinet_that_falls_silent_is_not_offered(site: Site) -> None:
    Device.objects.update(online=False, last_seen=clock.wall() - timedelta(minutes=11))
    assert services.free_cells(place_uuids=[site.place.uuid], slot_date=DAY) == {site.place.uuid: {}}


# -- the race ------------------------------------------------------------------------------------------------


def _race(place: UUID, monkeypatch: pytest.MonkeyPatch, *, locked: bool) -> int:
    """Two carts ask for the last place at once; each counts before either writes. How many got it."""
    both_counted = threading.Barrier(2, timeout=0.5 if locked else 60)
    real_room = holds._room

    def room_then_wait(*args: Any) -> int:
        room = real_room(*args)
        try:
            both_counted.wait()
        except threading.BrokenBarrierError:
            assert locked, "without the lock both must count before either writes"
        return room

    monkeypatch.setattr(holds, "_room", room_then_wait)
    if not locked:
        monkeypatch.setattr(holds, "lock_key", lambda name: nullcontext())
    got: list[bool] = []

    def ask() -> None:
        try:
            hold(place)
            got.append(True)
        except NoRoom:
            got.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return sum(got)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("locked", "winners"), [(False, 2), (True, 1)])
def test_the_last_place_goes_to_one(
    monkeypatch: pytest.MonkeyPatch, frozen: datetime, locked: bool, winners: int
) -> None:
    """With the lock off the race is real: both get the one place."""
    site = make_site(hub=make_hub())
    make_cabinet(site=site, cells=(("ambient", "S"),))
    assert _race(site.place.uuid, monkeypatch, locked=locked) == winners
    assert CapacityHold.objects.count() == winners
