"""What happens when: the one table event -> handlers, and the due work that the drain polls from rows."""

from collections.abc import Callable

from catalog import handlers as catalog
from catalog.services.cycles import close_due_cycles, open_next_cycles
from catalog.services.listing import expire_due_lots
from catalog.services.stock import expire_due_reservations
from lockers import handlers as lockers
from lockers.services.capacity.dwell import measure_dwell
from lockers.services.capacity.holds import expire_due_holds
from lockers.services.devices.commands import expire_commands
from lockers.services.messages.presence import notice_silent_devices
from lockers.services.parcels.collection import expire_due_parcels, remind_due_parcels
from marketplace.outbox.delivery import Handler
from marketplace.telemetry.services.breaches import review_due_probes
from marketplace.telemetry.services.upkeep import keep_readings
from orders import handlers as orders
from orders.payments.services.due import dispatch_due as settle_payments
from orders.services.redress.claims import grant_unanswered
from orders.services.redress.goods_returns import end_due_returns
from orders.services.redress.shortages import settle_unanswered
from orders.services.settlement.carrier_payouts import pay_carriers_due
from orders.services.settlement.payouts import pay_out_due
from routing import handlers as routing
from routing.services.waves.queueing import queue_due_waves
from routing.services.waves.sectoring import join_late_runs

HANDLERS: dict[str, list[Handler]] = {
    "farmers.AgentConsentRevoked": [catalog.consent_revoked],
    "catalog.StockFellShort": [orders.note_stock_fell_short],
    "catalog.CycleClosed": [orders.tell_harvest],
    "payments.GroupSucceeded": [orders.accept_payment],
    "payments.GroupClosed": [orders.close_unpaid_order],
    "payments.LatePaymentReturned": [orders.flag_late_payment],
    "payments.RefundSucceeded": [orders.correct_receipts],
    "payments.RefundFailed": [orders.note_refund_failed, orders.correct_receipts],
    "payments.SettlementDone": [orders.note_settlement_done],
    "payments.SettlementRefused": [orders.note_settlement_refused],
    "payments.TransferDone": [orders.note_transfer],
    "payments.TransferRefused": [orders.note_transfer],
    "orders.ClaimGranted": [orders.warn_batch_mates],
    "orders.FeeRulesAnnounced": [orders.tell_fee_rules],
    "routing.PlanPublished": [routing.keep_picture, orders.refresh_storefront],
    "routing.RouteChanged": [routing.route_changed],
    "routing.ShipmentPlanned": [orders.note_planned],
    "routing.ShipmentUnserved": [orders.note_unserved],
    "routing.ShipmentDelivered": [orders.put_on_shelf],
    "telemetry.BreachOpened": [lockers.hold_on_breach],
    "telemetry.BreachClosed": [lockers.free_after_breach],
    "telemetry.BreachMerged": [lockers.hold_for_earlier_breach],
    "lockers.ParcelDeposited": [routing.parcel_deposited, orders.note_deposited],
    "lockers.ParcelCollected": [orders.note_collected],
    "lockers.ParcelDueSoon": [orders.note_due_soon],
    "lockers.StorageExtended": [orders.note_extended],
    "lockers.ParcelOverdue": [orders.note_overdue],
    "lockers.ParcelPutBack": [orders.note_put_back],
    "lockers.ParcelHeldForInspection": [orders.note_held_for_inspection],
    "lockers.InspectionDecided": [orders.note_inspected],
    "lockers.ParcelRemoved": [orders.note_removed],
    "lockers.ParcelsHeld": [orders.hold_parcels],
    "lockers.ParcelsReleased": [orders.release_parcels],
}

#: in this order every second, and at once when business time was moved; planning waits for closed cycles
DUE_WORK: list[Callable[[], object]] = [
    open_next_cycles,
    close_due_cycles,
    expire_due_reservations,
    expire_due_holds,
    expire_due_lots,
    settle_unanswered,
    grant_unanswered,
    end_due_returns,
    pay_out_due,
    pay_carriers_due,
    settle_payments,
    queue_due_waves,
    join_late_runs,
    expire_commands,
    remind_due_parcels,
    expire_due_parcels,
    measure_dwell,
    review_due_probes,
    notice_silent_devices,
    keep_readings,
]
