"""A plan is drawn once, when it is published, and every process reads the same drawing."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import numpy as np
import pytest

from marketplace.places.models import Hub
from routing.models import Plan, PlanPicture
from routing.services.quotes import pictures
from routing.services.quotes.fitting import Gaps
from routing.services.quotes.picture import Picture, draw
from routing.services.quotes.picture_bytes import pack, unpack
from routing.services.quotes.pictures import keep, picture_of, pictures_for
from routing.services.waves import planning
from routing.states import Wave
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

LOOP = Wave.VILLAGE_LOOP


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    make_vehicle(hub=hub, zones=(("ambient", 20, 30), ("chilled", 2, 4)))
    for zone in ("ambient", "chilled", "ambient"):
        make_shipment(hub=hub, place=make_station(hub=hub).place, zone=zone)
    picture_of.cache_clear()
    return hub


def planned(hub: Hub) -> Plan:
    return planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP.value, seconds=1)


def same(one: Picture, other: Picture) -> bool:
    columns = [
        np.array_equal(getattr(one.gaps, field.name), getattr(other.gaps, field.name))
        for field in fields(Gaps)
    ]
    return all(columns) and (one.day, one.road, one.tours) == (other.day, other.road, other.tours)


def test_bytes_give_back_the_picture(hub: Hub) -> None:
    for picture in draw(planned(hub).pk):
        assert len(picture.gaps.tour) >= 4
        assert len(picture.tours) == 2
        assert same(unpack(pack(picture)), picture)


def test_a_published_plan_is_drawn_before_anybody_asks(hub: Hub, monkeypatch) -> None:
    plan = planned(hub)

    def refuse(plan_pk: int) -> tuple[Picture, Picture]:
        raise AssertionError("drawn while somebody waits")

    own_day, pattern = draw(plan.pk)
    monkeypatch.setattr(pictures, "draw", refuse)
    assert same(pictures_for(hubs={hub.pk}, day=DAY)[hub.pk, LOOP], own_day)
    assert same(pictures_for(hubs={hub.pk}, day=DAY + timedelta(days=1))[hub.pk, LOOP], pattern)
    assert not same(own_day, pattern)


def test_the_first_question_costs_one_query_more(hub: Hub, django_assert_num_queries) -> None:
    planned(hub)
    with django_assert_num_queries(2):
        pictures_for(hubs={hub.pk}, day=DAY)
    with django_assert_num_queries(1):
        pictures_for(hubs={hub.pk}, day=DAY)


def test_a_lost_or_foreign_row_is_drawn_anew_by_who_asks(hub: Hub) -> None:
    plan = planned(hub)
    PlanPicture.objects.filter(plan=plan).update(form=0, own_day=b"of another release")
    assert same(picture_of(plan.pk, True), draw(plan.pk)[0])
    assert same(unpack(PlanPicture.objects.get(plan=plan).own_day), draw(plan.pk)[0])
    assert not keep(plan.uuid)  # it is drawn


def test_only_the_version_in_force_keeps_its_picture(hub: Hub) -> None:
    first = planned(hub)
    make_shipment(hub=hub, place=make_station(hub=hub).place)
    second = planned(hub)
    assert second.version == first.version + 1
    assert list(PlanPicture.objects.values_list("plan", flat=True)) == [second.pk]
    assert not keep(first.uuid)
    assert PlanPicture.objects.count() == 1
