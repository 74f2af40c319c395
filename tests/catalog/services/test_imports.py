from io import BytesIO
from uuid import UUID, uuid4

import pytest
from openpyxl import Workbook

from catalog.errors import AlreadySold
from catalog.models import Lot, LotImport, Stock
from catalog.services import stock
from catalog.services.imports import ImportResult, import_lots, undo_import
from farmers.models import Certificate
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from tests.factories.catalog import make_product, make_van, stock_of
from tests.factories.farmers import make_farmer, make_officer, make_station

pytestmark = pytest.mark.django_db

HEADER = (
    "商品,农户,手机,数量,单价,采收日期,温区,入柜约定,"
    "合格证编号,合格证依据,合格证日期,合格证联系方式,合格证产地\n"
)


class Desk:
    """A station where 王婶 and the cooperative have let it sell for them, and 老李 has not."""

    def __init__(self) -> None:
        self.station = make_station()
        make_van(self.station.hub)
        self.officer = make_officer(self.station)
        make_product(
            name="时令叶菜", unit="g", zone="chilled", band=(0, 5), fresh=True, needs_certificate=True
        )
        make_product(name="土鸡蛋")
        self.wang = make_farmer(station=self.station, name="王婶")
        make_farmer(station=self.station, name="赤岸合作社", seller_kind="cooperative")
        make_farmer(station=self.station, name="老李", consent=False)
        self.today = clock.today().isoformat()

    def load(self, *rows: str, dry_run: bool = False) -> ImportResult:
        text = HEADER + "".join(row.replace("TODAY", self.today) + "\n" for row in rows)
        return self.send("lots.csv", text.encode(), dry_run=dry_run)

    def send(self, name: str, data: bytes, *, dry_run: bool = False) -> ImportResult:
        return import_lots(
            principal=self.officer, station_uuid=self.station.uuid, name=name, data=data, dry_run=dry_run
        )


GREENS = "时令叶菜,王婶,,80斤,3.5/斤,TODAY,冷藏,是,,,,,"
EGGS = "土鸡蛋,王婶,,12箱,36,TODAY,,,,,,,"
COOP = "时令叶菜,赤岸合作社,,100kg,8/kg,TODAY,,是,HGZ-7,自行检测,TODAY,13800000000,赤岸镇"


def faults(result: ImportResult) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.error.error_code) for fault in result.faults]


def nothing_written() -> bool:
    return not (Lot.objects.exists() or Stock.objects.exists() or LotImport.objects.exists())


def test_good_rows_become_lots() -> None:
    desk = Desk()
    result = desk.load(GREENS, EGGS, COOP)
    assert faults(result) == []
    assert [(lot.product.name, lot.listed_quantity, lot.price_fen, lot.zone) for lot in result.lots] == [
        ("时令叶菜", 40_000, 700, "chilled"),
        ("土鸡蛋", 12, 3600, "ambient"),
        ("时令叶菜", 100_000, 800, "chilled"),
    ]
    assert {lot.batch for lot in result.lots} == {result.batch}
    assert Certificate.objects.get().number == "HGZ-7"
    assert stock_of(result.lots[0].uuid) == (40_000, 0, 40_000)


def test_a_dry_run_shows_and_writes_nothing() -> None:
    desk = Desk()
    result = desk.load(GREENS, EGGS, dry_run=True)
    assert [(ready.row, ready.draft.quantity) for ready in result.ready] == [(2, 40_000), (3, 12)]
    assert (result.lots, result.batch) == ([], None)
    assert nothing_written()


