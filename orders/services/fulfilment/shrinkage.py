"""Goods that were weighed in and never reached a portion: beyond 2 % the holder answers for them (day.md).

The farmer is owed for what he handed over and somebody ordered. What the buyers' portions fall short of
that, less the allowed shrinkage, is posted once per lot, day and packer: the holder's liability against
the seller's claim. Crates that never came to the packer are not lost: they stand somewhere else in
custody.
"""

from datetime import date
from uuid import UUID

from catalog.kinds import Unit
from catalog.models import Lot
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder
from marketplace.kernel import clock
from marketplace.kernel.money import round_half_up
from marketplace.kernel.units import KG_G
from marketplace.outbox.publishing import publish
from orders.events import GoodsLost
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerTransaction
from orders.ledger.services import credit, debit, post
from orders.models import Line, PortionWeight
from orders.services.fulfilment.weigh_in import crates_of, lines_due
from orders.weighing import excess_shrinkage_g


def settle_shrinkage(*, lot: Lot, day: date, packer: Holder) -> int:
    """Post what the packer lost, once nobody waits for a portion of the lot; gives the fen, 0 for nothing."""
    key = f"{lot.uuid}:{day.isoformat()}:{packer.uuid}"
    settled = LedgerTransaction.objects.filter(provider="orders", kind="goods_lost", external_id=key)
    if lines_due(lot=lot, day=day) or settled.exists():
        return 0
    lines = Line.objects.filter(lot=lot, fulfilment__deliver_on=day, actual_weight_g__isnull=False)
    ordered_g = sum(line.ordered.net_g for line in lines)
    owed_g = min(ordered_g, _came_to(packer, lot, day))
    lost_g = excess_shrinkage_g(weighed_in_g=owed_g, portioned_g=_portioned(lot, day))
    amount_fen = _value_fen(lot, lost_g)
    if amount_fen == 0:
        return 0
    post(
        kind="goods_lost",
        key=key,
        occurred_at=clock.now(),
        source="orders",
        memo=f"{lot.product.name} {lost_g} g",
        entries=[
            debit(AccountKind.HOLDER_LIABILITY, amount_fen, packer.uuid),
            credit(AccountKind.SELLER_PAYABLE, amount_fen, lot.seller.uuid),
        ],
    )
    publish(
        GoodsLost(
            lot=lot.uuid,
            holder_kind=packer.kind,
            holder=packer.uuid,
            grams=lost_g,
            amount_fen=amount_fen,
        ),
        aggregate_kind="lot",
        aggregate_uuid=lot.uuid,
    )
    return amount_fen


def _came_to(packer: Holder, lot: Lot, day: date) -> int:
    """Net grams of the day's crates of the lot that the packer holds, as the station weighed them."""
    crates = {row.unit_uuid: row.net_g for row in crates_of(lot=lot, day=day)}
    here: list[UUID] = list(
        HandlingUnit.objects.filter(
            uuid__in=crates, holder_kind=packer.kind, holder_uuid=packer.uuid
        ).values_list("uuid", flat=True)
    )
    return sum(crates[uuid] for uuid in here)


def _portioned(lot: Lot, day: date) -> int:
    """Grams taken out of the day's crates of the lot."""
    crates = crates_of(lot=lot, day=day).values("unit_uuid")
    rows = PortionWeight.objects.filter(lot=lot, crate_uuid__in=crates)
    return sum(rows.values_list("net_g", flat=True))


def _value_fen(lot: Lot, grams: int) -> int:
    per_g = KG_G if lot.product.unit == Unit.GRAM else lot.product.unit_net_g
    return round_half_up(lot.price_fen * grams, per_g) if per_g else 0
