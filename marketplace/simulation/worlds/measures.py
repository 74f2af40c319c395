"""The mix of a world's demand, and how full it means to make cabinets and vans."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.kernel.temperature import Zone
from marketplace.simulation.worlds.nouns import Shipment, World


@dataclass(frozen=True, slots=True)
class Mix:
    """Counts of shipments."""

    total: int
    up: int
    chilled: int
    frozen: int
    direct: int
    with_options: int

    def share(self, count: int) -> float:
        return count / self.total if self.total else 0.0


def mix(shipments: Sequence[Shipment]) -> Mix:
    return Mix(
        total=len(shipments),
        up=sum(s.direction == "up" for s in shipments),
        chilled=sum(s.zone is Zone.CHILLED for s in shipments),
        frozen=sum(s.zone is Zone.FROZEN for s in shipments),
        direct=sum(s.direct for s in shipments),
        with_options=sum(len(s.options) > 1 for s in shipments),
    )


def cabinet_fill(world: World) -> dict[str, float]:
    """Share of each cabinet's cells that first choices ask for, by cabinet key."""
    asked: Counter[tuple[str, Zone]] = Counter(
        (s.options[0], s.zone) for s in world.shipments if s.options[0].startswith("place:site:")
    )
    place = {site.key: site.place for site in world.sites}
    return {
        cabinet.key: sum(asked[place[cabinet.site], zone] for zone in {cell.zone for cell in cabinet.cells})
        / len(cabinet.cells)
        for cabinet in world.cabinets
    }


def down_ml_per_hub(world: World) -> dict[str, int]:
    """Millilitres that leave each hub for the villages."""
    volume: Counter[str] = Counter()
    for shipment in world.shipments:
        if shipment.direction == "down":
            volume[shipment.origins[0]] += shipment.volume_ml
    return dict(volume)
