"""What became of an opening, from the device's stored messages alone."""

from collections.abc import Iterable
from typing import Any

from lockers.models import Allocation, DeviceMessage
from lockers.protocol.envelope import Envelope
from lockers.protocol.parcel import Outcome, judge_opening


def outcome_of(allocation: Allocation) -> Outcome:
    """The outcome of the opening that was last asked for this allocation."""
    if allocation.opening_tx is None:
        return Outcome.PENDING
    tx = str(allocation.opening_tx)
    device_id = allocation.compartment.cabinet.device.pk
    return judge_opening(messages_of(device_id, tx), tx=tx, door=allocation.compartment.door)


def messages_of(device_id: int, tx: str) -> list[Envelope]:
    return as_envelopes(DeviceMessage.objects.filter(device_id=device_id, tx=tx).select_related("device"))


def as_envelopes(rows: Iterable[Any]) -> list[Envelope]:
    return [
        Envelope(
            dev=row.device.device,
            boot=row.boot,
            seq=row.seq,
            mid=row.mid,
            ts=row.ts,
            mono=row.mono,
            type=row.type,
            body=row.body,
            tx=row.tx,
        )
        for row in rows
    ]
