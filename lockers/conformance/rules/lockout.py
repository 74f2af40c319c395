"""The lock-out. It comes last: it lasts a minute at least, and the device keeps it."""

import secrets

from lockers.conformance.bench import CODE, WRONG, Bench, NotKept
from lockers.conformance.hands import NotTried
from lockers.conformance.rules.qr import new_group, scanned, token
from lockers.protocol import keys
from lockers.protocol.commands import Action
from lockers.protocol.envelope import read_time
from lockers.protocol.lockout import FREE_ERRORS
from marketplace.kernel import clock


def locks_out_and_still_opens_by_order(bench: Bench) -> None:
    """After the free errors the right code waits too; an opening by the station does not."""
    bench.configure(bench.parcel())
    for _ in range(FREE_ERRORS + 1):
        bench.order(Action.TRY_CODE, args={"code": WRONG})
    bench.until(lambda: bench.told("lockout"), "no lockout message")
    _is_locked(bench)
    assisted = bench.order(Action.OPEN, args={"door": bench.door, "purpose": "assist"})
    if bench.result(assisted)["result"] not in ("done", "already_open"):
        raise NotKept("the station could not open")
    bench.collected(assisted)


def opens_by_qr_while_locked(bench: Bench) -> None:
    """A QR is never locked out."""
    bench.hands.needs("scan")
    group = new_group(bench)
    bench.configure(bench.parcel(group=group))
    if not scanned(bench, token(bench, group))[0]:
        raise NotKept("the lock-out of the keypad refused a QR code")
    bench.collected(str(bench.told("code.attempt")[-1].tx))


def stays_locked_over_a_cut(bench: Bench) -> None:
    """A restart gives a guesser nothing."""
    if not bench.told("lockout"):
        raise NotTried("it did not lock out")
    bench.hands.needs("cut_power", "give_power")
    boot = bench.boot
    bench.configure(bench.parcel())
    bench.hands("cut_power")
    bench.hands("give_power")
    bench.until(lambda: any(each.boot > boot for each in bench.told("boot")), "it did not start", seconds=300)
    if clock.wall() >= read_time(bench.told("lockout")[-1].body["until"]):
        raise NotTried("the wait was over before the power came back")
    _is_locked(bench)
    bench.configure()


def takes_a_new_key_by_order(bench: Bench) -> None:
    """`rekey` gives a new key; after a configuration under it orders under the old one are void."""
    old, new = bench.key, secrets.token_bytes(keys.KEY_BYTES)
    _rekey(bench, new)
    bench.configure()
    bench.key = old
    void = bench.order(Action.OPEN)
    bench.key = new
    bench.settle()
    opened = bench.pulsed(tx=void)
    if opened:
        bench.collected(void)
    _rekey(bench, old)
    bench.configure()
    if opened:
        raise NotKept("obeyed an order under the old key")


def _rekey(bench: Bench, key: bytes) -> None:
    sealed = keys.seal_new_key(key, old_key=bench.key, device=bench.device, generation=bench.generation)
    if bench.result(bench.order(Action.REKEY, args={"sealed": sealed}))["result"] != "done":
        raise NotKept("it did not take the new key")
    bench.key = key


def _is_locked(bench: Bench) -> None:
    tx = bench.order(Action.TRY_CODE, args={"code": CODE})
    bench.settle()
    if bench.pulsed(tx=tx):
        bench.collected(tx)
        raise NotKept("the locked keypad took a code")
