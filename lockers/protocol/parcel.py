"""A parcel at a cabinet, and the judgement of one opening from the device's messages.

Decisions of the server follow MOVES. A physical fact is always recorded: whoever holds a valid code may have
emptied an offline cabinet after the server expired or recalled the parcel, so `collected` is reachable from
every state in which the parcel lies in a cabinet.
"""

from collections.abc import Iterable
from enum import StrEnum

from lockers.protocol.envelope import Envelope
from lockers.protocol.messages import Kind
from lockers.protocol.ordering import in_order
from marketplace.kernel.transitions import Transitions


class ParcelState(StrEnum):
    EXPECTED = "expected"
    DEPOSITED = "deposited"
    READY = "ready"
    REMINDED = "reminded"
    COLLECTED = "collected"
    EXPIRED = "expired"
    TO_RETURN = "to_return"
    RETURNED = "returned"
    RECALLED = "recalled"
    SPOILED = "spoiled"
    MISSING = "missing"


_S = ParcelState
_LOST = {_S.RECALLED, _S.SPOILED, _S.MISSING}
MOVES = Transitions(
    {
        _S.EXPECTED: {_S.DEPOSITED, *_LOST},
        _S.DEPOSITED: {_S.READY, _S.COLLECTED, _S.TO_RETURN, *_LOST},
        _S.READY: {_S.REMINDED, _S.COLLECTED, _S.EXPIRED, *_LOST},
        _S.REMINDED: {_S.READY, _S.COLLECTED, _S.EXPIRED, *_LOST},  # ready again by extension
        _S.EXPIRED: {_S.READY, _S.TO_RETURN, _S.COLLECTED, *_LOST},
        _S.TO_RETURN: {_S.RETURNED, _S.COLLECTED, _S.SPOILED, _S.MISSING},
        _S.RECALLED: {_S.RETURNED, _S.COLLECTED, _S.MISSING},
        _S.SPOILED: {_S.RETURNED, _S.COLLECTED, _S.MISSING},
        _S.MISSING: {_S.READY, _S.TO_RETURN, _S.COLLECTED},
        _S.COLLECTED: set(),
        _S.RETURNED: set(),
    },
)
# The parcel lies in a compartment, so its allocation lives.
IN_CABINET = frozenset(
    {_S.DEPOSITED, _S.READY, _S.REMINDED, _S.EXPIRED, _S.TO_RETURN, _S.RECALLED, _S.SPOILED, _S.MISSING},
)
# A code may open the door.
COLLECTABLE = frozenset({_S.READY, _S.REMINDED})


class Outcome(StrEnum):
    """What became of one opening of one door."""

    PENDING = "pending"
    OPEN = "open"
    DONE = "done"  # opened, then closed, both under this tx: the only outcome that hands a parcel over
    PUT_BACK = "put_back"  # opened and closed, and the recipient said that he leaves the parcel
    JAMMED = "jammed"
    UNKNOWN = "unknown"


_ENDED = frozenset({Outcome.DONE, Outcome.PUT_BACK, Outcome.JAMMED, Outcome.UNKNOWN})


def judge_opening(messages: Iterable[Envelope], *, tx: str, door: int) -> Outcome:
    """The outcome of opening `door` under `tx`, from any order and any repetition of the device's messages.

    The order is (boot, seq). A power cut ends the link between a door and its opening: the device then sends
    no further door message under that tx, and reports the order as unknown.
    """
    outcome, leaves = Outcome.PENDING, False
    for each in in_order(messages):
        if each.tx != tx or each.body.get("door") != door or outcome in _ENDED:
            continue
        if each.type == Kind.DOOR_OPENED:
            outcome = Outcome.OPEN
        elif each.type == Kind.PUT_BACK:
            leaves = True
        elif each.type == Kind.DOOR_CLOSED and outcome is Outcome.OPEN:
            outcome = Outcome.PUT_BACK if leaves else Outcome.DONE
        elif each.type == Kind.DOOR_JAMMED:
            outcome = Outcome.JAMMED
        elif each.type == Kind.DOOR_UNKNOWN or _reported_unknown(each):
            outcome = Outcome.UNKNOWN
    return outcome


def _reported_unknown(message: Envelope) -> bool:
    return message.type == Kind.COMMAND_RESULT and message.body.get("result") == "unknown"
