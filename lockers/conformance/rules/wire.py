"""What it says, under which number, and until when."""

from datetime import datetime

from lockers.conformance.bench import Bench, NotKept
from lockers.protocol.commands import Action
from lockers.protocol.envelope import Envelope
from lockers.protocol.ordering import CLOCK_ERROR_S, ClockTrust, pair_from, placed_at
from lockers.protocol.topics import Channel
from marketplace.kernel import clock

HEARD_WITHIN_S = 60.0
OFF_S = 600
EXACT_S = 5.0


def says_that_it_lives(bench: Bench) -> None:
    """`state/conn`, `state/doors` and `up/hb` are told, and the journal begins with `boot`."""
    wanted = {Channel.CONNECTION, Channel.DOORS, Channel.HEARTBEAT}
    bench.until(
        lambda: wanted <= set(bench.states),
        "state/conn, state/doors or up/hb is missing",
        seconds=HEARD_WITHIN_S,
    )
    bench.until(lambda: bench.told("boot"), "no boot message")
    unnumbered = [each.type for each in bench.states.values() if each.seq != 0]
    if unnumbered:
        raise NotKept(f"{unnumbered} with a seq: they are not journalled")


def keeps_its_states_retained(bench: Bench) -> None:
    """Who subscribes later is given `state/conn` and `state/doors` as they are."""
    bench.subscribe_anew()
    bench.until(
        lambda: {Channel.CONNECTION, Channel.DOORS} <= bench.retained, f"retained: {sorted(bench.retained)}"
    )


def numbers_without_holes(bench: Bench) -> None:
    """Within a boot `seq` grows by one."""
    bench.listen(bench.settles_s)
    seqs = sorted({each.seq for each in bench.heard if each.boot == bench.boot})
    if seqs != list(range(seqs[0], seqs[-1] + 1)):
        raise NotKept(f"holes among {seqs[:20]}")


def sends_again_until_acknowledged(bench: Bench) -> None:
    """What is not acknowledged comes again after 5 s, the same under the same number."""
    copies = bench.copies
    seconds = bench.sends_again_s + bench.patience_s
    bench.until(lambda: bench.copies > copies, "nothing was sent again", seconds=seconds)


def forgets_what_is_acknowledged(bench: Bench) -> None:
    """After `down/ack` nothing up to it comes again, and from then on each message comes once."""
    bench.acknowledging = True
    bench.acknowledge()
    bench.settle()
    copies = bench.copies
    bench.listen(1.5 * bench.sends_again_s)
    if bench.copies > copies:
        raise NotKept("acknowledged messages came again")


def tells_how_far_its_clock_is_off(bench: Bench) -> None:
    """A clock 10 min ahead shows in `up/hb`, `mono` still places what is said; set right, it shows too."""
    bench.hands.needs("set_clock")
    try:
        bench.hands("set_clock", OFF_S)
        heartbeat = _heartbeat(bench, ahead_s=OFF_S)
        pair = pair_from(heartbeat, received=bench.came[Channel.HEARTBEAT])
        tx = bench.order(Action.REPORT, args={})
        bench.result(tx)
        at, trust = placed_at(bench.told("cmd.result", tx=tx)[0], pair)
        off_s = abs((clock.wall() - at).total_seconds())
        if trust is not ClockTrust.BY_MONO or off_s > EXACT_S:
            raise NotKept(f"placed by mono {off_s:.0f} s from the truth")
    finally:
        bench.hands("set_clock", 0)
    _heartbeat(bench, ahead_s=0)


def _heartbeat(bench: Bench, *, ahead_s: int) -> Envelope:
    """A heartbeat that says so; asked for by `report`, or the next by itself."""
    bench.order(Action.REPORT, args={})
    allowed_s = CLOCK_ERROR_S if ahead_s else EXACT_S

    def shown() -> bool:
        said, came = bench.states.get(Channel.HEARTBEAT), bench.came.get(Channel.HEARTBEAT)
        return said is not None and came is not None and abs(_ahead(said, came) - ahead_s) < allowed_s

    what = f"no heartbeat shows a clock {ahead_s} s ahead"
    bench.until(shown, what, seconds=HEARD_WITHIN_S)
    return bench.states[Channel.HEARTBEAT]


def _ahead(said: Envelope, came: datetime) -> float:
    return (said.ts - came).total_seconds()
