"""What orders do when others tell something. Each is idempotent by itself, beside the outbox's own guard.

References of the road and the cabinets may be somebody else's (a third party's parcel): those are left alone.
"""

from datetime import date, datetime
from uuid import UUID

from marketplace.outbox.delivery import DeliveredEvent
from marketplace.places.models import Hub, Place, PlaceKind
from orders.models import Order, RefundReason
from orders.services.documents import receipts
from orders.services.fulfilment import arrivals, harvest, staying, storage_fees
from orders.services.purchases import paying
from orders.services.redress import claims, refunding, shortages
from orders.services.settlement import carrier_payouts, fee_rules, payouts
from orders.storefront.reach import refresh_reach


def accept_payment(event: DeliveredEvent) -> None:
    """payments.GroupSucceeded: the order becomes firm, or everything goes back; or a storage fee is paid."""
    order = _order(event, "reference")
    if order is not None:
        paying.accept_payment(order_uuid=order)
    else:
        storage_fees.accept_fee(fee_uuid=UUID(event.payload["reference"]))


def close_unpaid_order(event: DeliveredEvent) -> None:
    """payments.GroupClosed: stock and cells are free again."""
    order = _order(event, "reference")
    if order is not None:
        paying.close_after_payment_window(order_uuid=order, why=event.payload["why"])
    else:
        storage_fees.close_fee(fee_uuid=UUID(event.payload["reference"]))


def flag_late_payment(event: DeliveredEvent) -> None:
    """payments.LatePaymentReturned: it went back by itself; somebody should know."""
    order = _order(event, "group_reference")
    if order is not None:
        paying.flag_late_payment(order_uuid=order)


def note_refund_failed(event: DeliveredEvent) -> None:
    """payments.RefundFailed: the money did not go back."""
    refunding.note_refund_failed(refund_uuid=UUID(event.payload["refund"]))


def correct_receipts(event: DeliveredEvent) -> None:
    """payments.RefundSucceeded, RefundFailed: receipts say what was paid and kept."""
    order = refunding.order_of_refund(refund_uuid=UUID(event.payload["refund"]))
    if order is not None:
        receipts.correct_receipts(order_uuid=order)


def warn_batch_mates(event: DeliveredEvent) -> None:
    """orders.ClaimGranted: who else has the lot hears of it."""
    claims.warn_batch_mates(claim_uuid=UUID(event.payload["claim"]))


def note_settlement_done(event: DeliveredEvent) -> None:
    """payments.SettlementDone: the seller has his money."""
    payouts.note_settlement(settlement_uuid=UUID(event.payload["settlement"]), why=None)


def note_settlement_refused(event: DeliveredEvent) -> None:
    """payments.SettlementRefused: it is owed again, and somebody has to look."""
    payouts.note_settlement(settlement_uuid=UUID(event.payload["settlement"]), why=event.payload["why"])


def note_transfer(event: DeliveredEvent) -> None:
    """payments.TransferDone, TransferRefused: a courier's firm has its money, or is owed it again."""
    carrier_payouts.note_transfer(transfer_uuid=UUID(event.payload["transfer"]), why=event.payload.get("why"))


def tell_fee_rules(event: DeliveredEvent) -> None:
    """orders.FeeRulesAnnounced: farmers and stations hear of it seven days ahead."""
    fee_rules.tell_fee_rules(rules_uuid=UUID(event.payload["rules"]))


def note_stock_fell_short(event: DeliveredEvent) -> None:
    """catalog.StockFellShort: who was promised the goods shares what is left."""
    shortages.note_stock_fell_short(
        lot_uuid=UUID(event.payload["lot"]), missing=int(event.payload["quantity"])
    )


def tell_harvest(event: DeliveredEvent) -> None:
    """catalog.CycleClosed: each farmer hears what to bring."""
    harvest.send_harvest_lists(
        hub_uuid=UUID(event.payload["hub"]), day=date.fromisoformat(event.payload["delivery_date"])
    )


def refresh_storefront(event: DeliveredEvent) -> None:
    """routing.PlanPublished: the place picker shows what the new plan can do."""
    hub = Hub.objects.filter(uuid=event.payload["hub"]).first()
    if hub is not None:
        refresh_reach(hub=hub, day=date.fromisoformat(event.payload["date"]))


def note_planned(event: DeliveredEvent) -> None:
    """routing.ShipmentPlanned: where and when it arrives."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        arrivals.note_planned(
            fulfilment_uuid=fulfilment,
            place_uuid=UUID(event.payload["place"]),
            arrives_from=_time(event.payload.get("arrives_from")),
            arrives_until=_time(event.payload.get("arrives_until")),
        )


def note_unserved(event: DeliveredEvent) -> None:
    """routing.ShipmentUnserved: the next day, or the money back."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        arrivals.note_unserved(
            fulfilment_uuid=fulfilment,
            shipment_uuid=UUID(event.payload["shipment"]),
            reason=event.payload["reason"],
        )


