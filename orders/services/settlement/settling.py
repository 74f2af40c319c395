"""Who earned what, posted when the recipient has the goods (D13): held money becomes what each party is owed.

Keys make each posting happen once: a line, and the delivery of a fulfilment, are settled under their uuid.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from marketplace.custody.models import CustodyEvent
from marketplace.places.models import Vehicle
from orders import pricing
from orders.ledger.accounts import AccountKind
from orders.ledger.services import settle
from orders.models import Fulfilment, Line, Order
from orders.pricing import Agency, FeeRules, Party
from orders.services.locking import LockedOrder, save
from orders.states import LineStatus

Parts = dict[tuple[AccountKind, UUID | None], int]


def freeze_rules(rules: FeeRules) -> dict[str, Any]:
    """The rules as they are stored with an order (D4)."""
    return {**asdict(rules), "valid_from": rules.valid_from.isoformat()}


def rules_of(order: Order) -> FeeRules:
    stored = dict(order.fee_rules)
    return FeeRules(**{**stored, "valid_from": date.fromisoformat(stored["valid_from"])})


def settle_fulfilment(locked: LockedOrder, part: Fulfilment, *, at: datetime) -> None:
    """Divide what was kept of each packed line, and the delivery fee. Refunded lines earn nothing."""
    for line in locked.lines_of(part):
        if line.status != LineStatus.PACKED:
            continue
        parts = goods_parts(locked.order, line, line.kept_fen)
        if parts:
            settle(
                key=str(line.uuid),
                merchant=line.merchant_uuid,
                parts=parts,
                occurred_at=at,
                reference=locked.order.number,
                memo=line.listing["product"],
            )
        locked.move_line(line, LineStatus.COLLECTED, settled_at=at)
    settle_delivery(locked, part, at=at)


def settle_delivery(locked: LockedOrder, part: Fulfilment, *, at: datetime) -> None:
    """It was driven: the carrier and the platform have earned the delivery fee."""
    if part.delivery_fen:
        settle(
            key=f"delivery:{part.uuid}",
            merchant=None,
            parts=delivery_parts(locked.order, part, part.delivery_fen),
            occurred_at=at,
            reference=locked.order.number,
        )
        save(part, delivery_settled_at=at)


def goods_parts(order: Order, line: Line, kept_fen: int) -> Parts:
    """What each party earns of `kept_fen` paid for this line."""
    agency = Agency(line.agency)
    split = pricing.split_goods(amount_fen=kept_fen, rules=rules_of(order), agency=agency)
    return _owned(
        split, seller=line.seller_uuid, station=line.agent_station_uuid, income=AccountKind.COMMISSION
    )


def goods_taken_back(order: Order, line: Line, *, before_fen: int, after_fen: int) -> Parts:
    """What each party gives back when the kept sum of a settled line falls; partial ones add up exactly."""
    before, after = goods_parts(order, line, before_fen), goods_parts(order, line, after_fen)
    return {owner: before[owner] - after.get(owner, 0) for owner in before}


def delivery_parts(order: Order, part: Fulfilment, fee_fen: int) -> Parts:
    split = pricing.split_delivery(fee_fen=fee_fen, rules=rules_of(order))
    carrier = last_carrier(part.unit_uuid)
    if carrier is None:
        # Nobody drove it (collected where it was packed): the courier's share stays with the platform.
        return {(AccountKind.DELIVERY_INCOME, None): fee_fen}
    return _owned(split, courier=carrier, income=AccountKind.DELIVERY_INCOME)


def last_carrier(unit_uuid: UUID | None) -> UUID | None:
    """The firm whose van made the last hand-over of the parcel, from the custody chain."""
    vehicle = last_vehicle(unit_uuid)
    if vehicle is None:
        return None
    found: UUID | None = Vehicle.objects.filter(uuid=vehicle).values_list("carrier__uuid", flat=True).first()
    return found


def last_vehicle(unit_uuid: UUID | None) -> UUID | None:
    if unit_uuid is None:
        return None
    event = CustodyEvent.objects.filter(unit__uuid=unit_uuid, from_kind="vehicle").order_by("-seq").first()
    return event.from_uuid if event is not None else None


def _owned(
    split: Mapping[Party, int],
    *,
    income: AccountKind,
    seller: UUID | None = None,
    station: UUID | None = None,
    courier: UUID | None = None,
) -> Parts:
    accounts = {
        Party.SELLER: (AccountKind.SELLER_PAYABLE, seller),
        Party.STATION: (AccountKind.STATION_PAYABLE, station),
        Party.COURIER: (AccountKind.COURIER_PAYABLE, courier),
        Party.PLATFORM: (income, None),
    }
    return {accounts[party]: fen for party, fen in split.items() if fen}
