"""Parcels about which nobody knows enough: held after a silence of the thermometer; what is known of them."""

from datetime import datetime, timedelta

from lockers.events import ParcelHeldForInspection
from lockers.models import Allocation
from lockers.models.allocations import InspectReason
from lockers.protocol.allocation import AllocationState
from lockers.services.sites.cabinets import COOLED, touch_config
from marketplace.custody.services import block_units
from marketplace.kernel import clock
from marketplace.outbox.publishing import publish
from marketplace.telemetry.cold import DECIDE_AFTER_GAP_S, Verdict
from marketplace.telemetry.models import Reading
from marketplace.telemetry.services import cold_verdict


def hold_after_gap(*, cabinet_id: int, started_at: datetime) -> int:
    """The cabinet was off: cooled parcels whose last hour nobody measured wait for a person; how many.

    Only a stop of the device makes a gap: without network it keeps measuring, and tells later.
    """
    held = 0
    for allocation in Allocation.objects.select_for_update(of=("self",)).filter(
        state=AllocationState.LOADED,
        compartment__cabinet=cabinet_id,
        compartment__zone__in=sorted(COOLED),
        deposited_at__lt=started_at - timedelta(seconds=DECIDE_AFTER_GAP_S),
    ).select_related("compartment__cabinet").order_by("pk"):  # fmt: skip
        known = Reading.objects.filter(
            probe__asset_uuid=allocation.compartment.cabinet.uuid,
            probe__zone=allocation.compartment.zone,
            at__lt=started_at,
            at__gt=started_at - timedelta(seconds=DECIDE_AFTER_GAP_S),
        )
        if known.exists():
            continue
        allocation.state, allocation.inspect_reason = AllocationState.BLOCKED, InspectReason.GAP
        allocation.save(update_fields=["state", "inspect_reason"])
        block_units(uuids=[allocation.unit_uuid])
        event = ParcelHeldForInspection(
            allocation=allocation.uuid, reference=allocation.reference, reason=InspectReason.GAP.value
        )
        publish(event, aggregate_kind="allocation", aggregate_uuid=allocation.uuid)
        held += 1
    if held:
        touch_config([cabinet_id])
    return held


def verdict_of(allocation: Allocation) -> Verdict | None:
    """What the thermometers say of its stay so far, over the goods' own limits; None for ambient goods."""
    compartment = allocation.compartment
    if compartment.zone not in COOLED or allocation.deposited_at is None:
        return None
    return cold_verdict(
        asset_uuid=compartment.cabinet.uuid,
        zone=compartment.zone,
        start=allocation.deposited_at,
        end=clock.now(),
        min_c=allocation.min_c,
        max_c=allocation.max_c,
    )
