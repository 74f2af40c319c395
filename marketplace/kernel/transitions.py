"""State machines as a table of allowed moves."""

from collections.abc import Mapping, Set

from marketplace.kernel.errors import N_, IllegalTransition


class Transitions:
    """The allowed moves of one kind of thing: `Transitions({"draft": {"published"}, "published": set()})`.

    Every state that may be reached must be a key.
    """

    def __init__(self, moves: Mapping[str, Set[str]]) -> None:
        unknown = {target for targets in moves.values() for target in targets} - set(moves)
        if unknown:
            raise ValueError(f"states without a row: {sorted(unknown)}")
        self._moves = {state: frozenset(targets) for state, targets in moves.items()}

    @property
    def states(self) -> frozenset[str]:
        return frozenset(self._moves)

    def allowed(self, old: str, new: str) -> bool:
        return new in self._moves[old]

    def sources(self, new: str) -> frozenset[str]:
        """The states from which `new` may be reached: what a conditional UPDATE filters on."""
        return frozenset(state for state, targets in self._moves.items() if new in targets)

    def is_final(self, state: str) -> bool:
        return not self._moves[state]

    def check(self, old: str, new: str) -> None:
        """Raises IllegalTransition unless `old` -> `new` is allowed."""
        if not self.allowed(old, new):
            raise IllegalTransition(N_("状态不能从 %(old)s 变为 %(new)s"), params={"old": old, "new": new})
