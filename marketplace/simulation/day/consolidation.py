"""Noon: hubs portion the lots into one parcel per buyer and zone, then the trunk runs between the hubs."""

import asyncio

from marketplace.simulation.day.packing import Crates
from marketplace.simulation.day.stage import Stage


async def play(stage: Stage) -> None:
    hubs = [hub.key for hub in stage.world.hubs]
    done = stage.progress("consolidation", 2 * len(hubs) + 1)
    await stage.clock.jump(stage.at(13, 0))
    async with asyncio.TaskGroup() as group:
        for hub in hubs:
            group.create_task(_consolidate(stage, hub))
    done(len(hubs))
    await stage.clock.jump(stage.at(14, 0))
    for hub in hubs:
        await _dispatch(stage, hub, [other for other in hubs if other != hub])
    await stage.clock.jump(stage.at(14, 55))
    for hub in hubs:
        await _receive(stage, hub)
    done(len(hubs) + 1)


async def _consolidate(stage: Stage, hub: str) -> None:
    """Parcel after parcel, out of crates that get emptier."""
    operator = stage.cast.hub_operator(hub)
    board = await operator.ask(
        "HubBoard", hubId=stage.id("places.hub", hub), date=stage.world.day.isoformat()
    )
    crates = Crates(board["toConsolidate"])
    for row in board["toConsolidate"]:
        fulfilment_id = row["fulfilment"]["id"]
        await operator.do(
            "PackFulfilment", fulfilment_id, fulfilmentId=fulfilment_id, portions=crates.portions(row)
        )


async def _dispatch(stage: Stage, hub: str, others: list[str]) -> None:
    for other in others:
        await stage.cast.dispatcher(hub).do(
            "DispatchTrunk",
            f"{hub}:{other}",
            fromHubId=stage.id("places.hub", hub),
            toHubId=stage.id("places.hub", other),
            date=stage.world.day.isoformat(),
        )


async def _receive(stage: Stage, hub: str) -> None:
    await stage.cast.dispatcher(hub).do(
        "ReceiveTrunk", hub, hubId=stage.id("places.hub", hub), date=stage.world.day.isoformat()
    )
