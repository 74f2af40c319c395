"""The scripted day of the acceptance test at full size, and two hundred power cuts."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.lockers.bench.conftest import Row
from tests.lockers.services.conftest import Bench
from tests.lockers.services.cuts import play_cuts
from tests.lockers.services.days import Script
from tests.lockers.services.test_days import both_ways

FULL = Script(deposits=39, pick_ups=37)  # and one of each more, after the jam


@pytest.mark.mosquitto
def bench_one_day_two_transports(
    put_up: Callable[..., Bench], tmp_path: Path, frozen: datetime, row: Row
) -> None:
    began = time.monotonic()
    found = both_ways(put_up, tmp_path, frozen, FULL)
    assert found["memory"] == found["mosquitto"]
    parcels = [each[2] for each in found["memory"]["allocations"]]
    assert (len(parcels), parcels.count("collected"), parcels.count("expired")) == (40, 38, 2)
    rows = sum(len(table) for table in found["memory"].values())
    row(
        "40 deposits, 38 pick-ups, 2 expiries, a jam, a cut, 72 h offline; in memory and over Mosquitto",
        f"identical tables ({rows} rows compared), both days in {time.monotonic() - began:.0f} s",
    )


def bench_two_hundred_power_cuts(bench: Bench, row: Row) -> None:
    ends = play_cuts(bench, cuts=200, seed=20261123)
    told = ", ".join(f"{count} {how}" for how, count in sorted(ends.items()))
    row(
        "200 power cuts at random moments of drops and pick-ups",
        f"no door opened on return, no allocation lost or doubled, no order left in flight ({told})",
    )
