import pytest

from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.geo import LonLat, great_circle_m
from marketplace.places.models import Place
from marketplace.places.services.nearest import nearest_places
from tests.factories.places import make_place

pytestmark = pytest.mark.django_db


def test_nearest_places_agree_with_measuring_all() -> None:
    for step in range(40):
        make_place(kind="cabinet_site", lon=115.0 + (step * 37 % 40) / 100, lat=28.5 + (step * 11 % 40) / 100)
    make_place(kind="door", lon=115.2, lat=28.7)
    here = LonLat(115.2, 28.7)
    found = nearest_places(to=here, kinds=["cabinet_site"], limit=5)
    by_hand = sorted(
        great_circle_m(here, place.lon_lat) for place in Place.objects.filter(kind="cabinet_site")
    )
    assert [metres for _, metres in found] == by_hand[:5]


def test_a_point_abroad_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        nearest_places(to=LonLat(2.35, 48.85), kinds=["station"], field="plot.lon")
    assert refused.value.field == "plot.lon"


def test_the_database_itself_refuses_places_abroad() -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError, match="place_in_china"), transaction.atomic():
        make_place(lon=2.35, lat=48.85)
    assert Place.objects.count() == 0