def test_every_bad_cell_of_every_row_is_named_and_nothing_is_half_written() -> None:
    desk = Desk()
    result = desk.load(
        GREENS,
        "时令叶菜,王婶,,80,3.5,TODAY,冷藏,否,,,,,",
        "火星土豆,赵六,,80斤,3.5/斤,TODAY,,,,,,,",
        "土鸡蛋,老李,,0,0.01,2199-01-01,北极,,,,,,",
        "时令叶菜,赤岸合作社,,80斤,3.5/斤,TODAY,,是,,,,,",
        "时令叶菜,赤岸合作社,,80斤,3.5/斤,TODAY,,是,HGZ-8,听说,TODAY,,赤岸镇",
        "土鸡蛋,王婶,,x,36,TODAY,,,,,,,",
    )
    assert faults(result) == [
        (3, "数量", "invalid"),
        (3, "单价", "invalid"),
        (3, "数量", "invalid"),
        (3, "入柜约定", "sender_agreement_missing"),
        (4, "商品", "not_found"),
        (4, "农户", "not_found"),
        (5, "农户", "no_consent"),
        (5, "数量", "invalid"),
        (5, "单价", "invalid"),
        (5, "采收日期", "invalid"),
        (5, "温区", "unknown_zone"),
        (6, "合格证编号", "certificate_missing"),
        (7, "合格证联系方式", "invalid"),
        (7, "合格证编号", "certificate_missing"),
        (8, "数量", "invalid"),
    ]
    assert [ready.row for ready in result.ready] == [2]
    assert nothing_written()


def test_namesakes_are_told_apart_by_phone() -> None:
    desk = Desk()
    other = make_farmer(station=desk.station, name="王婶")
    assert faults(desk.load(EGGS)) == [(2, "农户", "invalid")]
    result = desk.load(EGGS.replace("王婶,,", f"王婶,{other.phone[-4:]},"))
    assert [lot.seller for lot in result.lots] == [other]


def test_one_certificate_number_stands_for_one_row() -> None:
    desk = Desk()
    assert faults(desk.load(COOP, COOP)) == [(3, "合格证编号", "invalid")]
    assert nothing_written()
    desk.load(COOP)
    assert faults(desk.load(COOP.replace("100kg", "90kg"))) == [(2, "合格证编号", "invalid")]
    assert Lot.objects.count() == 1


def test_what_is_no_table_is_refused_as_a_whole() -> None:
    desk = Desk()
    with pytest.raises(InvalidInput) as refused:
        desk.send("lots.csv", b"hello\nworld")
    assert refused.value.field == "file"


def test_a_workbook_is_read_like_a_csv() -> None:
    desk, book = Desk(), Workbook()
    book.active.append(HEADER.strip().split(","))
    book.active.append(["土鸡蛋", "王婶", None, "12箱", 36, clock.today()])
    out = BytesIO()
    book.save(out)
    result = desk.send("批量上架.xlsx", out.getvalue())
    assert [(lot.listed_quantity, lot.price_fen, lot.harvested_on) for lot in result.lots] == [
        (12, 3600, clock.today())
    ]


def test_another_stations_officer_is_refused() -> None:
    desk = Desk()
    stranger = make_officer(make_station())
    with pytest.raises(Forbidden):
        import_lots(principal=stranger, station_uuid=desk.station.uuid, name="a.csv", data=b"", dry_run=True)
    result = desk.load(EGGS)
    assert result.batch is not None
    with pytest.raises(Forbidden):
        undo_import(principal=stranger, import_uuid=result.batch.uuid)
    assert Lot.objects.get().status == "listed"


def test_undo_takes_all_of_it_back_once() -> None:
    desk = Desk()
    result = desk.load(GREENS, EGGS)
    assert result.batch is not None
    first = undo_import(principal=desk.officer, import_uuid=result.batch.uuid)
    assert undo_import(principal=desk.officer, import_uuid=result.batch.uuid).undone_at == first.undone_at
    assert set(Lot.objects.values_list("status", "available_quantity")) == {("withdrawn", 0)}
    with pytest.raises(NotFound):
        undo_import(principal=desk.officer, import_uuid=UUID(int=1))


def test_undo_is_refused_once_somebody_bought() -> None:
    desk = Desk()
    result = desk.load(GREENS, EGGS)
    assert result.batch is not None
    stock.reserve(reference=uuid4(), lines=[(result.lots[1].uuid, 2)], expires_at=clock.now())
    with pytest.raises(AlreadySold):
        undo_import(principal=desk.officer, import_uuid=result.batch.uuid)
    assert set(Lot.objects.values_list("status", flat=True)) == {"listed"}
    result.batch.refresh_from_db()
    assert result.batch.undone_at is None
