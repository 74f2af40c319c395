"""A power cut with a door open, a parcel behind it, and messages that nobody has acknowledged."""

from contextlib import suppress
from dataclasses import dataclass, field

from lockers.conformance.bench import CODE, Bench, NotKept
from lockers.protocol.commands import Action
from lockers.protocol.envelope import Envelope
from lockers.protocol.topics import Channel

STARTS_WITHIN_S = 300.0


@dataclass
class Cut:
    """What was so before, and what came after. `after`: how many messages were heard before."""

    boot: int
    start: object
    opened: str
    waiting: list[Envelope]
    while_dark: str = ""
    said_offline: bool = False
    doors: dict[str, str] = field(default_factory=dict)
    after: int = 0
    came_again: set[tuple[str, int, int]] = field(default_factory=set)


def starts_a_new_boot(bench: Bench) -> None:
    """Its last will says offline; `boot` grows by one, `seq` starts at 1 with `boot`, doors are read."""
    cut = _cut(bench)
    if not cut.said_offline:
        raise NotKept("its last will did not say that it is offline")
    if bench.boot != cut.boot + 1:
        raise NotKept(f"boot {cut.boot}, then {bench.boot}")
    first = min((each for each in bench.heard if each.boot == bench.boot), key=lambda each: each.seq)
    if (first.seq, first.type) != (1, "boot"):
        raise NotKept(f"the first message of a boot is {first.type} with seq {first.seq}")
    if bench.states[Channel.CONNECTION].body.get("start") == cut.start:
        raise NotKept("`start` was not drawn anew")
    if cut.doors.get(str(bench.door)) == "closed":
        raise NotKept("an open door was told as closed after the start")


def keeps_its_journal_over_a_cut(bench: Bench) -> None:
    """What was not acknowledged before the cut comes again after it, the same under the same number."""
    cut = _cut(bench)
    lost = [each.key for each in cut.waiting if each.key not in cut.came_again]
    if lost:
        raise NotKept(f"did not come again: {lost[:5]}")


def opens_nothing_when_power_returns(bench: Bench) -> None:
    """Neither an order that was given while it was dark nor anything else moves a door at the start."""
    cut = _cut(bench)
    if bench.pulsed(after=cut.after):
        raise NotKept(f"pulsed {sorted(bench.pulsed(after=cut.after))}")
    results = {each.body["result"] for each in bench.told("cmd.result", tx=cut.while_dark)}
    if results - {"refused"}:
        raise NotKept(f"an order from before the start is {results}")


def obeys_no_tx_again_after_a_start(bench: Bench) -> None:
    """A `tx` that was obeyed before the cut is not obeyed again after it."""
    cut = _cut(bench)
    bench.order(Action.OPEN, tx=cut.opened)
    bench.settle()
    if len(bench.told("door.pulsed", tx=cut.opened)) != 1:
        raise NotKept("the door was pulsed again")


def forgets_openings_at_a_cut(bench: Bench) -> None:
    """The door that stood open is pushed shut after the start: that closing belongs to no opening."""
    cut = _cut(bench)
    if bench.told("door.closed", tx=cut.opened):
        raise NotKept("a closing after the cut counts for the opening before it")


def keeps_parcels_over_a_cut(bench: Bench) -> None:
    """Configuration and tags outlive the cut: the code of the parcel opens its door."""
    _cut(bench)
    tx = bench.try_code(CODE)
    bench.collected(tx)


def _cut(bench: Bench) -> Cut:
    """Done once for all rules."""
    if "power" in bench.scenes:
        made: Cut = bench.scenes["power"]
        return made
    bench.hands.needs("cut_power", "give_power")
    bench.configure(bench.parcel())
    opened = bench.order(Action.OPEN)
    bench.result(opened)
    bench.settle()
    bench.acknowledging = False
    before = len(bench.heard)
    bench.result(bench.order(Action.REPORT, args={}))
    start = bench.states[Channel.CONNECTION].body.get("start")
    cut = Cut(boot=bench.boot, start=start, opened=opened, waiting=bench.heard[before:])
    bench.hands("cut_power")
    bench.listen(0.5)
    _dark(bench, cut)
    bench.hands("give_power")
    bench.until(
        lambda: any(each.boot > cut.boot for each in bench.told("boot")),
        "no boot message after the power came back",
        seconds=STARTS_WITHIN_S,
    )
    _light(bench, cut)
    bench.scenes["power"] = cut
    return cut


def _dark(bench: Bench, cut: Cut) -> None:
    offline = bench.states[Channel.CONNECTION]
    for _ in range(3):  # a broker notices a lost line after the keep-alive
        if not offline.body.get("online"):
            break
        bench.listen(20.0)
        offline = bench.states[Channel.CONNECTION]
    cut.said_offline = not offline.body.get("online") and offline.boot == cut.boot
    cut.after = len(bench.heard)
    bench.again.clear()
    cut.while_dark = bench.order(Action.OPEN)


def _light(bench: Bench, cut: Cut) -> None:
    waiting = {each.key for each in cut.waiting}
    bench.listen(0.5)
    cut.doors = dict(bench.states[Channel.DOORS].body.get("doors", {}))
    with suppress(NotKept):
        bench.until(lambda: waiting <= bench.again, "", seconds=3 * bench.sends_again_s)
    cut.came_again = set(bench.again)
    bench.acknowledging = True
    bench.acknowledge()
    bench.hands("push_shut", bench.door)
    bench.settle()
