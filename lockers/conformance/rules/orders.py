"""Commands and configurations: once, in time, from the right server, for this device."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from lockers.conformance.bench import Bench, NotKept
from lockers.protocol.commands import Action
from lockers.protocol.parcel import Outcome, judge_opening
from lockers.protocol.topics import Channel
from marketplace.kernel import clock


def opens_once_per_tx(bench: Bench) -> None:
    """The same `tx` five times pulses once; pulse, opening and closing are told under the tx."""
    tx = str(uuid4())
    for _ in range(5):
        bench.order(Action.OPEN, tx=tx)
    if bench.result(tx)["result"] != "done":
        raise NotKept(f"result {bench.result(tx)}")
    bench.collected(tx)
    bench.settle()
    if len(bench.told("door.pulsed", tx=tx)) != 1:
        raise NotKept(f"pulsed {len(bench.told('door.pulsed', tx=tx))} times")
    if judge_opening(bench.heard, tx=tx, door=bench.door) is not Outcome.DONE:
        raise NotKept("opened and closed cannot be told from its messages")


def refuses_stale_orders(bench: Bench) -> None:
    """An expired order, one issued before the start, one for an earlier start: open nothing and say so."""
    past = clock.wall() - timedelta(seconds=60)
    stale: list[dict[str, Any]] = [
        {"expires_at": past}, {"issued_at": past - timedelta(days=400)}, {"boot": bench.boot - 1},
    ]  # fmt: skip
    for changes in stale:
        tx = bench.order(Action.OPEN, **changes)
        if bench.result(tx)["result"] != "refused" or bench.pulsed(tx=tx):
            raise NotKept(f"obeyed with {changes}")


def refuses_strange_orders(bench: Bench) -> None:
    """Another generation, another device, a broken mac, no such door: nothing moves."""
    before = len(bench.heard)
    bench.order(Action.OPEN, generation=bench.generation + 1)
    bench.order(Action.OPEN, device="somebody-else")
    bench.send(Channel.COMMAND, b'{"v":1,"mac":"00"}')
    bench.send(Channel.COMMAND, b"not even an object")
    nowhere = bench.order(Action.OPEN, args={"door": 9999, "purpose": "inspect"})
    if bench.result(nowhere)["result"] != "refused":
        raise NotKept("a door that is not there is not refused")
    bench.settle()
    if bench.pulsed(after=before):
        raise NotKept("a door was pulsed")


def keeps_a_withdrawn_door_shut(bench: Bench) -> None:
    """After `lock_out` an order opens nothing and is refused; after `restore` it opens again."""
    door = {"door": bench.door}
    bench.result(bench.order(Action.LOCK_OUT, args=door))
    try:
        tx = bench.order(Action.OPEN)
        if bench.result(tx)["result"] != "refused" or bench.pulsed(tx=tx):
            raise NotKept("a door out of service was opened")
    finally:
        bench.result(bench.order(Action.RESTORE, args=door))
    bench.collected(bench.order(Action.OPEN))


def applies_newer_configurations_only(bench: Bench) -> None:
    """Confirms a version once and leaves the same again, and an older one, alone."""
    bench.configure()
    version, before = bench.version, len(bench.told("cfg.applied"))
    for each in (version, version - 1):
        bench.configure(version=each)
    bench.settle()
    again = [each.body["version"] for each in bench.told("cfg.applied")[before:]]
    if again:
        raise NotKept(f"confirmed {again} after {version}")
