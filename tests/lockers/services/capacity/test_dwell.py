"""Dwell times as measured, and the use of cells that follows from them."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from lockers.capacity import STAYS
from lockers.models import Allocation, Cabinet, DwellShares, PickupGroup
from lockers.services.capacity.dwell import LEAST_PARCELS, measure_dwell, stays_at
from lockers.services.capacity.holds import arrivals_at
from lockers.services.oversight.utilisation import utilisation
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.principal import Grant, Principal
from tests.factories.lockers import make_cabinet

pytestmark = pytest.mark.django_db


def stayed(cabinet: Cabinet, came: datetime, hours: float, *, times: int = 1, door: int = 1) -> None:
    cell = cabinet.compartments.get(door=door)
    groups = PickupGroup.objects.bulk_create(
        PickupGroup(reference=uuid4(), zone=cell.zone, created_at=came) for _ in range(times)
    )
    left = came + timedelta(hours=hours)
    Allocation.objects.bulk_create(
        Allocation(
            compartment=cell, group=group, reference=group.reference, unit_uuid=uuid4(), state="free",
            parcel_state="collected", size="S", min_c=0, max_c=4, policy={}, reserved_at=came,
            deposited_at=came, collect_until=came + timedelta(hours=24), ended_at=left,
        )
        for group in groups
    )  # fmt: skip


def test_enough_parcels_replace_the_guess_once_a_day(frozen: datetime) -> None:
    busy, quiet = make_cabinet(), make_cabinet()
    came = frozen - timedelta(days=3)
    stayed(busy, came, 2, times=LEAST_PARCELS)
    stayed(busy, came, 26, times=LEAST_PARCELS)
    stayed(quiet, came, 2, times=LEAST_PARCELS - 1)
    assert (measure_dwell(), measure_dwell()) == (2, 0)
    places = [each.site.place.uuid for each in (busy, quiet)]
    measured = stays_at(places)
    assert list(measured) == [places[0]]
    assert (measured[places[0]][0], measured[places[0]][2], measured[places[0]][3]) == (1.0, 0.0, 0.0)
    assert 0.5 < measured[places[0]][1] < 0.6
    arrivals = arrivals_at(places)
    assert (arrivals[places[0]].stays, arrivals[places[1]].stays) == (measured[places[0]], STAYS)
    assert DwellShares.objects.get(place_uuid=places[1]).parcels == LEAST_PARCELS - 1


def test_use_is_cell_hours_and_the_busiest_hour_leads(frozen: datetime) -> None:
    cabinet = make_cabinet(cells=(("chilled", "S"), ("chilled", "S")))
    county = cabinet.site.place.county.uuid
    who = Principal(user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", county)}))
    start = frozen - timedelta(days=1)  # noon
    stayed(cabinet, start, 6)
    stayed(cabinet, start - timedelta(hours=30), 33, door=2)
    [use] = utilisation(principal=who, start=start, end=frozen)
    assert (use.cells, use.parcels, use.overdue, use.busiest_hour) == (2, 2, 1, 12)
    assert use.use == pytest.approx((6 + 3) / 48)
    assert (use.busiest, use.median_hours) == (1.0, 19.5)
    stranger = Principal(user_uuid=uuid4(), grants=frozenset({Grant("cabinet_operator", "county", uuid4())}))
    assert utilisation(principal=stranger, start=start, end=frozen) == []
    with pytest.raises(InvalidInput):
        utilisation(principal=who, start=frozen, end=start)


def test_parcels_that_share_a_cell_take_it_once(frozen: datetime) -> None:
    cabinet = make_cabinet(cells=(("chilled", "S"), ("chilled", "S")))
    start = frozen - timedelta(days=1)
    stayed(cabinet, start, 6)
    stayed(cabinet, start + timedelta(hours=2), 4)
    [use] = utilisation(principal=Principal.system("x"), start=start, end=frozen)
    assert use.parcels == 2
    assert use.use == pytest.approx(6 / 48)
