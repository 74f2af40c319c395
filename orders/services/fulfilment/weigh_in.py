"""The station's scale: a crate becomes a unit, and the farmer has handed it over (称重验收)."""

from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from catalog.models import Lot
from farmers.services.access import station_for
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Content, Holder, create_unit, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import require_readable
from marketplace.kernel.units import KG_G, Size
from marketplace.outbox.publishing import publish
from orders.events import WeighedIn
from orders.models import Fulfilment, Line, WeighIn
from orders.services.access import actor_uuid
from orders.states import BEFORE_PACKING, LineStatus
from orders.weighing import net_of_crate

CRATE_MAX_ML = 120_000
#: letters of a code on a crate
MAX_CODE = 40


def weigh_in(
    *,
    principal: Principal,
    station_uuid: UUID,
    lot_uuid: UUID,
    gross_g: int,
    tare_g: int,
    crate_code: str | None = None,
    temperature_c: float | None = None,
) -> WeighIn:
    """Record a crate of one lot: unit at the farmer -> hand-over to the station -> WeighIn row -> WeighedIn.

    A physical fact is recorded even when nobody ordered it. Raises Forbidden for another station's officer,
    NotFound for a lot of another station, InvalidInput for impossible weights, CodeTaken.
    """
    actor = actor_uuid(principal)
    station = station_for(principal=principal, station_uuid=station_uuid)
    lot = Lot.objects.select_related("product", "seller").filter(uuid=lot_uuid, station=station).first()
    if lot is None:
        raise NotFound(field="lot_id")
    net_g = net_of_crate(gross_g=gross_g, tare_g=tare_g)
    require_readable(temperature_c)
    code = _checked_code(crate_code)
    with transaction.atomic():
        # Race: two crates of one lot on two scales; the lot's row orders them, so `weighed_before_g` adds up.
        Lot.objects.select_for_update().get(pk=lot.pk)
        row = WeighIn(
            station=station,
            lot=lot,
            gross_g=gross_g,
            tare_g=tare_g,
            ordered_g=ordered_g(lot=lot, day=clock.today()),
            weighed_before_g=weighed_g(lot=lot, day=clock.today()),
            temperature_c=temperature_c,
            at=clock.now(),
            recorded_at=clock.wall(),
            weighed_by_uuid=actor,
        )
        row.unit_uuid = _hand_in_crate(row, code, actor).uuid
        row.save(force_insert=True)
        publish(
            WeighedIn(weigh_in=row.uuid, lot=lot.uuid, station=station_uuid, unit=row.unit_uuid, net_g=net_g),
            aggregate_kind="lot",
            aggregate_uuid=lot.uuid,
            actor_uuid=actor,
        )
    return row


def _hand_in_crate(row: WeighIn, code: str | None, actor: UUID) -> HandlingUnit:
    """The crate as a unit: the farmer's at first, then the station's."""
    lot, station = row.lot, row.station
    unit = create_unit(
        kind="crate",
        zone=lot.zone,
        gross_g=row.gross_g,
        tare_g=row.tare_g,
        volume_ml=crate_volume_ml(lot, row.net_g),
        size=Size.NONE,
        holder=Holder("farmer", lot.seller.uuid),
        contents=[Content("lot", lot.uuid, row.net_g)],
        place_uuid=station.place.uuid,
        code=code or None,
        actor_uuid=actor,
    )
    scale = {"kind": "weigh_in", "weigh_in": str(row.uuid), "gross_g": row.gross_g, "tare_g": row.tare_g}
    hand_over(
        unit=unit,
        to=Holder("station", station.uuid),
        place_uuid=station.place.uuid,
        actor_uuid=actor,
        temperature_c=row.temperature_c,
        proof=scale,
    )
    return unit


def ordered_g(*, lot: Lot, day: date) -> int:
    """Net grams of the lot that paid orders ask for on `day`."""
    return sum(line.ordered.net_g for line in lines_due(lot=lot, day=day))


def weighed_g(*, lot: Lot, day: date) -> int:
    """Net grams of the lot weighed in on `day` so far."""
    return sum(crate.net_g for crate in crates_of(lot=lot, day=day))


def crates_of(*, lot: Lot, day: date) -> QuerySet[WeighIn]:
    """The lot's crates of one business day that did not go back to the farmer."""
    start, end = clock.at(day, 0), clock.at(day + timedelta(days=1), 0)
    crates: QuerySet[WeighIn] = WeighIn.objects.filter(lot=lot, at__gte=start, at__lt=end)
    return still_handed_in(crates)


def still_handed_in(crates: QuerySet[WeighIn]) -> QuerySet[WeighIn]:
    """Without those that went back to their farmer."""
    returned = HandlingUnit.objects.filter(uuid=OuterRef("unit_uuid"), holder_kind="farmer")
    return crates.filter(~Exists(returned))


def lines_due(*, lot: Lot, day: date) -> list[Line]:
    firm = Fulfilment.objects.filter(deliver_on=day, status__in=BEFORE_PACKING)
    return list(Line.objects.filter(lot=lot, fulfilment__in=firm, status=LineStatus.FIRM))


def crate_volume_ml(lot: Lot, net_g: int) -> int:
    """What the crate takes up in a van: by the product's own bulk, at most a full crate."""
    product = lot.product
    per_kg_ml = product.volume_ml
    if product.unit_net_g:
        per_kg_ml = product.volume_ml * KG_G // product.unit_net_g
    return min(CRATE_MAX_ML, max(1, per_kg_ml * net_g // KG_G))


def _checked_code(crate_code: str | None) -> str | None:
    """What is printed on the crate; None for a crate without a code. Raises InvalidInput."""
    code = (crate_code or "").strip()
    if len(code) > MAX_CODE:
        raise InvalidInput(N_("最多 %(most)s 个字"), field="crate_code", params={"most": MAX_CODE})
    return code or None
