"""Cabinets from a table: a look, every bad cell by row and column, all or none, again, and back."""

from datetime import timedelta

import pytest

from lockers.errors import SitesInUse
from lockers.models import Cabinet, CabinetZone, Compartment, Device, SiteImport
from lockers.services.capacity.holds import hold_capacity, release_hold
from lockers.services.devices.registration import issue_token, register
from lockers.services.sites.site_imports import SitesResult, import_sites, site_imports, undo_site_import
from lockers.services.sites.site_template import sites_template
from marketplace.accounts.models import DeliveryConsent
from marketplace.accounts.services.consents import give_delivery_consent
from marketplace.kernel import clock, ids
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Place, Site
from marketplace.telemetry.models import Probe
from tests.factories.accounts import make_principal
from tests.factories.lockers import make_cabinet
from tests.factories.places import make_county, make_hub

pytestmark = pytest.mark.django_db
HEAD = (
    "站点编号,站点名称,英文名称,县(市、区),站点类型,经度,纬度,开放时间,关闭时间,柜机编号,柜机名称,"
    "运营方,温区,小格数,中格数,大格数,最低温度,最高温度"
)
FIRST = "A-1,东门,East Gate,奉新县,小区,115.40,28.71,6:00,22:00,L1,1号柜,益农,常温,2,1,1,,"
COLD = "A-1,,,,,,,,,L1,,,冷藏,1,0,,2,8"
SECOND = "A-1,,,,,,,,,L2,2号柜,,冷冻,1,,,,"


@pytest.fixture
def hub() -> Hub:
    return make_hub()


@pytest.fixture
def operator(hub: Hub) -> Principal:
    return make_principal("cabinet_operator", "county", hub.county.uuid)


def table(*rows: str, head: str = HEAD) -> bytes:
    return ("\n".join((head, *rows)) + "\n").encode()


def bring(principal: Principal, *rows: str, dry_run: bool = False) -> SitesResult:
    return import_sites(principal=principal, name="sites.csv", data=table(*rows), dry_run=dry_run)


def told(result: SitesResult) -> list[tuple[int, str]]:
    return [(fault.row, fault.column) for fault in result.faults]


def rows_written() -> tuple[int, ...]:
    models = (Place, Site, Cabinet, Compartment, CabinetZone, Device, Probe, SiteImport)
    return tuple(model.objects.count() for model in models)


def test_a_look_writes_nothing(operator: Principal) -> None:
    before = rows_written()
    looked = bring(operator, FIRST, COLD, SECOND, dry_run=True)
    assert told(looked) == []
    assert [(p.row, p.site_is_new, p.device, p.cells, p.status) for p in looked.ready] == [
        (2, True, "L1", 5, "new"),
        (4, True, "L2", 1, "new"),
    ]
    assert (looked.batch, rows_written()) == (None, before)


def test_a_site_stands_with_all_its_cabinets_cells_and_probes(operator: Principal, hub: Hub) -> None:
    batch = bring(operator, FIRST, COLD, SECOND).batch
    site = Site.objects.get(code="A-1")
    assert (site.hub, site.kind, site.place.name, site.place.name_en) == (hub, "estate", "东门", "East Gate")
    assert (site.place.lon, site.place.lat, site.place.opens.hour) == (115.40, 28.71, 6)
    first, second = site.cabinets.order_by("pk")
    assert (first.name, first.kind, first.operator, first.batch) == ("1号柜", "cold", "益农", batch)
    assert list(first.compartments.order_by("door").values_list("label", "zone", "size", "max_c")) == [
        ("01", "ambient", "S", 30), ("02", "ambient", "S", 30), ("03", "ambient", "M", 30),
        ("04", "ambient", "L", 30), ("05", "chilled", "S", 8),
    ]  # fmt: skip
    assert second.device.device == "L2"
    assert second.device.simulated is False
    assert set(Probe.objects.values_list("device", "zone", "county_uuid")) == {
        ("L1", "chilled", hub.county.uuid),
        ("L2", "frozen", hub.county.uuid),
    }
    assert list(site_imports(principal=operator)) == [batch]


