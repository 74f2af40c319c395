"""One simulated cabinet: mains, network, probes, and the board while there is power."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import structlog

from lockers.protocol.envelope import encode
from lockers.protocol.messages import Kind
from lockers.protocol.topics import Channel, Topic, downward, read_topic
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.board import Board
from lockers.simulator.clocks import WorldClock
from lockers.simulator.hardware import Hardware, PowerCut
from lockers.simulator.journal import Journal
from lockers.simulator.orders import Reboot, obey
from lockers.simulator.uplink import Uplink
from lockers.transports.port import Into, Line, Message, TransportError, Will

log = structlog.get_logger()
READING_EVERY = timedelta(seconds=60)
TRIES_AGAIN_S = 5.0
READING_EVERY_OPEN = timedelta(seconds=10)
# When business time jumps, the readings in between come at this distance: just not yet a gap.
JUMP_STEP = timedelta(minutes=5)
JUMP_LIMIT = timedelta(days=7)


class NoPower(Exception):
    """A dark screen: nothing at this cabinet answers."""


class Cabinet:
    """Driven from one thread: `tick` about ten times a second, `receive` per message, the rest by people.

    The journal and the physical state lie in `directory` and outlive the process.
    """

    def __init__(self, blueprint: Blueprint, directory: Path, world: WorldClock) -> None:
        self.blueprint, self.world = blueprint, world
        self.hardware = Hardware()
        self.journal = Journal(directory / f"{blueprint.device}.db", self.hardware.fuse)
        self._world_file = directory / f"{blueprint.device}.world.json"
        if self._world_file.exists():
            self.hardware.restore(json.loads(self._world_file.read_text()))
        self.hardware.fit(
            doors=[cell.door for cell in blueprint.cells], cooled=blueprint.cooled, at=world.now()
        )
        with self.journal.step():
            self.journal.put("blueprint", blueprint.as_wire())
        self.board: Board | None = None
        self._failed_at_s: float | None = None
        self.uplink: Uplink | None = None
        self.online = True
        self.skew = timedelta()
        self._read_at: dict[str, datetime] = {}

    # -- mains and network -------------------------------------------------------------------------------

    def power_on(self) -> None:
        """A new boot: reads sensors, opens nothing."""
        if self.board is not None:
            return
        self._drift(powered=False)
        with self._mains():
            board = self._new_board()
            board.start()
            self.board = board
            # The first reading is due at once, and a jump that comes before it is filled like any other.
            self._read_at = dict.fromkeys(self.hardware.air, self.world.now() - READING_EVERY)
            self._open_line()

    def power_off(self) -> None:
        self._drift(powered=True)
        self.board = None
        if self.uplink is not None:
            self.uplink.line.drop()

    def attach(self, line: Line, into: Into) -> None:
        """Give it a line; what `into` queues comes back through `receive`, a connection through `joined`."""
        line.subscribe(downward(self.blueprint.device), into)
        self.uplink = Uplink(line, self.hardware.fuse)
        self._open_line()

    def joined(self) -> None:
        """The transport (re)connected."""
        if self.board is not None and self.uplink is not None:
            self.uplink.joined(self.board)

    def set_online(self, online: bool) -> None:
        """The network switch: nothing leaves and nothing arrives."""
        self.online = online
        if online:
            self._open_line()
        elif self.uplink is not None:
            self.uplink.line.drop()

    def set_skew(self, skew: timedelta) -> None:
        """The device's own clock runs this far ahead of the world."""
        self.skew = skew
        if self.board is not None:
            self.board.skew = skew

    # -- life --------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Poll doors, take readings that are due, send the outbox."""
        if self._failed_at_s is not None and self.world.seconds() - self._failed_at_s >= TRIES_AGAIN_S:
            self._failed_at_s = None
            self.power_on()
        with self._mains() as board:
            if board is None:
                return
            board.poll()
            self._take_readings(board)
            if self.uplink is not None:
                self.uplink.pump(board)

    def receive(self, message: Message) -> None:
        """Act on a downward message, then acknowledge it. Without power or network it never arrived."""
        uplink = self.uplink
        if uplink is None or not self.online:
            return
        with self._mains() as board:
            if board is None:
                return
            channel = read_topic(message.topic).channel
            try:
                obey(board, channel, message.payload)
            except Reboot:
                self.power_off()
                self.power_on()
            if channel is Channel.ACK:
                with contextlib.suppress(ValueError, KeyError, TypeError):  # obey has complained already
                    plain = orjson.loads(message.payload)
                    uplink.acknowledged(
                        boot=int(plain["boot"]), upto=int(plain["upto"]), seconds=self.world.seconds()
                    )
            with contextlib.suppress(TransportError):  # then it comes again
                uplink.line.acknowledge(message)

    @contextmanager
    def at_screen(self) -> Iterator[Board]:
        """What a person does at the keypad, scanner or screen. Raises NoPower."""
        with self._mains() as board:
            if board is None:
                raise NoPower(self.blueprint.device)
            yield board
            board.poll()
            if self.uplink is not None:
                self.uplink.pump(board)
        if self.board is None:  # it went dark in the middle
            raise NoPower(self.blueprint.device)

    def save_world(self) -> None:
        """Physical state to disk, in one rename."""
        scratch = self._world_file.with_suffix(".tmp")
        scratch.write_text(json.dumps(self.hardware.snapshot()))
        scratch.replace(self._world_file)

    def close(self) -> None:
        self.save_world()
        self.journal.close()

    def state(self) -> dict[str, Any]:
        """Everything a tester wants to see of it, on either side of the screen."""
        doors = {
            str(number): {
                "state": door.state.value,
                "open": self.hardware.slots[number].is_open,
                "contents": self.hardware.slots[number].contents,
                "stuck": self.hardware.slots[number].stuck,
            }
            for number, door in sorted(self.journal.doors().items())
        }
        lockout, board = self.journal.lockout(), self.board
        until = lockout.open_at
        if until is not None and board is not None:
            until += board.now() - board.lived()
        return {
            "device": self.blueprint.device,
            "power": self.board is not None,
            "online": self.uplink is not None and self.uplink.line.connected,
            "boot": self.journal.get("boot", 0),
            "outbox": self.journal.outbox_length(),
            "config": self.journal.get("config_version", 0),
            "lockout": {"errors": lockout.errors, "until": until and until.isoformat()},
            "air": {zone: air.reading_c for zone, air in self.hardware.air.items()},
            "doors": doors,
            "allocations": [each.as_wire() for each in self.journal.live()],
        }

    # -- inside ------------------------------------------------------------------------------------------

    def _open_line(self) -> None:
        """With power and network; the last will says offline and which boot it speaks of."""
        if self.board is None or self.uplink is None or not self.online:
            return
        topic = Topic(self.blueprint.device, Channel.CONNECTION)
        gone = {"online": False, "start": self.board.start_id}
        will = Will(str(topic), encode(self.board.envelope(Kind.CONNECTION, gone)))
        self.uplink.line.reopen(will)

    def _new_board(self) -> Board:
        return Board(self.blueprint, self.journal, self.hardware, self.world, self.skew)

    @contextmanager
    def _mains(self) -> Iterator[Board | None]:
        """A power cut inside ends the board, not the process. So does a journal that cannot be written or
        read: what the cabinet could not remember it does not do; it is dark, and starts anew when it can.
        """
        try:
            yield self.board
        except PowerCut:
            self.power_off()
        except sqlite3.Error as error:
            log.error("cabinet.journal_fails", device=self.blueprint.device, why=str(error))
            self.power_off()
            self._failed_at_s = self.world.seconds()

    def _drift(self, *, powered: bool) -> None:
        for zone, air in self.hardware.air.items():
            air.advance(self.world.now(), powered=powered, door_open=self._door_open(zone))
        self._read_at.clear()

    def _door_open(self, zone: str) -> bool:
        return any(
            self.hardware.slots[cell.door].is_open for cell in self.blueprint.cells if cell.zone == zone
        )

    def _take_readings(self, board: Board) -> None:
        now = self.world.now()
        due: list[tuple[datetime, str]] = []
        for zone in self.hardware.air:
            every = READING_EVERY_OPEN if self._door_open(zone) else READING_EVERY
            last = max(self._read_at.get(zone, now - every), now - JUMP_LIMIT)
            if last > now:  # the world was set back
                last = now - every
            while now - last >= every:
                last = min(last + JUMP_STEP, now)
                due.append((last, zone))
            self._read_at[zone] = last
        if due:
            with board.journal.step():
                for at, zone in sorted(due):
                    self._read(board, zone, at)
                board.keep_lived()

    def _read(self, board: Board, zone: str, at: datetime) -> None:
        air, is_open = self.hardware.air[zone], self._door_open(zone)
        air.advance(at, powered=True, door_open=is_open)
        body = {
            "zone": zone,
            "probe": f"{zone}-1",
            "c": air.reading_c,
            "raw_c": air.reading_c,
            "open": is_open,
        }
        board.say(Kind.READING, body, at=at)
