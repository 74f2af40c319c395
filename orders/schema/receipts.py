"""Receipts as GraphQL shows them."""

import graphene

from marketplace.api.guard import SIGNED_IN, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from orders.schema.types import many
from orders.services.documents import receipts


class ReceiptLineType(graphene.ObjectType):
    class Meta:
        name = "ReceiptLine"

    text = graphene.String(required=True)
    quantity = graphene.String(required=True)
    amount_fen = graphene.Int(required=True)


class ReceiptType(graphene.ObjectType):
    """What one seller was paid of an order, with the fields that an invoice (发票) needs."""

    class Meta:
        name = "Receipt"

    id = graphene.ID(required=True)
    number = graphene.String(required=True)
    order_number = graphene.String(required=True)
    seller_id = graphene.ID(description="empty: the platform, for the delivery")
    seller_name = graphene.String(required=True)
    tax_kind = graphene.String(required=True, description="own_produce, sellers_rate or transport")
    title_kind = graphene.String(required=True, description="person or company")
    title = graphene.String(required=True)
    tax_number = graphene.String(required=True)
    email = graphene.String(required=True)
    lines = many(ReceiptLineType)
    total_fen = graphene.Int(required=True)
    issued_at = graphene.DateTime(required=True)
    corrects = graphene.String(description="the number of the receipt that this one corrects")
    current = graphene.Boolean(required=True, description="no later revision corrects it")
    invoice_number = graphene.String(required=True, description="of the invoice that the seller issued")
    pdf_path = graphene.String(required=True)

    def resolve_id(row, info):
        return row.uuid

    def resolve_order_number(row, info):
        return row.order.number

    def resolve_seller_id(row, info):
        return row.merchant_uuid

    def resolve_corrects(row, info):
        return row.corrects.number if row.corrects else None

    def resolve_current(row, info):
        return not hasattr(row, "corrected_by")

    def resolve_pdf_path(row, info):
        return f"/receipts/{row.uuid}.pdf"


class RequestReceipts(Command):
    class Arguments:
        order_id = graphene.ID(required=True)
        kind = graphene.String(required=True, description="person or company")
        title = graphene.String(required=True)
        tax_number = graphene.String(default_value="", description="a company's, 18 characters")
        email = graphene.String(default_value="")

    receipts = graphene.List(graphene.NonNull(ReceiptType))
    rule = SIGNED_IN
    idempotent = True

    @classmethod
    def perform(cls, principal, *, order_id, kind, title, tax_number="", email=""):
        made = receipts.request_receipts(
            principal=principal,
            order_uuid=parse_uuid(order_id, "order_id"),
            kind=kind,
            title=title,
            tax_number=tax_number,
            email=email,
        )
        return {"receipts": made}


class RecordInvoice(Command):
    class Arguments:
        receipt_id = graphene.ID(required=True)
        invoice_number = graphene.String(required=True)

    receipt = graphene.Field(ReceiptType)
    rule = roles("farmer", "information_officer", "platform")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, receipt_id, invoice_number):
        receipt = receipts.record_invoice(
            principal=principal,
            receipt_uuid=parse_uuid(receipt_id, "receipt_id"),
            invoice_number=invoice_number,
        )
        return {"receipt": receipt}


class ReceiptsQuery(graphene.ObjectType):
    receipts = graphene.List(
        graphene.NonNull(ReceiptType), required=True, order_id=graphene.ID(required=True)
    )
    invoices_to_issue = graphene.List(
        graphene.NonNull(ReceiptType),
        required=True,
        farmer_id=graphene.ID(description="empty: of everybody for whom the asker may issue them"),
    )

    @guarded(SIGNED_IN)
    def resolve_receipts(root, info, order_id):
        return receipts.receipts_of(
            principal=info.context.principal, order_uuid=parse_uuid(order_id, "order_id")
        )

    @guarded(SIGNED_IN)
    def resolve_invoices_to_issue(root, info, farmer_id=None):
        return receipts.invoices_to_issue(
            principal=info.context.principal,
            farmer_uuid=parse_uuid(farmer_id, "farmer_id") if farmer_id else None,
        )


class ReceiptsMutation(graphene.ObjectType):
    request_receipts = RequestReceipts.Field()
    record_invoice = RecordInvoice.Field()
