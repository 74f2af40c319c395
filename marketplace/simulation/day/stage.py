"""What every part of the day has at hand: the world, the people, the clock, the cashier, the cabinets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.kernel import clock as business
from marketplace.simulation.day.cashier import Cashier
from marketplace.simulation.day.cast import Cast
from marketplace.simulation.day.clock import DayClock
from marketplace.simulation.day.hands import Hands
from marketplace.simulation.worlds import World


@dataclass(slots=True)
class Notebook:
    """What the player notes for the summary: refusals that people met, and incidents that were played."""

    turned_away: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    world: World
    cast: Cast
    clock: DayClock
    cashier: Cashier
    hands: Hands
    tell: Callable[[str, int, int], None]
    """(part of the day, acts done, acts in all) for the progress bar."""
    notebook: Notebook = field(default_factory=Notebook)
    products: dict[str, str] = field(default_factory=dict)
    """Product name -> id, once somebody has looked."""

    def at(self, hour: int, minute: int = 0, *, eve: bool = False) -> datetime:
        """A time of the day, or of its eve, in Yichun."""
        day = self.world.day - timedelta(days=1) if eve else self.world.day
        return business.at(day, hour, minute)

    def id(self, model: str, key: str) -> str:
        """The outside id of a thing that the world was loaded with: model as "app.model"."""
        return str(self.uuid(model, key))

    def uuid(self, model: str, key: str) -> UUID:
        return self.world.uuid(f"{model}:{key}")

    def device(self, place_id: str, zone: str) -> str:
        """The cabinet at a place in front of which somebody stands who has a parcel of this zone."""
        sites = [site.key for site in self.world.sites if self.id("places.place", site.place) == place_id]
        return next(
            cabinet.device
            for cabinet in self.world.cabinets
            if cabinet.site in sites and any(cell.zone == zone for cell in cabinet.cells)
        )

    def progress(self, part: str, total: int) -> Callable[[int], None]:
        """A counter for one part of the day."""
        done = 0
        self.tell(part, done, total)

        def advance(more: int) -> None:
            nonlocal done
            done += more
            self.tell(part, done, total)

        return advance
