"""Couriers' sealed tokens: what a cabinet without network takes and gives."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from lockers.conformance.bench import CODE, Bench, NotKept
from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState, Need
from lockers.protocol.courier import CourierToken, Drop, seal_token
from lockers.protocol.policy import DepositPolicy
from marketplace.kernel import clock
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

#: the door is named, so that the need decides nothing
ANY = Need(Size.S, "ambient", Band(-60, 60))


def takes_a_parcel_by_token(bench: Bench) -> None:
    """The named door opens, `parcel.deposited` follows its closing, and the code then opens it."""
    bench.configure()
    drop = _drop(bench)
    bench.hands("leave", _token(bench, drop), drop.placed.allocation, False)
    bench.until(lambda: _deposited(bench, drop), "parcel.deposited is not told")
    (told,) = _deposited(bench, drop)
    if told.body["door"] != bench.door or not bench.pulsed(tx=told.tx):
        raise NotKept(f"deposited {told.body} without its door")
    tx = bench.try_code(CODE)
    bench.collected(tx)


def keeps_to_the_deposit_policy(bench: Bench) -> None:
    """Without the recipient's consent, the sender's agreement, or with a damaged pack no door opens."""
    bench.configure()
    refused = (
        (DepositPolicy(consent=False), False),
        (DepositPolicy(consent=True, sender_agreement=False), False),
        (DepositPolicy(consent=True), True),
    )
    for policy, damaged in refused:
        drop, before = _drop(bench, policy=policy), len(bench.heard)
        bench.hands("leave", _token(bench, drop), drop.placed.allocation, damaged)
        bench.settle()
        if bench.pulsed(after=before):
            raise NotKept(f"opened for {policy}, damaged {damaged}")
    bench.configure()


def refuses_strange_tokens(bench: Bench) -> None:
    """Changed, sealed for another cabinet or generation, past its end: `token.refused`, and no door opens."""
    bench.hands.needs("present")
    drop = _drop(bench)
    right = _token(bench, drop)
    strange = {
        "changed": right[:30] + ("A" if right[30] != "A" else "B") + right[31:],
        "another cabinet's": _token(bench, drop, device="somebody-else"),
        "another generation's": _token(bench, drop, generation=bench.generation + 1),
        "expired": _token(bench, drop, expires_at=clock.wall() - timedelta(minutes=1)),
    }
    for how, text in strange.items():
        before, told = len(bench.heard), len(bench.told("token.refused"))
        bench.hands("present", text)
        bench.until(partial(_refused_more_than, bench, told), f"took a token that is {how}")
        bench.settle()
        if bench.pulsed(after=before):
            raise NotKept(f"opened for a token that is {how}")


def gives_a_recalled_parcel(bench: Bench) -> None:
    """A token opens what it names for taking out, `parcel.removed` follows; another parcel stays shut."""
    bench.hands.needs("take_out")
    parcel = bench.parcel()
    bench.configure(parcel)
    before = len(bench.heard)
    bench.hands("take_out", _token(bench), parcel.allocation)
    bench.settle()
    if bench.pulsed(after=before):
        raise NotKept("gave a parcel that the token does not name")
    bench.hands("take_out", _token(bench, recalls=(parcel.allocation,)), parcel.allocation)
    bench.until(lambda: bench.told("parcel.removed", after=before), "parcel.removed is not told")
    bench.configure()


def _refused_more_than(bench: Bench, times: int) -> bool:
    return len(bench.told("token.refused")) > times


def _drop(bench: Bench, **changes: Any) -> Drop:
    return Drop(replace(bench.parcel(state=AllocationState.RESERVED), **changes), ANY)


def _token(bench: Bench, *drops: Drop, **changes: Any) -> str:
    made = CourierToken(
        device=bench.device, generation=bench.generation, tx=str(uuid4()), courier="conformance",
        expires_at=clock.wall() + timedelta(hours=1), drops=drops,
    )  # fmt: skip
    return seal_token(replace(made, **changes), key=keys.seal_key(bench.key))


def _deposited(bench: Bench, drop: Drop) -> list[Any]:
    allocation = drop.placed.allocation
    return [each for each in bench.told("parcel.deposited") if each.body.get("allocation") == allocation]
