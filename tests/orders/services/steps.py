"""The steps of a fulfilment that the tests of orders share: scale, hub, cabinet, collection."""

from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, hand_over
from marketplace.kernel import clock
from marketplace.places.models import Vehicle
from orders.ledger.services import balance, trial_balance
from orders.services.fulfilment import arrivals
from orders.services.fulfilment.packing import Portion, pack_fulfilment
from orders.services.fulfilment.weigh_in import weigh_in
from tests.factories.farmers import make_officer
from tests.factories.orders import Market


def owed(kind, owner=None):
    return -balance(kind=kind, owner=owner)


def books_balance() -> bool:
    return sum(row.amount_fen for row in trial_balance()) == 0


def weigh(market: Market, lot, gross_g, tare_g=1_000):
    return weigh_in(
        principal=make_officer(lot.station),
        station_uuid=lot.station.uuid,
        lot_uuid=lot.uuid,
        gross_g=gross_g,
        tare_g=tare_g,
    )


def crate_at_hub(market: Market, lot, net_g) -> HandlingUnit:
    """Weighed in at its station, and brought to the hub by a van."""
    row = weigh(market, lot, net_g + 1_000)
    unit = HandlingUnit.objects.get(uuid=row.unit_uuid)
    van = Vehicle.objects.filter(hub=market.hub, is_trunk=False).first()
    for holder in (Holder("vehicle", van.uuid), Holder("hub", market.hub.uuid)):
        hand_over(unit=unit, to=holder, place_uuid=market.hub.place.uuid)
    return HandlingUnit.objects.get(pk=unit.pk)


def pack(market: Market, order, *net_g, crates=None):
    """Portions for the lines of the order's first fulfilment, each from its own crate."""
    part = order.fulfilments.order_by("pk").first()
    lines = list(part.lines.order_by("pk"))
    crates = crates or [crate_at_hub(market, line.lot, line.ordered.net_g + 500) for line in lines]
    portions = [
        Portion(line_uuid=line.uuid, unit_uuid=crate.uuid, net_g=grams)
        for line, crate, grams in zip(lines, crates, net_g, strict=True)
    ]
    return pack_fulfilment(principal=market.packer, fulfilment_uuid=part.uuid, portions=portions)


def into_cabinet(market: Market, part, unit):
    """The town van puts the parcel into the cabinet."""
    van = Vehicle.objects.filter(hub=market.town, is_trunk=False).first()
    for holder in (Holder("vehicle", van.uuid), Holder("cabinet", market.cabinet.uuid)):
        hand_over(unit=HandlingUnit.objects.get(pk=unit.pk), to=holder, place_uuid=market.place.uuid)
    arrivals.note_ready(
        fulfilment_uuid=part.uuid,
        place_uuid=market.place.uuid,
        at=clock.now(),
        compartment="01",
        in_cabinet=True,
    )
    return van


def collected(market, order, *net_g):
    part, unit = pack(market, order, *net_g)
    van = into_cabinet(market, part, unit)
    arrivals.note_collected(fulfilment_uuid=part.uuid, at=clock.now())
    return van
