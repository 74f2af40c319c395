"""Receipts with invoice (发票) fields: one per seller of an order, one of the platform for the delivery (D9).

A receipt shows what the buyer has paid and not got back. After a refund the next revision corrects it and
names it; nothing is changed in place. The sellers issue the invoices: here is what they need for it, and
where they write down its number.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from farmers.models import Farmer
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, DomainError, NotFound
from marketplace.kernel.principal import Principal
from orders.errors import NotPayable
from orders.invoices import TaxKind, Title, TitleKind, checked_invoice_number, checked_title, tax_kind_of
from orders.models import Line, Receipt, ReceiptTitle
from orders.services.access import actor_uuid
from orders.services.documents.statements import owner_name
from orders.services.locking import LockedOrder, lock_order
from orders.services.reading import order_for
from orders.services.redress.cancelling import require_own
from orders.services.redress.claims import require_recipient

MAX_SHOWN = 200
PLATFORM, DELIVERY = N_("平台"), N_("配送费")


def request_receipts(
    *, principal: Principal, order_uuid: UUID, kind: str, title: str, tax_number: str = "", email: str = ""
) -> list[Receipt]:
    """Makes the order's receipts out to somebody; asked again with other words, the next revisions are.

    Raises InvalidInput naming the field, NotFound for other people's orders, NotPayable before payment.
    """
    wanted = checked_title(kind=kind, title=title, tax_number=tax_number, email=email)
    with transaction.atomic():
        locked = lock_order(uuid=order_uuid)
        require_recipient(principal, locked.order, field="order_id")
        if locked.order.paid_at is None:
            raise NotPayable(N_("付款之后才能开收据"), field="order_id")
        ReceiptTitle.objects.update_or_create(
            order=locked.order,
            defaults={
                "kind": wanted.kind, "title": wanted.title, "tax_number": wanted.tax_number,
                "email": wanted.email, "asked_by_uuid": actor_uuid(principal), "at": clock.now(),
            },
        )  # fmt: skip
        _issue(locked, wanted)
        return list(_current(Receipt.objects.filter(order=locked.order)))


def correct_receipts(*, order_uuid: UUID) -> int:
    """After money went back, or came back after all: the receipts that no longer say what was paid are
    corrected. Gives how many; none for an order of which nobody wanted any.
    """
    if not ReceiptTitle.objects.filter(order__uuid=order_uuid).exists():
        return 0
    with transaction.atomic():
        locked = lock_order(uuid=order_uuid)
        row: ReceiptTitle = ReceiptTitle.objects.get(order=locked.order)
        title = Title(kind=TitleKind(row.kind), title=row.title, tax_number=row.tax_number, email=row.email)
        return _issue(locked, title)


def receipts_of(*, principal: Principal, order_uuid: UUID) -> list[Receipt]:
    """The order's receipts, corrected ones too, for its recipient and the platform; a seller sees his own.

    Raises NotFound.
    """
    principal.require_signed_in()
    rows = Receipt.objects.filter(order__uuid=order_uuid).select_related("order", "corrects", "corrected_by")
    found = list(rows.order_by("merchant_uuid", "revision"))
    try:
        order_for(principal=principal, order_uuid=order_uuid)
    except NotFound:
        found = [row for row in found if _is_seller(principal, row.merchant_uuid)]
        if not found:
            raise
    return found


def receipt_for(*, principal: Principal, receipt_uuid: UUID) -> Receipt:
    """One receipt, for its buyer, its seller (or his station) and the platform. Raises NotFound."""
    principal.require_signed_in()
    rows = Receipt.objects.select_related("order__buyer", "order__agent_station", "corrects")
    found: Receipt | None = rows.filter(uuid=receipt_uuid).first()
    if found is None:
        raise NotFound(field="receipt_id")
    if not _is_seller(principal, found.merchant_uuid):
        try:
            require_own(principal, found.order)
        except NotFound:
            raise NotFound(field="receipt_id") from None
    return found


def invoices_to_issue(*, principal: Principal, farmer_uuid: UUID | None = None) -> list[Receipt]:
    """Receipts for companies whose invoice is still to be issued, oldest first: one seller's, or of everybody
    for whom the asker may issue them (himself, his station's farmers; the platform sees all of them).

    A receipt that was corrected after its invoice is listed again, by its correction. Raises NotFound.
    """
    principal.require_signed_in()
    rows = Receipt.objects.filter(title_kind=TitleKind.COMPANY, invoice_number="", total_fen__gt=0)
    if farmer_uuid is not None:
        owner_name(principal, "farmer", farmer_uuid)
        rows = rows.filter(merchant_uuid=farmer_uuid)
    elif not principal.has("platform"):
        own = (
            Q(user__uuid=principal.user_uuid)
            | Q(uuid__in=principal.scopes("farmer"))
            | Q(station__uuid__in=principal.scopes("information_officer"))
        )
        rows = rows.filter(merchant_uuid__in=Farmer.objects.filter(own).values("uuid"))
    return list(_current(rows).order_by("issued_at", "pk")[:MAX_SHOWN])


def record_invoice(*, principal: Principal, receipt_uuid: UUID, invoice_number: str) -> Receipt:
    """The seller, his station or (for the delivery) the platform notes the invoice that was issued.

    Writing the same number again is the same. Raises NotFound, InvalidInput, Conflict when another number
    stands there, or when a later revision corrects the receipt.
    """
    number = checked_invoice_number(invoice_number)
    with transaction.atomic():
        row: Receipt | None = (
            Receipt.objects.select_for_update(of=("self",)).filter(uuid=receipt_uuid).first()
        )
        if row is None or not _may_invoice(principal, row):
            raise NotFound(field="receipt_id")
        if row.invoice_number == number:
            return row
        if row.invoice_number:
            raise Conflict(N_("这张收据已经登记了另一张发票"), field="invoice_number")
        if Receipt.objects.filter(corrects=row).exists():
            raise Conflict(N_("这张收据已更正，请按新的收据开票"), field="receipt_id")
        row.invoice_number, row.invoiced_at = number, clock.now()
        row.invoiced_by_uuid = principal.user_uuid
        row.save(update_fields=["invoice_number", "invoiced_at", "invoiced_by_uuid"])
    return row


def _may_invoice(principal: Principal, row: Receipt) -> bool:
    if row.merchant_uuid is None:
        return principal.has("platform")
    return _is_seller(principal, row.merchant_uuid)


def _is_seller(principal: Principal, merchant_uuid: UUID | None) -> bool:
    """Whose goods these are, or his station; the platform for its own deliveries."""
    if merchant_uuid is None:
        return principal.has("platform")
    try:
        owner_name(principal, "farmer", merchant_uuid)
    except DomainError:
        return False
    return True


def _current(rows: "QuerySet[Receipt]") -> "QuerySet[Receipt]":
    """The latest revision of each."""
    joined = rows.select_related("order", "corrects", "corrected_by")
    return joined.filter(corrected_by=None).order_by("pk")


def _issue(locked: LockedOrder, title: Title) -> int:
    """Under the order's lock: a revision for every seller whose last receipt says something else."""
    count = 0
    standing = {row.merchant_uuid: row for row in _current(Receipt.objects.filter(order=locked.order))}
    for position, (merchant, content) in enumerate(_contents(locked).items(), start=1):
        earlier = standing.get(merchant)
        if earlier is None and not content["total_fen"]:
            continue  # all of it went back before anybody wanted a receipt
        fields = content | {
            "title_kind": title.kind, "title": title.title, "tax_number": title.tax_number,
            "email": title.email,
        }  # fmt: skip
        if earlier is not None and all(getattr(earlier, name) == value for name, value in fields.items()):
            continue
        revision = earlier.revision + 1 if earlier else 1
        number = f"{locked.order.number}-{position}" + (f"-{revision}" if revision > 1 else "")
        Receipt.objects.create(
            order=locked.order, merchant_uuid=merchant, number=number, revision=revision, corrects=earlier,
            issued_at=clock.now(), **fields,
        )  # fmt: skip
        count += 1
    return count


def _contents(locked: LockedOrder) -> Mapping[UUID | None, dict[str, Any]]:
    """seller -> what his receipt says; a fixed order, so that numbers stay."""
    lines: dict[UUID, list[Line]] = {}
    for line in locked.lines:
        lines.setdefault(line.merchant_uuid, []).append(line)
    names = dict(Farmer.objects.filter(uuid__in=lines).values_list("uuid", "name"))
    found: dict[UUID | None, dict[str, Any]] = {
        merchant: _content(names.get(merchant, rows[0].listing["seller"]), rows)
        for merchant, rows in lines.items()
    }
    if locked.order.delivery_fen:
        refunds = locked.order.refunds.filter(line=None, failed_at=None)
        kept_fen = locked.order.delivery_fen - sum(refunds.values_list("amount_fen", flat=True))
        # Kept in the source language: two readers must not make two revisions.
        delivery = [{"text": DELIVERY, "quantity": "1", "amount_fen": kept_fen}]
        found[None] = {
            "seller_name": PLATFORM,
            "tax_kind": TaxKind.TRANSPORT,
            "lines": delivery if kept_fen else [],
            "total_fen": kept_fen,
        }
    return found


def _content(name: str, rows: list[Line]) -> dict[str, Any]:
    kept = [line for line in rows if line.kept_fen]
    return {
        "seller_name": name,
        "tax_kind": tax_kind_of(str(rows[0].listing.get("seller_kind", ""))),
        "lines": [
            {"text": line.listing["product"], "quantity": quantity_text(line), "amount_fen": line.kept_fen}
            for line in kept
        ],
        "total_fen": sum(line.kept_fen for line in kept),
    }


def quantity_text(line: Line) -> str:
    """Legal units: kilograms as weighed (as ordered before that), or pieces."""
    if line.unit == "g":
        grams = line.actual_weight_g if line.actual_weight_g is not None else line.quantity
        return f"{grams / 1000:g} kg"
    return str(line.quantity - line.short_quantity)
