"""Pick-up at the cabinet: keypad, phone and QR, decided without network."""

from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState
from lockers.protocol.codes import LiveGroup, match_code, matched
from lockers.protocol.config import Placed
from lockers.protocol.envelope import wire_time
from lockers.protocol.errors import Refused
from lockers.protocol.ids import new_mid
from lockers.protocol.lockout import Attempt, attempted
from lockers.protocol.messages import Entry, Kind, Purpose
from lockers.protocol.qr import PickupToken, read_pickup
from lockers.simulator.board import Board
from lockers.simulator.journal import Opening


@dataclass(frozen=True, slots=True)
class Answer:
    """What the screen shows. `reason`: wrong, locked, ambiguous, overdue, held, or a QR's refusal."""

    ok: bool
    reason: str = ""
    doors: tuple[int, ...] = ()
    tx: str | None = None


def type_code(board: Board, digits: str, *, entry: Entry = Entry.KEYPAD, tx: str | None = None) -> Answer:
    """Digits at the keypad, or sent from a phone: both count into one lock-out."""
    tx = tx or new_mid(board.world.wall())
    state, lived = board.journal.lockout(), board.lived()
    if state.locked(lived):
        return Answer(False, "locked", tx=tx)
    live = loaded(board)
    groups = [each.group for each in live]
    match = matched(match_code(digits, groups, tag_key=keys.tag_key(key)) for key in board.keys)
    if match.ambiguous:  # right twice: no error, and no door
        return _refuse(board, entry, "ambiguous", tx)
    after = attempted(state, Attempt(lived, right=match.group is not None, entry=entry))
    with board.journal.step():
        board.journal.put_lockout(after)
        board.keep_lived()
        if match.group is None:
            board.say(Kind.CODE_ATTEMPT, {"entry": entry.value, "ok": False, "reason": "wrong"}, tx=tx)
            if after.open_at is not None:
                until = board.now() + (after.open_at - lived)
                body = {"errors": after.errors, "until": wire_time(until)}
                board.say(Kind.LOCKED_OUT, body)
            return Answer(False, "wrong", tx=tx)
    return _open_group(board, [each for each in live if each.group.group == match.group], entry, tx)


def scan_qr(board: Board, text: str) -> Answer:
    """A pickup QR: never locked out, once per (group, counter), only doors that hold the group."""
    tx = new_mid(board.world.wall())
    public = [Ed25519PublicKey.from_public_bytes(key) for key in qr_keys(board)]
    try:
        token = read_pickup(text, device=board.device, keys=public, now=board.now())
        placed = _of_token(board, token)
    except Refused as refused:
        return _refuse(board, Entry.QR, refused.code, tx)
    if board.journal.qr_is_used(group=token.group, counter=token.counter):
        return _refuse(board, Entry.QR, "used", tx)
    return _open_group(board, placed, Entry.QR, tx, qr=token)


def put_back(board: Board, *, door: int) -> bool:
    """The recipient refuses the parcel before the door closes. False when nothing is open for him."""
    tx = board.doors[door].tx
    opening = board.journal.opening(tx, door)
    if opening is None or opening.closed or opening.purpose not in (Purpose.COLLECT, Purpose.ASSIST):
        return False
    with board.journal.step():
        board.journal.put_opening(replace(opening, put_back=True))
        board.say(Kind.PUT_BACK, {"door": door, "allocation": opening.allocation}, tx=tx)
    return True


def loaded(board: Board) -> list[Placed]:
    """What lies here; also what is held, so that its recipient reads "held" and not "wrong"."""
    lying = (AllocationState.LOADED, AllocationState.BLOCKED)
    return [each for each in board.journal.live() if each.state in lying]


def qr_keys(board: Board) -> list[bytes]:
    """Those of the last configuration; those it was built with before the first."""
    configured = board.journal.get("qr_keys")
    return [bytes.fromhex(key) for key in configured] if configured else list(board.blueprint.qr_keys)


def _of_token(board: Board, token: PickupToken) -> list[Placed]:
    """The loaded parcels of its group under its counter; raises Refused (`not_here`, `revoked`)."""
    here = [each for each in loaded(board) if each.group.group == token.group]
    if not here:
        raise Refused("no parcel of this group here", code="not_here")
    live = [each for each in here if each.group.counter == token.counter]
    if not live:
        raise Refused("re-issued since", code="revoked")
    return live


def _open_group(
    board: Board, placed: list[Placed], entry: Entry, tx: str, *, qr: PickupToken | None = None
) -> Answer:
    """Open the doors of one group, except those past their time and those the server blocked.

    A QR is used up when it opens something, and only then: what is overdue or held may be free tomorrow.
    """
    now, blocked = board.now(), set(board.journal.get("blocked", []))
    in_time = [each for each in placed if now < each.collect_until]
    if not in_time:
        return _refuse(board, entry, "overdue", tx, group=placed[0].group)
    openings = {
        each.door: Opening(
            tx=tx,
            door=each.door,
            purpose=Purpose.COLLECT,
            actor=f"code:{entry.value}",
            allocation=each.allocation,
            group=each.group.group,
        )
        for each in in_time
        if each.door is not None and each.door not in blocked and each.state is AllocationState.LOADED
    }
    if not openings:
        return _refuse(board, entry, "held", tx, group=placed[0].group)
    with board.journal.step():
        if qr is not None:
            board.journal.use_qr(group=qr.group, counter=qr.counter)
        group = placed[0].group.group
        body = {"entry": entry.value, "ok": True, "group": group, "doors": sorted(openings)}
        board.say(Kind.CODE_ATTEMPT, body, tx=tx)
    board.open([openings[door] for door in sorted(openings)])
    return Answer(True, doors=tuple(sorted(openings)), tx=tx)


def _refuse(board: Board, entry: Entry, reason: str, tx: str, *, group: LiveGroup | None = None) -> Answer:
    about = {} if group is None else {"group": group.group}
    with board.journal.step():
        body = {"entry": entry.value, "ok": False, "reason": reason, **about}
        board.say(Kind.CODE_ATTEMPT, body, tx=tx)
    return Answer(False, reason, tx=tx)


def wait_left(board: Board) -> timedelta | None:
    """How long the keypad stays locked."""
    state, lived = board.journal.lockout(), board.lived()
    return state.open_at - lived if state.open_at is not None and state.locked(lived) else None
