from datetime import timedelta

import pytest

from farmers.models import ServiceRecord, Station
from farmers.services.service_log import log_service, service_totals
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from tests.factories.farmers import make_officer, make_station, make_villager

pytestmark = pytest.mark.django_db


def test_uses_and_fees_are_counted_by_service() -> None:
    station = make_station()
    officer = make_officer(station)
    villager = make_villager(station=station)
    for kind, fee_fen in (("convenience", 100), ("convenience", 50), ("training", 0)):
        log_service(
            principal=officer,
            station_uuid=station.uuid,
            kind=kind,
            what="代缴电费",
            villager_uuid=villager.uuid,
            fee_fen=fee_fen,
        )
    now = clock.now()
    totals = service_totals(
        station_uuid=station.uuid, start=now - timedelta(hours=1), end=now + timedelta(hours=1)
    )
    assert totals == {
        "public_good": (0, 0),
        "convenience": (2, 150),
        "ecommerce": (0, 0),
        "training": (1, 0),
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "banking"}, "kind"),
        ({"kind": "training"}, "kind"),
        ({"what": " "}, "what"),
        ({"fee_fen": -1}, "fee_fen"),
        ({"fee_fen": 10_000_001}, "fee_fen"),
    ],
)
def test_bad_entries_are_refused_by_field(changes: dict[str, object], field: str) -> None:
    station = make_station()
    Station.objects.filter(pk=station.pk).update(services=["convenience"])
    form = {"kind": "convenience", "what": "代缴电费", **changes}
    with pytest.raises(InvalidInput) as refused:
        log_service(principal=make_officer(station), station_uuid=station.uuid, **form)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert ServiceRecord.objects.count() == 0


def test_strangers_and_other_stations_villagers_are_refused() -> None:
    station = make_station()
    with pytest.raises(Forbidden):
        log_service(
            principal=make_officer(make_station()), station_uuid=station.uuid, kind="training", what="讲座"
        )
    with pytest.raises(NotFound) as refused:
        log_service(
            principal=make_officer(station),
            station_uuid=station.uuid,
            kind="training",
            what="讲座",
            villager_uuid=make_villager().uuid,
        )
    assert refused.value.field == "villager_id"
    assert ServiceRecord.objects.count() == 0
