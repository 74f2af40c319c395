"""Road servers: metres and seconds on real roads, asked in blocks. No Django.

`routing.services.waves.distances` keeps the answers.
"""

from routing.solver.roads.base import BLOCK, RoadServer, RoadServerError, RoadTable, ask_blocks
from routing.solver.roads.osrm import Osrm
from routing.solver.roads.valhalla import Valhalla

SERVERS: dict[str, type[Osrm] | type[Valhalla]] = {"osrm": Osrm, "valhalla": Valhalla}

__all__ = [
    "BLOCK",
    "SERVERS",
    "Osrm",
    "RoadServer",
    "RoadServerError",
    "RoadTable",
    "Valhalla",
    "ask_blocks",
]
