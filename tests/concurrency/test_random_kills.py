"""A whole day of the `test` world while web, worker, drain and ingest are killed twenty times.

Kills are SIGKILL to the process group, at seeded random moments, one process at a time or two at once. The
day is played by the same client as `make demo`; afterwards the auditor, which believes no product code, finds
nothing lost and nothing done twice.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marketplace.launcher.config import REPOSITORY
from tests.product import Product, running_product

pytestmark = pytest.mark.processes

KILLS = 20
VICTIMS = ("web", "worker", "drain", "ingest")
DAY_LIMIT_S = 600


def test_a_day_survives_twenty_random_kills(tmp_path: Path) -> None:
    with running_product(tmp_path / "data") as product:
        day = start_day(product, tmp_path)
        killed = kill_at_random(product, day, random.Random(20))
        output, _ = day.communicate(timeout=DAY_LIMIT_S)
        assert day.returncode == 0, output[-3000:]
        assert len(killed) == KILLS, f"the day was over after {len(killed)} kills: {killed}"
        assert set(killed) == set(VICTIMS)
        findings = audit(product, tmp_path)
    assert findings == []


def start_day(product: Product, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "marketplace.simulation", "day"),
            *("--base-url", product.url, "--summary", str(folder / "summary.json")),
        ],
        cwd=REPOSITORY,
        env=product.supervisor.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_at_random(product: Product, day: subprocess.Popen[str], rng: random.Random) -> list[str]:
    """Kill and start again until KILLS are done or the day is over; gives who was killed."""
    killed: list[str] = []
    while len(killed) < KILLS and day.poll() is None:
        time.sleep(rng.uniform(0.2, 2.0))
        pair = rng.random() < 0.2 and len(killed) + 2 <= KILLS
        victims = rng.sample(VICTIMS, 2 if pair else 1)
        for name in victims:
            product.supervisor.kill(name)
        time.sleep(rng.uniform(0.0, 0.5))
        for name in victims:
            product.supervisor.restart(name)
        for name in victims:
            product.supervisor.await_ready(name)
        killed += victims
    return killed


def audit(product: Product, folder: Path) -> list[object]:
    """What the auditor finds wrong."""
    verdict = folder / "audit.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "marketplace.reports.audit"),
            *("--database-url", product.database_url),
            *("--journals", str(product.config.cabinets_folder)),
            *("--json", str(verdict)),
        ],
        cwd=REPOSITORY,
        env=product.config.inherited,
        check=False,
    )
    findings = json.loads(verdict.read_text(encoding="utf-8"))["findings"]
    assert isinstance(findings, list)
    return findings
