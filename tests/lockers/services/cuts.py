"""Power cuts at random moments of drop and pick-up, and what must hold after each (devices.md, section 6)."""

import random
from collections import Counter
from contextlib import suppress

from lockers import services
from lockers.errors import CompartmentBusy, DoorNotClosed, DropFailed
from lockers.models import Allocation, Command
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.services.parcels.drops import give_up_reservation
from lockers.simulator.cabinet import NoPower
from lockers.simulator.pickup import type_code
from marketplace.kernel.errors import DomainError
from tests.lockers.services.conftest import COURIER, GOOD, Bench

MOST_STEPS = 24


def play_cuts(bench: Bench, *, cuts: int, seed: int) -> Counter[str]:
    """By turns a drop and a pick-up, each cut at a random step; how often it ended how."""
    chance = random.Random(seed)
    ends: Counter[str] = Counter()
    for _ in range(cuts):
        bench.simulated.hardware.fuse.steps_left = chance.randint(1, MOST_STEPS)
        lying = Allocation.objects.filter(LIVE_ALLOCATION, state="loaded").first()
        ends[_drop(bench) if lying is None else _pick_up(bench, lying)] += 1
        bench.simulated.hardware.fuse.steps_left = None
        _dark_and_back(bench)
        _tidy(bench)
    return ends


def _drop(bench: Bench) -> str:
    try:
        ticket = bench.drop()
    except DomainError as refused:
        return f"drop {refused.error_code}"
    if bench.simulated.board is None:
        return "drop cut"
    bench.shut(ticket.door)
    with suppress(DoorNotClosed, DropFailed):
        services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
        bench.turn()
        return "drop done"
    return "drop cut"


def _pick_up(bench: Bench, allocation: Allocation) -> str:
    try:
        with bench.simulated.at_screen() as board:
            answer = type_code(board, bench.code(allocation))
        for door in answer.doors:
            bench.shut(door)
    except NoPower:
        return "pick-up cut"
    return "pick-up done" if bench.simulated.board is not None else "pick-up cut"


def _dark_and_back(bench: Bench) -> None:
    """The cut itself, where the fuse did not come to it; then nothing may have moved by itself."""
    bench.simulated.power_off()
    slots = bench.simulated.hardware.slots
    was_open = {door for door, slot in slots.items() if slot.is_open}
    bench.simulated.power_on()
    bench.turn(4)
    assert {door for door, slot in slots.items() if slot.is_open} == was_open, "a door opened by itself"
    assert bench.simulated.journal.openings_in_flight() == []
    assert bench.simulated.journal.outbox_length() == 0
    _agreed(bench)


def _agreed(bench: Bench) -> None:
    """No allocation lost, none doubled: each live one has one door, and both sides name the same."""
    live = Allocation.objects.filter(LIVE_ALLOCATION).select_related("compartment")
    server = Counter(each.compartment.door for each in live)
    assert max(server.values(), default=1) == 1
    cabinet = {each.allocation: each.door for each in bench.simulated.journal.live()}
    assert cabinet == {str(each.uuid): each.compartment.door for each in live}
    results = set(Command.objects.filter(status="ended").values_list("result", flat=True))
    assert results <= {"done", "unknown", "already_open", "refused"}


def _tidy(bench: Bench) -> None:
    """A person pushes shut what stands open and takes back what was only reserved."""
    for door, slot in bench.simulated.hardware.slots.items():
        if slot.is_open:
            bench.simulated.hardware.push_shut(door)
    bench.turn()
    for each in Allocation.objects.filter(LIVE_ALLOCATION, state="reserved"):
        with suppress(DomainError):
            services.confirm_drop(actor=COURIER, allocation=each)
    bench.turn()
    for each in Allocation.objects.filter(LIVE_ALLOCATION, state="reserved"):
        try:
            give_up_reservation(unit_uuid=each.unit_uuid)
        except CompartmentBusy:  # nobody knows what lies behind it: the courier opens once more
            _repeat(bench, each)
    bench.turn()
    _agreed(bench)


def _repeat(bench: Bench, allocation: Allocation) -> None:
    ticket = services.open_for_drop(
        actor=COURIER, unit_uuid=allocation.unit_uuid, reference=allocation.reference,
        place_uuid=bench.place, zone="chilled", size="S", min_c=0, max_c=4, policy=GOOD,
    )  # fmt: skip
    bench.turn()
    bench.shut(ticket.door)
    services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
