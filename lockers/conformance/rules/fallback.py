"""HTTPS, where MQTT does not get through. One absence of MQTT is brought about and judged twice."""

from dataclasses import dataclass
from uuid import uuid4

from lockers.conformance.bench import Bench, NotKept
from lockers.conformance.fallback import Fallback
from lockers.conformance.hands import NotTried
from lockers.protocol.commands import Action

FALLS_BACK_WITHIN_S = 120.0


@dataclass
class Absence:
    """What came over HTTPS while MQTT was away."""

    fallback: Fallback
    repeated: bool = False
    answered: bool = False
    over_both: str = ""


def speaks_over_https(bench: Bench) -> None:
    """Requests are signed, their numbers grow; what got no answer comes again, until the answer's mark."""
    absence = _absence(bench)
    if absence.fallback.faults:
        raise NotKept(absence.fallback.faults[0])
    if not absence.repeated:
        raise NotKept("a request that was not answered did not come again")
    if not absence.answered:
        raise NotKept("what the answer's mark covers came again")


def obeys_once_over_both_ways(bench: Bench) -> None:
    """An order that came over HTTPS and over MQTT is obeyed once."""
    tx = _absence(bench).over_both
    if len(bench.told("door.pulsed", tx=tx)) != 1:
        raise NotKept(f"pulsed {len(bench.told('door.pulsed', tx=tx))} times")


def _absence(bench: Bench) -> Absence:
    if "https" in bench.scenes:
        made: Absence = bench.scenes["https"]
        return made
    fallback: Fallback | None = bench.scenes.get("fallback")
    if fallback is None:
        raise NotTried("--https-listen says where the device falls back to")
    bench.hands.needs("cut_mqtt", "give_mqtt")
    absence = Absence(fallback)
    fallback.answering = False
    bench.hands("cut_mqtt")
    try:
        _away(bench, absence)
    finally:
        fallback.answering = True
        bench.hands("give_mqtt")
    bench.until(lambda: bench.transport.connected, "the broker did not come back", seconds=60)
    absence.over_both = _over_both(bench, absence.over_both)
    bench.scenes["https"] = absence
    return absence


def _away(bench: Bench, absence: Absence) -> None:
    numbers = absence.fallback.numbers
    bench.until(lambda: numbers, "no request over HTTPS", seconds=FALLS_BACK_WITHIN_S)
    bench.until(lambda: len(numbers) > 1, "it asked once and never again", seconds=30)
    absence.repeated = True
    absence.fallback.answering = True
    absence.over_both = bench.order(Action.OPEN, over_https=True)
    bench.result(absence.over_both)
    bench.collected(absence.over_both)
    bench.listen(1.0)  # a request or two: the marks have come to it
    copies = bench.copies
    bench.listen(1.5 * bench.sends_again_s)
    absence.answered = bench.copies == copies


def _over_both(bench: Bench, tx: str) -> str:
    """The same tx over MQTT, once the device is back there."""
    report = bench.order(Action.REPORT, args={}, tx=str(uuid4()))
    bench.until(lambda: bench.told("cmd.result", tx=report), "it did not come back to MQTT", seconds=60)
    bench.order(Action.OPEN, tx=tx)
    bench.settle()
    return tx
