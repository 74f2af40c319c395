"""How a shipment's ride ended: delivered, brought to its hub, or missed. Each is said once."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from marketplace.custody.models import HandlingUnit
from marketplace.kernel import clock
from marketplace.outbox.publishing import publish
from marketplace.places.models import Hub, PlaceKind
from routing.events import ShipmentDelivered, ShipmentUnserved
from routing.models import Leg, Route, Shipment, StopTask
from routing.states import SHIPMENT_MOVES, LegKind, LegStatus, ShipmentStatus

#: told to orders when goods came back on the van
RETURNED = "returned"
#: what was left aboard a broken van
NOT_FETCHED = "not_fetched"


def mark_delivered(*, leg: Leg, place_uuid: UUID) -> None:
    """The last leg ended at a place: the shipment is delivered, once. Must run inside a transaction."""
    if not Leg.objects.filter(pk=leg.pk).exclude(status=LegStatus.DONE).update(status=LegStatus.DONE):
        return
    deliver(leg.shipment, place_uuid)


def deliver(shipment: Shipment, place_uuid: UUID) -> None:
    sources = SHIPMENT_MOVES.sources(ShipmentStatus.DELIVERED)
    if Shipment.objects.filter(pk=shipment.pk, status__in=sources).update(status=ShipmentStatus.DELIVERED):
        publish(
            ShipmentDelivered(
                shipment=shipment.uuid, reference=shipment.reference, place=place_uuid, at=clock.now()
            ),
            aggregate_kind="shipment",
            aggregate_uuid=shipment.uuid,
        )


def note_brought_back(units: Iterable[HandlingUnit], hub: Hub) -> None:
    """Units that were to be fetched for this hub are there, with whatever van they came."""
    mine = Shipment.objects.filter(reference__in=[unit.uuid for unit in units], destination_hub=hub)
    for shipment in mine.order_by("pk"):
        deliver(shipment, hub.place.uuid)


def deliveries_of(route: Route) -> QuerySet[Leg]:
    return Leg.objects.filter(
        tasks__stop__route=route, tasks__kind="drop", kind__in=[LegKind.DELIVER, LegKind.DIRECT]
    )


def fetches(**where: object) -> QuerySet[Leg]:
    """Units that were to be fetched from a broken van."""
    tasks = StopTask.objects.filter(kind="collect", stop__place__kind=PlaceKind.ROADSIDE, **where)
    return Leg.objects.filter(pk__in=tasks.values("leg"), kind=LegKind.COLLECT)


def report_missed(legs: QuerySet[Leg], reason: str) -> None:
    """What did not happen of these: the shipment is unserved, whoever asked decides."""
    for leg in legs.filter(status=LegStatus.PLANNED).select_related("shipment").order_by("pk"):
        Leg.objects.filter(pk=leg.pk).update(status=LegStatus.UNSERVED)
        sources = SHIPMENT_MOVES.sources(ShipmentStatus.UNSERVED)
        if Shipment.objects.filter(pk=leg.shipment_id, status__in=sources).update(
            status=ShipmentStatus.UNSERVED
        ):
            publish(
                ShipmentUnserved(shipment=leg.shipment.uuid, reference=leg.shipment.reference, reason=reason),
                aggregate_kind="shipment",
                aggregate_uuid=leg.shipment.uuid,
            )
