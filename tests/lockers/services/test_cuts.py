"""Two hundred cuts are played by `make bench-devices`; a few of them here."""

from tests.lockers.services.conftest import Bench
from tests.lockers.services.cuts import play_cuts


def test_power_cuts_lose_and_double_nothing(bench: Bench) -> None:
    ends = play_cuts(bench, cuts=8, seed=2)
    assert sum(ends.values()) == 8
    assert any(how.endswith("cut") for how in ends), ends
    assert any(how.endswith("done") for how in ends), ends
