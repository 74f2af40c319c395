"""Digits, tried as a phone tries them; the keypad is the same to the device."""

from datetime import timedelta

from lockers.conformance.bench import CODE, GROUP, WRONG, Bench, NotKept
from lockers.conformance.hands import NotTried
from lockers.protocol.allocation import AllocationState
from marketplace.kernel import clock

NEW_CODE = "86427531"


def checks_codes_by_tags(bench: Bench) -> None:
    """A right code opens its door and only that, and works once; a wrong one opens none; both are told."""
    bench.configure(bench.parcel())
    wrong = bench.try_code(WRONG)
    bench.settle()
    if bench.pulsed(tx=wrong):
        raise NotKept("a wrong code opened a door")
    right = bench.try_code(CODE)
    bench.collected(right)
    if bench.pulsed(tx=right) != {bench.door}:
        raise NotKept("another door was pulsed")
    again = bench.try_code(CODE)
    bench.settle()
    if bench.pulsed(tx=again):
        raise NotKept("the code worked twice")


def obeys_a_reissued_code(bench: Bench) -> None:
    """A higher counter revokes the old digits, and the new ones open."""
    parcel = bench.parcel()
    bench.configure(parcel)
    bench.configure(bench.parcel(code=NEW_CODE, counter=1, allocation=parcel.allocation))
    _opens_nothing(bench, CODE, "the old code still opens")
    new = bench.try_code(NEW_CODE)
    bench.collected(new)


def keeps_an_overdue_parcel(bench: Bench) -> None:
    """Past `until` the right code opens nothing, is told as overdue, and is no guess."""
    bench.configure(bench.parcel(collect_until=clock.wall() - timedelta(hours=1)))
    tx = _opens_nothing(bench, CODE, "an overdue parcel was given out")
    reasons = [each.body.get("reason") for each in bench.told("code.attempt", tx=tx)]
    if reasons != ["overdue"]:
        raise NotKept(f"told as {reasons}")


def keeps_a_blocked_parcel(bench: Bench) -> None:
    """A parcel that the server holds, or a door that it blocks, opens to no code and is told as held."""
    held = (bench.parcel(state=AllocationState.BLOCKED), frozenset[int]())
    blocked = (bench.parcel(), frozenset({bench.door}))
    for parcel, doors in (held, blocked):
        bench.configure(parcel, blocked=doors)
        tx = _opens_nothing(bench, CODE, "a held parcel was given out")
        reasons = [each.body.get("reason") for each in bench.told("code.attempt", tx=tx)]
        if reasons != ["held"]:
            raise NotKept(f"told as {reasons}")
    bench.configure()


def opens_neither_of_two_groups(bench: Bench) -> None:
    """Digits that match two groups open neither and are told as ambiguous."""
    if len(bench.doors) < 2:
        raise NotTried("needs a second --door")
    other = bench.parcel(group=GROUP + 1, door=bench.doors[1])
    bench.configure(bench.parcel(), other)
    tx = _opens_nothing(bench, CODE, "one of two groups was opened")
    reasons = [each.body.get("reason") for each in bench.told("code.attempt", tx=tx)]
    bench.configure()
    if reasons != ["ambiguous"]:
        raise NotKept(f"told as {reasons}")


def _opens_nothing(bench: Bench, digits: str, otherwise: str) -> str:
    tx = bench.try_code(digits)
    bench.settle()
    if bench.pulsed(tx=tx):
        bench.collected(tx)
        raise NotKept(otherwise)
    return tx