def test_the_same_table_again_changes_nothing_and_a_longer_one_adds_the_rest(operator: Principal) -> None:
    bring(operator, FIRST, COLD)
    before = rows_written()
    again = bring(operator, FIRST, COLD)
    assert ([plan.status for plan in again.ready], again.faults, again.batch) == (["there"], [], None)
    assert rows_written() == before
    longer = bring(operator, FIRST, COLD, SECOND)
    assert [(plan.device, plan.site_is_new, plan.status) for plan in longer.ready] == [
        ("L1", False, "there"),
        ("L2", False, "new"),
    ]
    assert (Site.objects.count(), Cabinet.objects.count()) == (1, 2)
    assert longer.batch.site_uuids == []


BAD = [
    ("B 1,东门,,奉新县,小区,115.4,28.7,,,L1,,,常温,1,,,,", ["站点编号"]),
    ("B-1,,,奉新县,小区,115.4,28.7,,,L1,柜,,常温,1,,,,", ["站点名称"]),
    ("B-1,东门,,火星县,小区,115.4,28.7,,,L1,,,常温,1,,,,", ["县(市、区)"]),
    ("B-1,东门,,奉新县,城堡,115.4,28.7,,,L1,,,常温,1,,,,", ["站点类型"]),
    ("B-1,东门,,奉新县,小区,28.7,115.4,,,L1,,,常温,1,,,,", ["经度"]),  # the wrong way round
    ("B-1,东门,,奉新县,小区,-0.12,51.5,,,L1,,,常温,1,,,,", ["经度"]),  # London
    ("B-1,东门,,奉新县,小区,113.2,23.1,,,L1,,,常温,1,,,,", ["经度"]),  # Guangzhou
    ("B-1,东门,,奉新县,小区,东经115,nan,,,L1,,,常温,1,,,,", ["经度", "纬度"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,25:00,八点,L1,,,常温,1,,,,", ["开放时间", "关闭时间"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,22:00,06:00,L1,,,常温,1,,,,", ["关闭时间"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,柜 1,,,常温,1,,,,", ["柜机编号"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,微温,1,,,,", ["温区"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,,1,,,,", ["温区"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,常温,,,,,", ["小格数"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,常温,0,0,0,,", ["小格数"]),
    (
        "B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,常温,-3,1.5,1000000,,",
        ["小格数", "中格数", "大格数"],
    ),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,常温,100,100,1,,", ["小格数"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,冷藏,1,,,8,2", ["最低温度"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,冷藏,1,,,,8", ["最高温度"]),
    ("B-1,东门,,奉新县,小区,115.4,28.7,,,L1,,,冷冻,1,,,2,8", ["最低温度"]),
    (
        "=1+1,'; DROP,%s,,,,,,,,,,,,,,,",
        ["站点编号", "站点类型", "经度", "纬度", "柜机编号", "温区", "小格数"],
    ),
]


@pytest.mark.parametrize(("row", "columns"), BAD, ids=lambda value: str(value)[:40])
def test_every_bad_cell_is_named_and_nothing_is_written(
    operator: Principal, row: str, columns: list[str]
) -> None:
    before = rows_written()
    result = bring(operator, FIRST.replace("L1", "L9"), row)
    assert told(result) == [(3, column) for column in columns]
    assert all(fault.error.render(str) for fault in result.faults)
    assert (result.batch, rows_written()) == (None, before)


def test_one_number_means_one_thing(operator: Principal) -> None:
    other = "A-2,西门,,奉新县,小区,115.41,28.71,,,L3,,,常温,1,,,,"
    rows = {
        FIRST.replace("东门", "北门").replace("L1", "L4"): "站点编号",
        other.replace("L3", "L1"): "柜机编号",
        FIRST: "温区",
        COLD.replace("1号柜", "").replace("L1,", "L1,9号柜"): "柜机编号",
    }
    for row, column in rows.items():
        assert told(bring(operator, FIRST, row)) == [(3, column)], row
    contradicts = "A-1,,,,,,,23:00,,L5,,,常温,1,,,,"
    assert told(bring(operator, FIRST, contradicts)) == [(3, "")]
    assert SiteImport.objects.count() == 0


def test_what_stands_is_not_changed_by_a_table(operator: Principal) -> None:
    bring(operator, FIRST)
    moved = bring(operator, FIRST.replace("115.40", "115.41"))
    more = bring(operator, FIRST.replace("常温,2", "常温,3"))
    renamed = bring(operator, FIRST.replace("East Gate", "West Gate"))
    assert [told(result) for result in (moved, more, renamed)] == [
        [(2, "经度")],
        [(2, "柜机编号")],
        [(2, "英文名称")],
    ]
    taken = make_cabinet(site=Site.objects.get(), device="L7")
    assert told(bring(operator, FIRST.replace("L1", taken.device.device).replace("A-1", "A-9"))) == [
        (2, "柜机编号")
    ]


def test_an_operator_puts_up_none_elsewhere_and_the_platform_does(operator: Principal) -> None:
    make_hub(county=make_county(code="360981", name="丰城市"))
    there = "F-1,南门,,丰城市,商店,115.78,28.19,,,L5,,,常温,1,,,,"
    refused = bring(operator, FIRST, there)
    assert [(fault.row, fault.column, type(fault.error)) for fault in refused.faults] == [
        (3, "县(市、区)", Forbidden)
    ]
    platform = make_principal("platform")
    batch = bring(platform, FIRST, there).batch
    assert len(batch.county_uuids) == 2
    with pytest.raises(Forbidden):
        undo_site_import(principal=operator, import_uuid=batch.uuid)
    assert list(site_imports(principal=operator)) == []
    for role, kind in (("courier", "carrier"), ("county_reviewer", "county")):
        with pytest.raises(Forbidden):
            bring(make_principal(role, kind, platform.user_uuid), FIRST)


def test_coordinates_of_chinese_maps_are_put_right(operator: Principal) -> None:
    head = HEAD + ",坐标系"
    data = table(FIRST + ",GCJ02", head=head)
    [plan] = import_sites(principal=operator, name="a.csv", data=data, dry_run=True).ready
    assert plan.site.at.lon == pytest.approx(115.3951, abs=0.001)
    assert plan.site.at.lon != 115.40


@pytest.mark.parametrize(("kind", "english"), [("csv", False), ("xlsx", True)])
def test_the_template_as_it_is_can_be_looked_at(operator: Principal, kind: str, english: bool) -> None:
    data = sites_template(principal=operator, kind=kind, english=english)
    result = import_sites(principal=operator, name=f"sites.{kind}", data=data, dry_run=True)
    assert (told(result), [plan.cells for plan in result.ready]) == ([], [32])


def test_what_is_no_table_is_refused(operator: Principal) -> None:
    for data in (b"", b"PK\x03\x04 no zip", b"\x00\x01", table()):
        with pytest.raises(InvalidInput) as refused:
            import_sites(principal=operator, name="a.csv", data=data, dry_run=True)
        assert refused.value.field == "file"


def test_undo_leaves_nothing_and_the_mended_table_may_come(operator: Principal) -> None:
    before = rows_written()
    batch = bring(operator, FIRST, COLD, SECOND).batch
    place = Site.objects.get().place
    issue_token(device=Device.objects.get(device="L1"))
    buyer = make_principal()
    give_delivery_consent(principal=buyer, place_uuid=place.uuid)
    undone = undo_site_import(principal=operator, import_uuid=batch.uuid)
    assert undone.undone_at is not None
    assert rows_written() == (*before[:-1], before[-1] + 1)
    assert DeliveryConsent.objects.get().withdrawn_at is not None
    assert undo_site_import(principal=operator, import_uuid=batch.uuid).undone_at == undone.undone_at
    assert bring(operator, FIRST, COLD, SECOND).faults == []


def test_what_is_in_use_is_not_undone(operator: Principal) -> None:
    batch = bring(operator, FIRST, SECOND).batch
    place = Site.objects.get().place
    Device.objects.update(online=True, last_seen=clock.wall())
    Compartment.objects.update(door_state="closed")
    reference = ids.uuid7()
    hold_capacity(
        reference=reference, place_uuids=[place.uuid], zone="ambient", size="S", min_c=None, max_c=None,
        slot_date=clock.today(), expires_at=clock.now() + timedelta(minutes=15),
    )  # fmt: skip
    before = rows_written()
    with pytest.raises(SitesInUse):
        undo_site_import(principal=operator, import_uuid=batch.uuid)
    release_hold(reference=reference)
    register(issue_token(device=Device.objects.get(device="L2")))
    with pytest.raises(SitesInUse) as refused:
        undo_site_import(principal=operator, import_uuid=batch.uuid)
    assert refused.value.params["name"] == "2号柜"
    assert rows_written() == before
    with pytest.raises(NotFound):
        undo_site_import(principal=operator, import_uuid=ids.uuid7())
