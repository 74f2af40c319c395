"""Portions never take more out of a crate than is in it, nor more than was ordered and a hand's error."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from marketplace.simulation.day.packing import Crates, portion_g
from marketplace.simulation.day.village_loop import brought_g

PIECES = {"unit": "piece", "unitNetG": 500}
LOOSE = {"unit": "g", "unitNetG": None}


def line(number: int, lot: str, quantity: int, product: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"line{number}", "quantity": quantity, "lot": {"id": lot, "product": product}}


def crate(number: int, lot: str, grams: int) -> dict[str, Any]:
    return {"id": f"crate{number}", "contents": [{"id": lot, "grams": grams}]}


@given(
    st.lists(st.integers(1, 40_000), min_size=1, max_size=5),
    st.lists(st.integers(1, 6), min_size=1, max_size=12),
)
def test_crates_are_never_overdrawn(grams: list[int], pieces: list[int]) -> None:
    crates = [crate(number, "lot", net) for number, net in enumerate(grams)]
    rows = [{"lines": [line(n, "lot", count, PIECES)], "crates": crates} for n, count in enumerate(pieces)]
    packing = Crates(rows)
    taken: dict[str, int] = {}
    for row, count in zip(rows, pieces, strict=True):
        portions = packing.portions(row)
        assert sum(p["netWeightG"] for p in portions) <= count * 500
        for portion in portions:
            assert portion["netWeightG"] > 0
            taken[portion["unitId"]] = taken.get(portion["unitId"], 0) + portion["netWeightG"]
    assert all(taken.get(f"crate{number}", 0) <= net for number, net in enumerate(grams))
    assert sum(taken.values()) == min(sum(grams), 500 * sum(pieces))


def test_a_line_whose_lot_is_in_no_crate_gets_no_portion() -> None:
    row = {"lines": [line(1, "lot", 2, PIECES)], "crates": [crate(1, "other", 5_000)]}
    assert Crates([row]).portions(row) == []


def test_whole_pieces_are_exact_and_loose_goods_are_off_by_a_little() -> None:
    assert portion_g(line(1, "lot", 3, PIECES)) == 1_500
    weights = [portion_g(line(n, "lot", 1_000, LOOSE)) for n in range(50)]
    assert min(weights) >= 985
    assert max(weights) <= 1_005
    assert len(set(weights)) > 5
    assert weights == [portion_g(line(n, "lot", 1_000, LOOSE)) for n in range(50)]


def test_farmers_bring_enough_pieces_and_some_bring_too_little_of_loose_goods() -> None:
    def row(lot: int, product: dict[str, Any]) -> dict[str, Any]:
        return {"orderedG": 10_000, "lot": {"id": f"lot{lot}", "product": product}}

    assert all(brought_g(row(lot, PIECES)) >= 10_000 for lot in range(60))
    loose = [brought_g(row(lot, LOOSE)) for lot in range(60)]
    assert min(loose) < 9_800
    assert sum(grams >= 10_000 for grams in loose) > 30
