from datetime import timedelta

import pytest

from farmers.models import FieldRecord, Plot
from farmers.services.fields import add_plot, plot_of, record_field_work, unsafe_until
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.kernel.geo import LonLat
from tests.factories.farmers import make_farmer, make_officer, make_station

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "at", [LonLat(28.7, 115.39), LonLat(0, 0), LonLat(float("nan"), 28.7), LonLat(-75, 40)]
)
def test_a_plot_outside_china_is_refused(at: LonLat) -> None:
    farmer = make_farmer()
    assert farmer.station is not None
    with pytest.raises(InvalidInput) as refused:
        add_plot(principal=make_officer(farmer.station), farmer=farmer, name="东坡", at=at)
    assert refused.value.field == "lon"
    assert Plot.objects.count() == 0


def test_spraying_names_the_day_from_which_harvest_is_safe() -> None:
    farmer, today = make_farmer(), clock.today()
    assert farmer.station is not None
    officer = make_officer(farmer.station)
    plot = add_plot(principal=officer, farmer=farmer, name="东坡", at=LonLat(115.39, 28.70))
    for safe_from in (None, today - timedelta(days=4)):
        with pytest.raises(InvalidInput) as refused:
            record_field_work(
                principal=officer,
                plot=plot,
                work="spraying",
                done_on=today - timedelta(days=3),
                safe_from=safe_from,
            )
        assert refused.value.field == "safe_from"
    with pytest.raises(InvalidInput):
        record_field_work(principal=officer, plot=plot, work="sowing", done_on=today + timedelta(days=1))
    assert FieldRecord.objects.count() == 0
    record_field_work(
        principal=officer,
        plot=plot,
        work="spraying",
        done_on=today - timedelta(days=3),
        safe_from=today + timedelta(days=4),
    )
    record_field_work(principal=officer, plot=plot, work="fertilising", done_on=today)
    assert unsafe_until(plot=plot, harvested_on=today - timedelta(days=4)) is None
    assert unsafe_until(plot=plot, harvested_on=today) == today + timedelta(days=4)
    assert unsafe_until(plot=plot, harvested_on=today + timedelta(days=4)) is None


def test_plots_are_their_farmers() -> None:
    farmer, other = make_farmer(), make_farmer()
    assert farmer.station is not None
    plot = add_plot(
        principal=make_officer(farmer.station), farmer=farmer, name="东坡", at=LonLat(115.39, 28.70)
    )
    with pytest.raises(NotFound):
        plot_of(other, plot.uuid)
    with pytest.raises(Forbidden):
        record_field_work(
            principal=make_officer(make_station()), plot=plot, work="sowing", done_on=clock.today()
        )
