"""One working day from the eve to the evening, and its summary."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from marketplace.simulation.day import consolidation, eve, evening, summary, town_delivery, village_loop
from marketplace.simulation.day.api import Api
from marketplace.simulation.day.cashier import Cashier
from marketplace.simulation.day.cast import Cast
from marketplace.simulation.day.clock import DayClock
from marketplace.simulation.day.hands import Hands
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.worlds import World

PARTS = (eve, village_loop, consolidation, town_delivery, evening)


async def play_day(*, world: World, base_url: str, control_url: str, summary_file: Path) -> dict[str, Any]:
    """Play the parts that business time has not passed yet; write and give the summary.

    Started again after a kill it goes on where the day stands: acts carry keys, and what was done is asked of
    the API, never remembered here.
    """
    began, api = time.monotonic(), Api(base_url)
    cashier, hands = Cashier(), Hands(control_url)
    cast = Cast(api, world)
    with _bar() as progress:
        stage = Stage(
            world=world,
            cast=cast,
            clock=DayClock(cast.tester),
            cashier=cashier,
            hands=hands,
            tell=_teller(progress),
        )
        try:
            for part in PARTS:
                await part.play(stage)
            await stage.clock.quiet()
            found = await summary.make(stage)
        finally:
            await api.close()
            await cashier.close()
            await hands.close()
    found["requests"] = _requests(api)
    found["played_s"] = round(time.monotonic() - began, 1)
    summary_file.parent.mkdir(parents=True, exist_ok=True)
    summary_file.write_text(json.dumps(found, ensure_ascii=False, indent=2), encoding="utf-8")
    return found


def _requests(api: Api) -> dict[str, Any]:
    """How many, and which operations took most of the time: {operation: [times, mean milliseconds]}."""
    slowest = sorted(api.answered.items(), key=lambda each: -each[1].seconds)[:8]
    return {
        "answered": sum(each.times for each in api.answered.values()),
        "longest_in_all": {
            name: [each.times, round(1000 * each.seconds / each.times)] for name, each in slowest
        },
    }


def _bar() -> Progress:
    return Progress(
        TextColumn("[cyan]{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def _teller(progress: Progress) -> Callable[[str, int, int], None]:
    tasks: dict[str, TaskID] = {}

    def tell(part: str, done: int, total: int) -> None:
        if part not in tasks:
            tasks[part] = progress.add_task(part, total=total)
        progress.update(tasks[part], completed=min(done, total), total=total)

    return tell
