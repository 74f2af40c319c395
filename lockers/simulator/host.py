"""Many cabinets in one process: one thread owns them all, everyone else queues."""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import orjson
import structlog

from lockers.protocol.envelope import read_time
from lockers.protocol.errors import Malformed
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.clocks import WorldClock
from lockers.simulator.journal import Journal
from lockers.transports.port import Line, Message

log = structlog.get_logger()
T = TypeVar("T")

TICK_S = 0.1
SAVE_WORLD_EVERY_TICKS = 20
# Outside the device wire: an embedded server tells its simulated cabinets what they are and what time it is.
SIMULATION_PATTERN = "sim/#"
CLOCK_TOPIC = "sim/clock"
BLUEPRINT_TOPIC = "sim/cabinets/"

#: of a blueprint, what to call when a connection stands, and what tells the present boot
MakeLine = Callable[[Blueprint, Callable[[], None], Callable[[], int]], Line]


class Host:
    """`run` is the owning thread; `call` brings work to it from any other."""

    def __init__(self, directory: Path, make_line: MakeLine, world: WorldClock | None = None) -> None:
        self.directory, self._make_line = directory, make_line
        self.world = world or WorldClock()
        self.cabinets: dict[str, Cabinet] = {}
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopping = threading.Event()

    # -- cabinets ----------------------------------------------------------------------------------------

    def add(self, blueprint: Blueprint) -> Cabinet:
        """Put up a cabinet and switch it on. One with another blueprint is replaced; its journal stays."""
        known = self.cabinets.get(blueprint.device)
        if known is not None and known.blueprint == blueprint:
            return known
        if known is not None:
            known.power_off()
            known.close()
        cabinet = Cabinet(blueprint, self.directory, self.world)
        self.cabinets[blueprint.device] = cabinet
        device = blueprint.device
        line = self._make_line(
            blueprint,
            lambda: self._work.put(cabinet.joined),
            lambda: int(cabinet.journal.get("boot", 0)),
        )
        cabinet.attach(line, lambda message: self._work.put(lambda: cabinet.receive(message)))
        cabinet.power_on()
        log.info("cabinet.up", device=device, cells=len(blueprint.cells), boot=cabinet.journal.get("boot"))
        return cabinet

    def restore(self) -> None:
        """Put up what the journals in the directory say was here before."""
        for path in sorted(self.directory.glob("*.db")):
            try:
                journal = Journal(path)
                plain = journal.get("blueprint")
                journal.close()
                if plain is not None:
                    self.add(Blueprint.from_wire(plain))
            except sqlite3.DatabaseError as error:  # that one stays dark; the others work on
                log.error("cabinet.broken_journal", path=path.name, why=str(error))

    def set_clock(self, plain: dict[str, Any]) -> None:
        """{"at": time, "frozen": bool}: jump there, and take the readings that lie in between."""
        self.world.set(read_time(plain["at"]), frozen=bool(plain["frozen"]))
        self.tick()

    def hear(self, message: Message) -> None:
        """A message on the simulation's own topics, queued to the owning thread."""
        self._work.put(lambda: self._simulation(message))

    def _simulation(self, message: Message) -> None:
        try:
            plain = orjson.loads(message.payload)
            if message.topic == CLOCK_TOPIC:
                self.set_clock(plain)
            elif message.topic.startswith(BLUEPRINT_TOPIC):
                self.add(Blueprint.from_wire(plain))
        except (orjson.JSONDecodeError, Malformed, KeyError, TypeError, sqlite3.DatabaseError) as error:
            log.warning("simulation.refused", topic=message.topic, why=str(error))

    # -- the thread --------------------------------------------------------------------------------------

    def tick(self) -> None:
        for cabinet in self.cabinets.values():
            cabinet.tick()

    def run(self) -> None:
        """Until `stop`. Work is done as it comes, ticks at their pace in between."""
        due_s, ticks = self.world.seconds(), 0
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Empty):
                self._work.get(timeout=max(0.0, due_s - self.world.seconds()))()
            if self.world.seconds() >= due_s:
                self.tick()
                ticks += 1
                if ticks % SAVE_WORLD_EVERY_TICKS == 0:
                    self.save_worlds()
                due_s = self.world.seconds() + TICK_S
        for cabinet in self.cabinets.values():
            cabinet.close()

    def stop(self) -> None:
        self._stopping.set()

    def call(self, work: Callable[[], T], *, timeout_s: float = 30.0) -> T:
        """`work`'s result or error, done on the owning thread."""
        future: Future[T] = Future()

        def carry_out() -> None:
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - handed to the caller, whose it is
                future.set_exception(error)

        self._work.put(carry_out)
        return future.result(timeout=timeout_s)

    def save_worlds(self) -> None:
        for cabinet in self.cabinets.values():
            cabinet.save_world()
