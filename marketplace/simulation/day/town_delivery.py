"""The afternoon: vans bring parcels from the hub to parcel lockers and cold cabinets."""

from marketplace.simulation.day import tours
from marketplace.simulation.day.stage import Stage
from marketplace.simulation.day.timeline import Timeline


async def play(stage: Stage) -> None:
    timeline = Timeline()
    for route in await tours.routes(stage, "town_delivery"):
        tours.add(stage, timeline, route)
    await timeline.run(jump=stage.clock.jump, done=stage.progress("town delivery", len(timeline)))
