"""What comes down: acknowledgements, configuration, commands; twice, late, or from an impostor."""

from dataclasses import replace
from typing import Any

import orjson
import structlog

from lockers.protocol import doors, keys
from lockers.protocol.allocation import AllocationState
from lockers.protocol.commands import Action, Command, check_timely, read_command
from lockers.protocol.config import Config, Placed, read_config
from lockers.protocol.errors import Malformed, ProtocolError, Refused
from lockers.protocol.messages import Entry, Kind, Purpose, Result
from lockers.protocol.topics import Channel
from lockers.simulator.board import Board, under_any
from lockers.simulator.journal import Held, Opening
from lockers.simulator.pickup import type_code

log = structlog.get_logger()


class Reboot(Exception):
    """The command asks for a restart; its answer is journalled already."""


def obey(board: Board, channel: Channel, payload: bytes) -> None:
    """Act on one downward message. What cannot be trusted is reported and left. Raises Reboot."""
    try:
        if channel is Channel.ACK:
            _acknowledged(board, payload)
        elif channel is Channel.CONFIG:
            _configured(board, payload)
        elif channel is Channel.COMMAND:
            _commanded(board, payload)
    except ProtocolError as error:
        log.warning(
            "device.refused", device=board.device, channel=channel.value, code=error.code, why=str(error)
        )
        with board.journal.step():
            body = {"kind": "refused_message", "channel": channel.value, "code": error.code}
            board.say(Kind.ALARM, body)


