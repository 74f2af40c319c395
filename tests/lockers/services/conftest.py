"""The server and a simulated cabinet on one in-memory exchange, driven round by round."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from lockers import services
from lockers.ingest import Ingest
from lockers.models import Allocation, Cabinet, PickupGroup
from lockers.services import Actor, DropPolicy, DropTicket
from lockers.services.devices.simulated import blueprints
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet as SimulatedCabinet
from lockers.simulator.clocks import WorldClock
from lockers.simulator.pickup import Answer, type_code
from lockers.transports.exchange import Exchange
from lockers.transports.port import Message
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from marketplace.outbox.models import OutboxEvent
from tests.factories.lockers import make_cabinet

COURIER = Actor(label="user:courier", uuid=uuid4())
GOOD = DropPolicy(consent=True, sender_agreement=True, damaged=False, weight_g=900, label_weight_g=900)


@dataclass
class Bench:
    """One cabinet, both of its sides, and the physical world between them."""

    cabinet: Cabinet
    simulated: SimulatedCabinet
    ingest: Ingest
    inbox: list[Message]
    world: WorldClock
    late: timedelta = field(default_factory=timedelta)
    #: brings over what a transport's own thread has queued; the in-memory one has no thread
    pull: Callable[[], None] = lambda: None

    @property
    def place(self) -> UUID:
        return self.cabinet.site.place.uuid

    def turn(self, times: int = 3) -> None:
        """Let both sides say what they have to say."""
        for _ in range(times):
            self.simulated.tick()
            messages, self.inbox[:] = list(self.inbox), []
            for channel in ("lockers_command", "lockers_config", "business_time"):
                self.ingest._woken.add(channel)
            self.ingest.round(messages)

    def drop(
        self, *, size: str = "S", zone: str = "chilled", reference: UUID | None = None, **changes: Any
    ) -> DropTicket:
        """Ask for an open door; the unit is with a van."""
        unit = create_unit(
            kind="parcel",
            zone=zone,
            gross_g=900,
            volume_ml=4000,
            size=size,
            holder=Holder("vehicle", uuid4()),
        )
        asked: dict[str, Any] = {"policy": GOOD, "reference": reference or uuid4(), **changes}
        ticket = services.open_for_drop(
            actor=COURIER,
            unit_uuid=unit.uuid,
            place_uuid=self.place,
            zone=zone,
            size=size,
            min_c=0,
            max_c=4,
            **asked,
        )
        self.turn()
        return ticket

    def shut(self, door: int) -> None:
        self.simulated.hardware.push_shut(door)
        self.turn()

    def deposit(self, **how: Any) -> Allocation:
        """A whole drop, confirmed."""
        ticket = self.drop(**how)
        self.shut(ticket.door)
        services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
        self.turn()
        return Allocation.objects.get(uuid=ticket.uuid)

    def code(self, allocation: Allocation) -> str:
        return services.pickup_code(PickupGroup.objects.get(pk=allocation.group_id))

    def type(self, digits: str) -> Answer:
        with self.simulated.at_screen() as board:
            answer = type_code(board, digits)
        self.turn()
        return answer


def events(kind: str) -> list[dict[str, Any]]:
    rows = OutboxEvent.objects.filter(type=kind).order_by("id")
    return list(rows.values_list("payload", flat=True))


def unit_of(allocation: Allocation) -> HandlingUnit:
    return HandlingUnit.objects.get(uuid=allocation.unit_uuid)


@pytest.fixture
def frozen() -> Iterator[datetime]:
    """Business time stands at noon of a day; the tests move it."""
    at = datetime(2026, 11, 23, 4, tzinfo=UTC)
    before = clock._source
    clock.install(lambda: clock.Setting(frozen_at=at))
    clock.refresh()
    yield at
    clock.install(before)


@pytest.fixture
def put_up(db: None, tmp_path: Path, frozen: datetime) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def put_up(**how: Any) -> Bench:
        cabinet = make_cabinet(simulated=True, online=False, **how)
        exchange = Exchange()
        inbox: list[Message] = []
        end = exchange.connect("ingest")
        ingest = Ingest(end)
        ingest.start()
        end.subscribe("$share/ingest/lk/+/up/+", inbox.append)
        end.subscribe("lk/+/state/+", inbox.append)
        world = WorldClock()
        world.set(frozen, frozen=True)
        plain = next(payload for device, payload in blueprints(known={}) if device == cabinet.device.device)
        simulated = SimulatedCabinet(Blueprint.from_wire(orjson.loads(plain)), tmp_path, world)
        line = exchange.line(cabinet.device.device, on_connect=lambda: simulated.joined())
        simulated.attach(line, simulated.receive)
        simulated.power_on()
        bench = Bench(cabinet=cabinet, simulated=simulated, ingest=ingest, inbox=inbox, world=world)
        bench.turn()
        made.append(bench)
        return bench

    yield put_up
    for bench in made:
        bench.simulated.close()


@pytest.fixture
def bench(put_up: Callable[..., Bench]) -> Bench:
    return put_up()
