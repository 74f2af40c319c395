"""The courier at a cabinet without network: his sealed token names what he may leave here and take out."""

from dataclasses import replace
from typing import Any

from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState, Need, choose_cell
from lockers.protocol.courier import CourierToken, Drop, open_token
from lockers.protocol.doors import DoorState
from lockers.protocol.errors import Refused
from lockers.protocol.ids import new_mid
from lockers.protocol.messages import Kind, Purpose
from lockers.simulator.board import Board, under_any
from lockers.simulator.journal import Held, Opening, Presented
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size


def present_token(board: Board, text: str) -> CourierToken:
    """Take up the token's drops; again is no change. Raises Refused (`bad_token`, `expired`)."""
    try:
        token = under_any(
            board,
            lambda key: open_token(
                text,
                key=keys.seal_key(key),
                device=board.device,
                generation=board.blueprint.generation,
                now=board.now(),
            ),
        )
    except Refused as refused:
        with board.journal.step():
            board.say(Kind.TOKEN_REFUSED, {"reason": refused.code})
        raise
    with board.journal.step():
        board.journal.put_token(token.tx, Presented(token.courier, token.recalls, token.expires_at))
        known = board.journal.held()
        for drop in token.drops:
            held = known.get(drop.placed.allocation)
            if held is None:
                board.journal.put_held(Held(drop.placed, need=_need_as_wire(drop)))
            elif held.need is None:  # known by configuration, which does not say what the parcel needs
                board.journal.put_held(replace(held, need={**_need_as_wire(drop), "configured": True}))
    return token


def open_for_drop(
    board: Board, *, token_tx: str, allocation: str, damaged: bool, weight_g: int | None, larger: bool = False
) -> int:
    """Check the deposit policy, choose a cell and open it; the door's number.

    `larger`: the parcel did not fit the last cell. Raises Refused (`unknown`, `full`, `expired`, or the
    policy's code).
    """
    courier = _token(board, token_tx, opens=True).courier
    held = board.journal.held().get(allocation)
    if held is None or held.placed.state is not AllocationState.RESERVED:
        raise Refused("not to be left here", code="unknown")
    held.placed.policy.check(damaged=damaged, weight_g=weight_g)
    door = held.placed.door
    if door is None or larger or not _usable(board, held, door):
        door = _free_cell(board, held, above=door if larger else None)
    opening = Opening(
        tx=new_mid(board.world.wall()),
        door=door,
        purpose=Purpose.DEPOSIT,
        actor=f"token:{courier}",
        allocation=allocation,
        group=held.placed.group.group,
    )
    with board.journal.step():
        board.journal.put_held(replace(held, placed=replace(held.placed, door=door)))
    board.open([opening])
    return door


def confirm_drop(board: Board, *, token_tx: str, allocation: str, weight_g: int | None = None) -> None:
    """The courier says it lies there, behind a door that opened and closed. Raises Refused (`not_closed`)."""
    courier = _token(board, token_tx).courier
    held = board.journal.held().get(allocation)
    if held is None or held.placed.door is None:
        raise Refused("not to be left here", code="unknown")
    if held.placed.state is AllocationState.LOADED:
        return
    closed = [
        each
        for each in board.journal.openings_of(allocation)
        if each.purpose == Purpose.DEPOSIT and each.door == held.placed.door and each.closed
    ]
    if not closed:
        raise Refused("the door has not opened and closed", code="not_closed")
    with board.journal.step():
        body = {
            "door": held.placed.door,
            "allocation": allocation,
            "group": held.placed.group.group,
            "courier": courier,
            "weight_g": weight_g,
        }
        said = board.say(Kind.DEPOSITED, body, tx=closed[-1].tx)
        board.journal.move_held(allocation, AllocationState.LOADED, said)


def open_for_recall(board: Board, *, token_tx: str, allocation: str) -> int:
    """Open the door of an overdue or recalled parcel; its number. Raises Refused (`unknown`, `expired`)."""
    token = _token(board, token_tx, opens=True)
    held = board.journal.held().get(allocation)
    if allocation not in token.recalls or held is None or held.placed.door is None:
        raise Refused("not to be taken out", code="unknown")
    opening = Opening(
        tx=new_mid(board.world.wall()),
        door=held.placed.door,
        purpose=Purpose.RECALL,
        actor=f"token:{token.courier}",
        allocation=allocation,
        group=held.placed.group.group,
    )
    board.open([opening])
    return held.placed.door


def _usable(board: Board, held: Held, door: int) -> bool:
    """The door that the server named: closed, and behind it nothing, or parcels of the same group."""
    others = [each for each in board.journal.live() if each.group.group != held.placed.group.group]
    taken = any(each.door == door and each.state is not AllocationState.RESERVED for each in others)
    blocked = door in board.journal.get("blocked", []) or bool(board.journal.get("full"))
    return not taken and not blocked and board.doors[door].state is DoorState.CLOSED


def _token(board: Board, tx: str, *, opens: bool = False) -> Presented:
    """A door opens before the token's end only; what lies behind one is a fact, and is said at any time."""
    token = board.journal.token(tx)
    if token is None:
        raise Refused("no such token was presented", code="bad_token")
    if opens and board.now() >= token.expires_at:
        raise Refused("token expired", code="expired")
    return token


def _free_cell(board: Board, held: Held, *, above: int | None) -> int:
    """A closed, unblocked cell without live allocation that suits; larger than that of door `above`."""
    need, cells = _need(held), board.cells
    taken = {each.door for each in board.journal.live()} | set(board.journal.get("blocked", []))
    if above is not None:
        order = list(Size)
        need = replace(need, size=order[order.index(cells[above].size) + 1])
    free = [
        cell
        for door, cell in cells.items()
        if door not in taken and board.doors[door].state is DoorState.CLOSED
    ]
    chosen = None if board.journal.get("full") else choose_cell(need, free)
    if chosen is None:
        raise Refused("no cell that suits is free", code="full")
    return chosen.door


def _need(held: Held) -> Need:
    plain = held.need or {}
    return Need(Size(plain["size"]), plain["zone"], Band(plain["min_c"], plain["max_c"]))


def _need_as_wire(drop: Drop) -> dict[str, Any]:
    need = drop.need
    return {"size": need.size, "zone": need.zone, "min_c": need.band.min_c, "max_c": need.band.max_c}