def put_on_shelf(event: DeliveredEvent) -> None:
    """routing.ShipmentDelivered at a station: the recipient may come. Cabinets tell of themselves."""
    fulfilment = _fulfilment(event)
    place = Place.objects.filter(uuid=event.payload["place"], kind=PlaceKind.STATION).first()
    if fulfilment is not None and place is not None:
        arrivals.note_ready(
            fulfilment_uuid=fulfilment,
            place_uuid=place.uuid,
            at=_moment(event, "at"),
            in_cabinet=False,
        )


def note_deposited(event: DeliveredEvent) -> None:
    """lockers.ParcelDeposited: the door closed behind it; the code goes out."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        arrivals.note_ready(
            fulfilment_uuid=fulfilment,
            place_uuid=UUID(event.payload["place"]),
            at=_moment(event, "at"),
            compartment=str(event.payload["compartment"]),
            in_cabinet=True,
            until=_time(event.payload.get("until")),
        )


def note_collected(event: DeliveredEvent) -> None:
    """lockers.ParcelCollected: settled, and the order may be complete."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        arrivals.note_collected(fulfilment_uuid=fulfilment, at=_moment(event, "at"))


def note_due_soon(event: DeliveredEvent) -> None:
    """lockers.ParcelDueSoon: the recipient hears once more."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        staying.note_due_soon(fulfilment_uuid=fulfilment)


def note_extended(event: DeliveredEvent) -> None:
    """lockers.StorageExtended: it may stay longer."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        staying.note_extended(fulfilment_uuid=fulfilment, until=_moment(event, "until"))


def note_put_back(event: DeliveredEvent) -> None:
    """lockers.ParcelPutBack: refused at the open door; nobody takes it until a person has looked."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        staying.note_put_back(fulfilment_uuid=fulfilment)


def note_held_for_inspection(event: DeliveredEvent) -> None:
    """lockers.ParcelHeldForInspection: nobody knows how warm it was; a person decides."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        staying.note_held_for_inspection(fulfilment_uuid=fulfilment)


def note_inspected(event: DeliveredEvent) -> None:
    """lockers.InspectionDecided: back to the recipient, or back with the courier and the money too."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        decision = event.payload["decision"]
        arrivals.note_released(fulfilment_uuid=fulfilment, decision=decision, refund=RefundReason.CLAIM)


def note_removed(event: DeliveredEvent) -> None:
    """lockers.ParcelRemoved: taken out of its compartment, so no code opens anything any more."""
    fulfilment = _fulfilment(event)
    if fulfilment is None:
        return
    if event.payload.get("overdue"):
        storage_fees.settle_taken_out(fulfilment_uuid=fulfilment, fee_fen=int(event.payload["fee_fen"]))
    else:
        staying.note_removed(fulfilment_uuid=fulfilment)


def note_overdue(event: DeliveredEvent) -> None:
    """lockers.ParcelOverdue: nobody came for it in time."""
    fulfilment = _fulfilment(event)
    if fulfilment is not None:
        arrivals.note_overdue(fulfilment_uuid=fulfilment)


def hold_parcels(event: DeliveredEvent) -> None:
    """lockers.ParcelsHeld: a cell got too warm; nobody takes these until somebody decides."""
    for reference in event.payload["references"]:
        if arrivals.is_ours(UUID(reference)):
            arrivals.note_held(fulfilment_uuid=UUID(reference), breach_uuid=UUID(event.payload["breach"]))


def release_parcels(event: DeliveredEvent) -> None:
    """lockers.ParcelsReleased: the decision about parcels that were held."""
    for reference in event.payload["references"]:
        if arrivals.is_ours(UUID(reference)):
            decision = event.payload["decision"]
            arrivals.note_released(
                fulfilment_uuid=UUID(reference), decision=decision, refund=RefundReason.BREACH
            )


def _order(event: DeliveredEvent, field: str) -> UUID | None:
    uuid = UUID(event.payload[field])
    return uuid if Order.objects.filter(uuid=uuid).exists() else None


def _fulfilment(event: DeliveredEvent) -> UUID | None:
    uuid = UUID(event.payload["reference"])
    return uuid if arrivals.is_ours(uuid) else None


def _moment(event: DeliveredEvent, field: str) -> datetime:
    return _time(event.payload.get(field)) or event.occurred_at


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