def _acknowledged(board: Board, payload: bytes) -> None:
    try:
        plain = orjson.loads(payload)
        boot, upto = int(plain["boot"]), int(plain["upto"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise Malformed(f"not an acknowledgement: {error}") from None
    with board.journal.step():
        board.journal.acknowledge(boot=boot, upto=upto)


def _configured(board: Board, payload: bytes) -> None:
    blueprint = board.blueprint

    def read(key: bytes) -> tuple[bytes, Config]:
        command_key = keys.command_key(key)
        about = {"device": blueprint.device, "generation": blueprint.generation}
        return key, read_config(payload, key=command_key, **about)  # type: ignore[arg-type]

    key, config = under_any(board, read)
    if config.version <= board.journal.get("config_version", 0):
        return
    with board.journal.step():
        conflicts = _merge(board, config)
        board.journal.put("config_version", config.version)
        if key == board.keys[0]:  # the server signs with it: the older one has no say any more
            board.journal.put("keys_settled", True)
        board.journal.put("blocked", sorted(config.blocked))
        if config.qr_keys:
            board.journal.put("qr_keys", [key.hex() for key in config.qr_keys])
        board.say(Kind.CONFIG_APPLIED, {"version": config.version, "conflicts": conflicts})


def _merge(board: Board, config: Config) -> list[dict[str, Any]]:
    """The server's allocations, except where the cabinet did something that the server had not read.

    A parcel that lies behind a door stays there: a reservation of the same door for another group is a
    conflict to report.
    """
    here, wanted = board.journal.held(), {each.allocation: each for each in config.placed}
    for allocation, held in here.items():
        knows_better = held.changed > config.known
        token_only = held.need is not None and not held.need.get("configured")
        unused_drop = token_only and held.changed == (0, 0)
        if allocation not in wanted and not knows_better and not unused_drop:
            board.journal.drop_held(allocation)
    mine = {
        held.placed.door: held.placed
        for held in here.values()
        if held.changed > config.known and held.placed.state is AllocationState.LOADED
    }
    conflicts = []
    for placed in config.placed:
        occupant = mine.get(placed.door)
        if occupant is not None and occupant.group.group != placed.group.group:
            holds = occupant.allocation
            conflicts.append({"door": placed.door, "allocation": placed.allocation, "holds": holds})
            continue
        board.journal.put_held(_merged(here.get(placed.allocation), placed, config.known))
    return conflicts


def _merged(held: Held | None, placed: Placed, known: tuple[int, int]) -> Held:
    """The newer tag always counts: a re-issued code must not wait for anything."""
    if held is None or held.changed <= known:
        return Held(placed, need=held.need if held else None)
    group = max(held.placed.group, placed.group, key=lambda each: each.counter)
    return replace(held, placed=replace(held.placed, group=group, collect_until=placed.collect_until))


def _commanded(board: Board, payload: bytes) -> None:
    blueprint = board.blueprint
    command = under_any(
        board,
        lambda key: read_command(
            payload,
            key=keys.command_key(key),
            device=blueprint.device,
            generation=blueprint.generation,
        ),
    )
    if board.journal.answer(command.tx) is not None:  # the same tx again: done once is done
        return
    try:
        check_timely(command, wall=board.wall(), started_at=board.started_at, boot=board.boot)
        with board.journal.step():
            board.journal.put_answer(command.tx, {"action": command.action.value})
        _act(board, command)
    except Refused as refused:
        with board.journal.step():
            board.journal.put_answer(command.tx, {"refused": refused.code})
            _answer(board, command, Result.REFUSED, reason=refused.code)


def _act(board: Board, command: Command) -> None:
    try:
        _carry_out(board, command)
    except (KeyError, TypeError) as error:
        raise Refused(f"arguments missing: {error}", code="bad_arguments") from None


def _carry_out(board: Board, command: Command) -> None:
    if command.action is Action.OPEN:
        _open(board, command)
    elif command.action is Action.TRY_CODE:
        answer = type_code(board, str(command.args["code"]), entry=Entry.PHONE, tx=command.tx)
        if answer.reason == "locked":
            raise Refused("the keypad is locked", code="locked")
    elif command.action is Action.REKEY:
        _rekey(board, command)
    elif command.action in (Action.LOCK_OUT, Action.RESTORE):
        number = _door(board, command)
        change = doors.withdraw if command.action is Action.LOCK_OUT else doors.restore
        with board.journal.step():
            board.set_door(number, change(board.doors[number]))
            _answer(board, command, Result.DONE)
    else:
        board.doors_dirty = board.heartbeat_asked = True
        with board.journal.step():
            _answer(board, command, Result.DONE)
        if command.action is Action.REBOOT:
            raise Reboot


def _rekey(board: Board, command: Command) -> None:
    """The new key and the answer in one commit: whoever hears the answer may sign with it."""
    old_key = board.keys[0]
    about = {"device": board.device, "generation": board.blueprint.generation}
    new_key = keys.open_new_key(str(command.args["sealed"]), old_key=old_key, **about)  # type: ignore[arg-type]
    with board.journal.step():
        if new_key != old_key:
            board.journal.put("keys", [new_key.hex(), old_key.hex()])
            board.journal.put("keys_settled", False)
        _answer(board, command, Result.DONE)


def _open(board: Board, command: Command) -> None:
    number, args = _door(board, command), command.args
    if args["purpose"] not in set(Purpose):
        raise Refused(f"no purpose {args['purpose']!r}", code="bad_arguments")
    purpose = Purpose(args["purpose"])
    placed = Placed.from_wire(args["placed"]) if args.get("placed") else None
    if purpose is Purpose.DEPOSIT and board.journal.get("full"):
        raise Refused("something lies in the cell", code="occupied")
    if placed is not None:
        _reserve(board, placed, number)
    allocation = placed.allocation if placed else args.get("allocation")
    opening = Opening(
        tx=command.tx,
        door=number,
        purpose=purpose,
        actor=command.actor,
        allocation=allocation,
        group=placed.group.group if placed else None,
    )
    board.open([opening])


def _reserve(board: Board, placed: Placed, number: int) -> None:
    """A deposit order carries its allocation, so that a later pick-up needs no configuration to have come."""
    other = [
        each for each in board.journal.live() if each.door == number and each.allocation != placed.allocation
    ]
    others = [each for each in other if each.group.group != placed.group.group]
    if any(each.state is AllocationState.LOADED for each in others):
        raise Refused("another parcel lies there", code="occupied")
    if placed.allocation not in board.journal.held():
        with board.journal.step():
            board.journal.put_held(Held(placed))


def _door(board: Board, command: Command) -> int:
    number = command.args.get("door")
    if not isinstance(number, int) or number not in board.doors:
        raise Refused(f"no door {number!r}", code="no_such_door")
    return number


def _answer(board: Board, command: Command, result: Result, *, reason: str | None = None) -> None:
    body: dict[str, Any] = {"action": command.action.value, "result": result.value}
    body |= {name: command.args[name] for name in ("door", "purpose", "allocation") if name in command.args}
    if reason is not None:
        body["reason"] = reason
    board.say(Kind.COMMAND_RESULT, body, tx=command.tx)
