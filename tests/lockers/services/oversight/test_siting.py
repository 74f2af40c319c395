"""The siting report from rows: what was fetched, what was turned away, how far it was."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from lockers.errors import NoRoom
from lockers.models import TurnedAway
from lockers.services.capacity.holds import hold_capacity
from lockers.services.oversight.siting import note_turned_away, siting, siting_csv
from marketplace.accounts.services.consents import give_delivery_consent, withdraw_delivery_consent
from marketplace.custody.services import Holder, create_unit, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.principal import Grant, Principal
from tests.factories.accounts import make_principal
from tests.factories.lockers import make_cabinet
from tests.factories.places import make_county, make_place, make_site

pytestmark = pytest.mark.django_db


def fetch(place: UUID, times: int) -> None:
    for _ in range(times):
        unit = create_unit(
            kind="parcel", zone="ambient", gross_g=900, volume_ml=4000, size="S",
            holder=Holder("station", uuid4()),
        )  # fmt: skip
        hand_over(unit=unit, to=Holder("person", uuid4()), place_uuid=place, at=clock.now())


def refused(place: UUID, reference: UUID) -> NoRoom:
    with pytest.raises(NoRoom) as error:
        hold_capacity(
            reference=reference, place_uuids=[place], zone="ambient", size="S", min_c=None, max_c=None,
            slot_date=clock.today(), expires_at=clock.now() + timedelta(minutes=15),
        )  # fmt: skip
    return error.value


def test_it_ranks_stations_without_and_cabinets_that_were_full(frozen: datetime) -> None:
    site = make_site()
    county = site.place.county
    make_cabinet(site=site, cells=(("ambient", "L"),))
    hold_capacity(
        reference=uuid4(), place_uuids=[site.place.uuid], zone="ambient", size="S", min_c=None, max_c=None,
        slot_date=clock.today(), expires_at=clock.now() + timedelta(minutes=15),
    )  # fmt: skip
    for _ in range(2):
        note_turned_away(refused(site.place.uuid, uuid4()))
    assert list(TurnedAway.objects.values_list("zone", "size", "parcels")) == [("ambient", "S", 2)]
    busy, quiet = (make_place(county=county, kind="station") for _ in range(2))
    fetch(busy.uuid, 3)
    operator = Principal(uuid4(), frozenset({Grant("cabinet_operator", "county", county.uuid)}))
    start, end = frozen - timedelta(days=28), frozen + timedelta(hours=1)
    report = siting(principal=operator, start=start, end=end)
    assert (report.stations, report.turned_away, len(report.reach_m)) == (2, 2, 2)
    by_place = {each.demand.place: each for each in report.candidates}
    assert set(by_place) == {site.place.uuid, busy.uuid}
    assert (by_place[busy.uuid].kind, by_place[busy.uuid].demand.fetched) == ("new", 3)
    assert (by_place[site.place.uuid].kind, by_place[site.place.uuid].demand.turned_away) == ("more", 2)
    assert quiet.uuid not in by_place
    rows = siting_csv(principal=operator, start=start, end=end).decode("utf-8-sig").splitlines()
    assert len(rows) == 3
    stranger = Principal(uuid4(), frozenset({Grant("cabinet_operator", "county", uuid4())}))
    assert siting(principal=stranger, start=start, end=end).stations == 0
    with pytest.raises(InvalidInput):
        siting(principal=operator, start=end, end=start)


def test_a_place_that_is_silent_or_has_no_such_cell_turned_nobody_away(frozen: datetime) -> None:
    site = make_site()
    make_cabinet(site=site, cells=(("chilled", "L"),))
    note_turned_away(refused(site.place.uuid, uuid4()))
    assert TurnedAway.objects.count() == 0


def test_buyers_ways_are_told_for_ten_at_least_and_to_the_countys_own_people(frozen: datetime) -> None:
    site = make_site()
    county = site.place.county
    make_cabinet(site=site)
    far = make_place(county=county, kind="station", lon=site.place.lon + 0.03)  # 2.9 km
    elsewhere = make_place(county=make_county(code="360981", name="丰城市"), kind="station")
    buyers = [make_principal() for _ in range(21)]
    for number, buyer in enumerate(buyers):
        give_delivery_consent(principal=buyer, place_uuid=site.place.uuid if number < 10 else far.uuid)
        give_delivery_consent(principal=buyer, place_uuid=elsewhere.uuid)
    give_delivery_consent(principal=buyers[0], place_uuid=far.uuid)  # the nearer one counts
    reviewer = make_principal("county_reviewer", "county", county.uuid)
    period = {"start": frozen - timedelta(days=28), "end": frozen}

    def told(asker: Principal) -> list[tuple[int, int | None, int]]:
        return [(b.from_m, b.to_m, b.buyers) for b in siting(principal=asker, **period).buyers]

    assert told(reviewer) == [(0, 500, 10), (500, None, 10)]
    withdraw_delivery_consent(principal=buyers[20], place_uuid=far.uuid)
    assert told(reviewer) == [(0, 500, 10), (500, None, 10)]  # nobody sees that one left
    withdraw_delivery_consent(principal=buyers[19], place_uuid=far.uuid)
    assert told(reviewer) == [(0, None, 20)]
    stranger = make_principal("county_reviewer", "county", elsewhere.county.uuid)
    report = siting(principal=stranger, **period)
    assert (report.stations, report.buyers) == (1, [])  # no cabinet there: no way to measure
    assert siting(principal=reviewer, **period).stations == 1
