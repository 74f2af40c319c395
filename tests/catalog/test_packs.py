import pytest

from catalog.packs import Pack, goods_pack, net_content_g, produce_pack
from marketplace.kernel.units import Size


@pytest.mark.parametrize(
    ("pack", "net_g"),
    [
        ("5斤/箱", 2500),
        ("半斤/袋", 250),
        ("125克/盒", 125),
        ("约2.5斤/只", 1250),
        ("500毫升", None),
        ("20枚/盒", None),
        ("散称", None),
    ],
)
def test_net_content_as_printed(pack: str, net_g: int | None) -> None:
    assert net_content_g(pack) == net_g


def test_loose_goods_are_sold_by_weight() -> None:
    assert produce_pack(sale_unit="斤", pack="散称", kg_per_unit="0.5", category="蔬菜") == Pack(
        unit="g", net_g=None, gross_g=None, volume_ml=2500, size=Size.S
    )


def test_a_planning_weight_above_the_net_content_is_the_gross_weight() -> None:
    honey = produce_pack(sale_unit="瓶", pack="1斤/瓶", kg_per_unit="0.8", category="蜂产品")
    assert (honey.net_g, honey.gross_g) == (500, 800)


def test_a_net_planning_weight_gets_packaging_on_top() -> None:
    kiwi = produce_pack(sale_unit="箱", pack="5斤/箱", kg_per_unit="2.5", category="水果")
    assert (kiwi.net_g, kiwi.gross_g, kiwi.size) == (2500, 2625, Size.M)


@pytest.mark.parametrize(("fits", "size"), [("A", Size.S), ("B", Size.M), ("C", Size.L), ("none", Size.NONE)])
def test_goods_keep_their_computed_cell(fits: str, size: Size) -> None:
    pack = goods_pack(length_cm="30", width_cm="20", height_cm="6", weight_kg="1.5", fits=fits)
    assert pack == Pack(unit="piece", net_g=1500, gross_g=1500, volume_ml=3600, size=size)
