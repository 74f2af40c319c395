"""72 hours at one reading per 12 s; the broker killed twice, the worker once; and known rows again."""

import time
from pathlib import Path

import pytest

from lockers.models import DeviceMessage
from lockers.services.messages.intake import take_in
from marketplace.telemetry.models import Reading
from tests.factories.lockers import make_cabinet
from tests.lockers.backlog import KeepsUntilAck, TrustsPuback, staged
from tests.lockers.bench.conftest import Row
from tests.lockers.test_ingest import database_url, reading

pytestmark = [pytest.mark.mosquitto, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
READINGS = 21_600


def bench_backlog(tmp_path: Path, row: Row) -> None:
    with staged(tmp_path, line=KeepsUntilAck, readings=READINGS, database_url=database_url()) as stage:
        stage.run()
    stored = Reading.objects.count()
    assert stored == READINGS
    busy_s = stage.seconds["all"] - stage.seconds["away"]
    row(
        f"{READINGS:,} readings of 72 h, broker killed twice, ingest worker killed once",
        f"{READINGS - stored} lost, 0 doubled, {stage.line.rows_sent - READINGS - _others():,} sent again;"
        f" drained in {stage.seconds['all']:.1f} s, of it {stage.seconds['away']:.1f} s until broker and"
        f" worker were back ({READINGS / busy_s:,.0f}/s besides)",
    )


def bench_the_mistake(tmp_path: Path, row: Row) -> None:
    with staged(tmp_path, line=TrustsPuback, readings=READINGS, database_url=database_url()) as stage:
        stage.run()
    lost = READINGS - Reading.objects.count()
    assert lost > 0
    row("the same, deleting on PUBACK", f"{lost:,} lost ({lost / READINGS:.1%})")


def bench_replay(row: Row) -> None:
    make_cabinet(device="L1")
    messages = [reading(seq) for seq in range(1, 50_001)]
    batches = [messages[first : first + 1_000] for first in range(0, len(messages), 1_000)]
    took: dict[str, float] = {}
    for name in ("new", "known"):
        began = time.perf_counter()
        for batch in batches:
            take_in(batch)
        took[name] = time.perf_counter() - began
        assert Reading.objects.count() == 50_000
    row(
        "50,000 messages of one reading, then the same again",
        f"0 rows added; {50_000 / took['new']:,.0f}/s new, {50_000 / took['known']:,.0f}/s known",
    )


def _others() -> int:
    """Messages besides the readings: boot, the last word."""
    return DeviceMessage.objects.count()
