"""Other people's solvers as engines of the bench. The product never plans with them.

Each comes from the optional requirements (`make install-bench`) and is imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from routing.solver.errors import Unsupported

if TYPE_CHECKING:
    from routing.solver.peers.base import Peer


def _ortools_default() -> Peer:
    from routing.solver.peers.with_ortools import RoutingModelAlone

    return RoutingModelAlone(iterated=False)


def _ortools_ils() -> Peer:
    from routing.solver.peers.with_ortools import RoutingModelAlone

    return RoutingModelAlone(iterated=True)


def _pyvrp(*, chosen: bool) -> Peer:
    from routing.solver.peers.with_pyvrp import PyVrp

    return PyVrp(chosen=chosen)


def _vroom(*, chosen: bool) -> Peer:
    from routing.solver.peers.with_vroom import Vroom

    return Vroom(chosen=chosen)


PEERS: dict[str, Callable[[], Peer]] = {
    "ortools-default": _ortools_default,
    "ortools-ils": _ortools_ils,
    "pyvrp": lambda: _pyvrp(chosen=False),
    "vroom": lambda: _vroom(chosen=False),
    "cpsat-pyvrp": lambda: _pyvrp(chosen=True),
    "cpsat-vroom": lambda: _vroom(chosen=True),
}


def peer_of(name: str) -> Peer:
    """The peer by name. Raises Unsupported, also where its package is not installed."""
    if name not in PEERS:
        raise Unsupported(f"unknown peer {name!r}; known: {', '.join(PEERS)}")
    try:
        return PEERS[name]()
    except ModuleNotFoundError as error:
        message = f"{name} needs the package {error.name!r}: make install-bench"
        raise Unsupported(message) from error


__all__ = ["PEERS", "peer_of"]
