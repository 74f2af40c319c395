"""Which parcels of one recipient may lie in one cell: the pure rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers.protocol.allocation import Cell, Need
from lockers.sharing import Lying, may_join
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import CELL_MAX_G, CELL_ML, Size

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
CELL = Cell(door=1, size=Size.M, zone="chilled", band=Band(2, 4))


def lying(
    *, ml: int = 4000, g: int = 900, goods: str = "food", hours: float | None = None, band: Band | None = None
) -> Lying:
    need = Need(Size.S, "chilled", band or Band(0, 7))
    return Lying(need, goods, ml, g, None if hours is None else AT + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("further", "there", "joins"),
    [
        (lying(), [lying()], True),
        (lying(ml=20_000), [lying(ml=15_000)], False),  # 70 % of an M cell is 32 l
        (lying(g=13_000), [lying(g=13_000)], False),
        (lying(goods="pesticide"), [lying()], False),
        (lying(goods="general"), [lying(goods="pesticide")], True),
        (lying(band=Band(7, 10)), [lying()], False),
        (lying(), [lying(hours=20)], False),  # it would have to leave before the new one
        (lying(hours=20), [lying(hours=20)], True),
        (lying(hours=20), [lying()], True),
    ],
)
def test_size_weight_goods_temperature_and_time_decide(
    further: Lying, there: list[Lying], joins: bool
) -> None:
    assert may_join(further, there, CELL, at=AT) is joins


parcels = st.builds(
    lying,
    ml=st.integers(1, 40_000),
    g=st.integers(1, 20_000),
    goods=st.sampled_from(["food", "pesticide", "general"]),
    hours=st.none() | st.floats(1, 72),
)


@given(further=parcels, there=st.lists(parcels, max_size=4), size=st.sampled_from([Size.S, Size.M, Size.L]))
def test_who_joins_fits_with_all_and_would_with_fewer(further: Lying, there: list[Lying], size: Size) -> None:
    cell = Cell(door=1, size=size, zone="chilled", band=Band(2, 4))
    if not may_join(further, there, cell, at=AT):
        return
    everything = [further, *there]
    assert sum(each.volume_ml for each in everything) <= CELL_ML[size] * 7 // 10
    assert sum(each.weight_g for each in everything) <= CELL_MAX_G
    assert not {"food", "pesticide"} <= {each.goods for each in everything}
    until = min(each.keep_until or AT + timedelta(hours=24) for each in everything)
    assert until >= min(further.keep_until or AT + timedelta(hours=24), AT + timedelta(hours=24))
    assert all(may_join(further, there[:n], cell, at=AT) for n in range(len(there)))
