"""The event behind a row of a statement, for the owner who opens it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext

from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.money import format_yuan
from marketplace.kernel.principal import Principal
from orders.ledger.models import LedgerTransaction
from orders.models import Fulfilment, Line, LineRefund, Order, WeighIn
from orders.services.documents.statement_words import title_of
from orders.services.documents.statements import KINDS, owner_name


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class StatementEvent:
    title: str
    at: datetime
    facts: list[Fact]


def statement_event(
    *, principal: Principal, owner_kind: str, owner_uuid: UUID, transaction_uuid: UUID
) -> StatementEvent:
    """What happened, when, to which goods. Raises NotFound for a posting that is none of the owner's."""
    owner_name(principal, owner_kind, owner_uuid)
    owner = None if owner_kind == "platform" else owner_uuid
    posting: LedgerTransaction | None = (
        LedgerTransaction.objects.filter(
            uuid=transaction_uuid,
            entries__account__kind__in=KINDS[owner_kind],
            entries__account__owner_uuid=owner,
        )
        .distinct()
        .first()
    )
    if posting is None:
        raise NotFound(field="transaction_id")
    return StatementEvent(
        title=title_of(owner_kind=owner_kind, kind=posting.kind, memo=posting.memo),
        at=posting.occurred_at,
        facts=_facts(posting),
    )


def _facts(posting: LedgerTransaction) -> list[Fact]:
    line = _line_of(posting)
    if line is not None:
        return _line_facts(line)
    if posting.external_id.startswith("delivery:"):
        part = Fulfilment.objects.select_related("destination", "order").filter(
            uuid=posting.external_id.removeprefix("delivery:")
        )
        return [fact for row in part for fact in (_number(row.order), *_handed_over(row))]
    intent = _uuid(posting.reference)
    order = Order.objects.filter(lines__intent_reference=intent).first() if intent else None
    facts = [_number(order)] if order is not None else []
    return [*facts, Fact(gettext("说明"), posting.memo)] if posting.memo else facts


def _line_of(posting: LedgerTransaction) -> Line | None:
    """The order line that a posting is about: settled under its uuid, taken back under its refund's key."""
    rows = Line.objects.select_related("order", "fulfilment__destination", "lot")
    found: Line | None = None
    if posting.kind == "settled":
        uuid = _uuid(posting.external_id)
        found = rows.filter(uuid=uuid).first() if uuid else None
    elif posting.kind == "taken_back":
        refund = LineRefund.objects.filter(key=posting.external_id.removeprefix("refund:")).first()
        found = rows.filter(pk=refund.line_id).first() if refund and refund.line_id else None
    return found


def _line_facts(line: Line) -> list[Fact]:
    amount = f"{line.quantity} g" if line.unit == "g" else gettext("{n} 件").format(n=line.quantity)
    facts = [
        _number(line.order),
        Fact(gettext("商品"), str(line.listing["product"])),
        Fact(gettext("订购"), amount),
        Fact(gettext("下单金额"), format_yuan(line.max_amount_fen)),
    ]
    if line.actual_weight_g is not None:
        facts.append(Fact(gettext("分装实重"), f"{line.actual_weight_g} g"))
    for crate in WeighIn.objects.filter(lot=line.lot, at__date=line.fulfilment.deliver_on).order_by("at"):
        facts.append(Fact(gettext("站点称重"), f"{_moment(crate.at)} {crate.net_g} g"))
    for refund in line.refunds.order_by("pk"):
        why = refund.note or str(refund.get_reason_display())
        facts.append(Fact(gettext("退款"), f"{_moment(refund.at)} {format_yuan(refund.amount_fen)} {why}"))
    return [*facts, *_handed_over(line.fulfilment)]


def _handed_over(part: Fulfilment) -> list[Fact]:
    if part.collected_at is None:
        return []
    return [Fact(gettext("取件"), f"{_moment(part.collected_at)} {part.destination.name}")]


def _number(order: Order) -> Fact:
    return Fact(gettext("订单号"), order.number)


def _moment(at: datetime) -> str:
    return at.astimezone(clock.SHANGHAI).strftime("%m-%d %H:%M")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
