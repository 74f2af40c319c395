"""Asking the road to carry something, and taking the request back."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from marketplace.kernel import clock
from marketplace.places.models import Hub, Place, PlaceKind
from routing.errors import NoSuchOption
from routing.models import Leg, Shipment, ShipmentOption
from routing.states import LegKind, LegStatus, ShipmentStatus, Wave


@dataclass(frozen=True, slots=True)
class CollectSpec:
    """What one station hands to the van for a shipment."""

    place_uuid: UUID
    weight_g: int
    volume_ml: int


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """A place where the shipment may end; lower `preference` is liked better."""

    place_uuid: UUID
    preference: int = 0
    compensation_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelSpec:
    """What is to be carried, and what it must not meet on the way. `category`: food, pesticide or general."""

    zone: str
    size: str
    weight_g: int
    volume_ml: int
    min_c: float
    max_c: float
    category: str = "general"
    cold_budget_min: int | None = None
    value_fen: int = 0
    sender_agreement: bool = True
    keep_until: datetime | None = None


def request_shipment(
    *,
    reference: UUID,
    direction: str,
    hub_uuid: UUID,
    deliver_on: date,
    parcel: ParcelSpec,
    options: Sequence[OptionSpec],
    collects: Sequence[CollectSpec] = (),
    direct: bool = False,
    recipient_uuid: UUID | None = None,
) -> Shipment:
    """A shipment with its legs; asked again for the same reference and day it is the same row.

    `direct` carries it from its one collecting place to a later stop of the same loop. Options of more than
    one hub, or places nobody serves, are refused: NoSuchOption.
    """
    with transaction.atomic():
        live = Shipment.objects.filter(reference=reference, deliver_on=deliver_on).exclude(
            status=ShipmentStatus.CANCELLED
        )
        known: Shipment | None = live.first()
        if known is not None:
            return known
        places = _places(options)
        shipment: Shipment = Shipment.objects.create(
            reference=reference,
            recipient_uuid=recipient_uuid,
            direction=direction,
            origin_hub=Hub.by_uuid(hub_uuid, field="hub_id"),
            destination_hub=serving_hub(places[0]),
            deliver_on=deliver_on,
            requested_at=clock.now(),
            **asdict(parcel),
        )
        ShipmentOption.objects.bulk_create(
            ShipmentOption(
                shipment=shipment,
                place=place,
                kind=place.kind,
                preference=option.preference,
                compensation_fen=option.compensation_fen,
            )
            for option, place in zip(options, places, strict=True)
        )
        Leg.objects.bulk_create(_legs(shipment, collects, direct))
    return shipment


def cancel_shipment(*, reference: UUID) -> int:
    """Take back what is not delivered yet; gives the number of shipments that ended.

    Doing it twice is the same. A plan that already carries it keeps its stop: the courier finds nothing to
    hand over.
    """
    with transaction.atomic():
        open_rows = (
            Shipment.objects.select_for_update()
            .filter(reference=reference)
            .exclude(status__in=[ShipmentStatus.DELIVERED, ShipmentStatus.CANCELLED])
        )
        ids = [row.pk for row in open_rows.order_by("pk")]
        Leg.objects.filter(shipment__in=ids).exclude(status=LegStatus.DONE).update(status=LegStatus.CANCELLED)
        return Shipment.objects.filter(pk__in=ids).update(status=ShipmentStatus.CANCELLED)


def serving_hub(place: Place) -> Hub:
    """The hub whose vans stop there: the one a site or a station names. Raises NoSuchOption."""
    by_site = place.kind == PlaceKind.CABINET_SITE
    hubs = Hub.objects.filter(sites__place=place) if by_site else Hub.objects.filter(stations__place=place)
    hub: Hub | None = hubs.first()
    if hub is None:
        raise NoSuchOption(field="place_id")
    return hub


def served_places(uuids: Collection[UUID]) -> dict[UUID, Place]:
    """Places by uuid with what `hub_serving` reads, in one query."""
    rows = Place.objects.filter(uuid__in=uuids).select_related("site__hub__place", "station__hub__place")
    return {place.uuid: place for place in rows}


def hub_serving(place: Place) -> Hub | None:
    """The hub that a site or a station names, from what `served_places` read; None: nobody's vans stop
    there.
    """
    owners = {PlaceKind.CABINET_SITE.value: "site", PlaceKind.STATION.value: "station"}
    owner = getattr(place, owners.get(place.kind, ""), None)
    hub: Hub | None = None if owner is None else owner.hub
    return hub


def _places(options: Sequence[OptionSpec]) -> list[Place]:
    by_uuid = {
        place.uuid: place
        for place in Place.objects.filter(uuid__in=[option.place_uuid for option in options])
    }
    if not options or len(by_uuid) != len(options):
        raise NoSuchOption(field="place_id")
    places = [by_uuid[option.place_uuid] for option in options]
    if len({serving_hub(place).pk for place in places}) > 1:
        raise NoSuchOption(field="place_id")
    return places


def _legs(shipment: Shipment, collects: Sequence[CollectSpec], direct: bool) -> list[Leg]:
    """collect* -> trunk? -> deliver, or one direct ride."""
    origin, destination = shipment.origin_hub, shipment.destination_hub
    starts = {place.uuid: place for place in Place.objects.filter(uuid__in=[c.place_uuid for c in collects])}
    if len(starts) < len({collect.place_uuid for collect in collects}):
        raise NoSuchOption(field="collect_id")
    legs = [
        Leg(
            kind=LegKind.DIRECT if direct else LegKind.COLLECT,
            wave=Wave.VILLAGE_LOOP,
            hub=origin,
            place=starts[collect.place_uuid],
            weight_g=collect.weight_g,
            volume_ml=collect.volume_ml,
        )
        for collect in collects
    ]
    whole = {"weight_g": shipment.weight_g, "volume_ml": shipment.volume_ml}
    if not direct:
        if origin != destination:
            legs.append(Leg(kind=LegKind.TRUNK, wave=Wave.TRUNK, hub=origin, to_hub=destination, **whole))
        wave = Wave.TOWN_DELIVERY if shipment.direction == "up" else Wave.VILLAGE_LOOP
        legs.append(Leg(kind=LegKind.DELIVER, wave=wave, hub=destination, **whole))
    for seq, leg in enumerate(legs, start=1):
        leg.shipment, leg.seq = shipment, seq
    return legs
