"""A receipt as a PDF, in the reader's language."""

from django.utils.translation import gettext

from marketplace.documents.pdf import Column, table_pdf
from marketplace.kernel import clock
from marketplace.kernel.errors import N_
from marketplace.kernel.money import format_yuan
from orders.invoices import TaxKind
from orders.models import Receipt

TAX_WORDS = {
    TaxKind.OWN_PRODUCE: N_("自产农产品，免征增值税"),
    TaxKind.SELLERS_RATE: N_("按卖家适用税率"),
    TaxKind.TRANSPORT: N_("配送服务"),
}
NOTE = N_("本收据是付款凭证，不是发票；发票由卖家开具。")


def receipt_pdf(receipt: Receipt) -> bytes:
    """Title, who sold, who paid, what was paid and kept; a correction names what it corrects."""
    own = receipt.merchant_uuid is None  # our own words are translated, a seller's are not
    facts = [
        (gettext("收据编号"), receipt.number),
        (gettext("订单号"), receipt.order.number),
        (gettext("开具时间"), receipt.issued_at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M")),
        (gettext("卖家"), gettext(receipt.seller_name) if own else receipt.seller_name),
        (gettext("抬头"), receipt.title),
        *([(gettext("税号"), receipt.tax_number)] if receipt.tax_number else []),
        *([(gettext("邮箱"), receipt.email)] if receipt.email else []),
        (gettext("计税"), gettext(TAX_WORDS[TaxKind(receipt.tax_kind)])),
        *([(gettext("更正"), receipt.corrects.number)] if receipt.corrects else []),
        *([(gettext("发票号码"), receipt.invoice_number)] if receipt.invoice_number else []),
    ]
    rows = [
        (gettext(line["text"]) if own else line["text"], line["quantity"], format_yuan(line["amount_fen"]))
        for line in receipt.lines
    ]
    columns = [
        Column(gettext("商品"), 40),
        Column(gettext("数量"), 14),
        Column(gettext("金额（元）"), 14, right=True),
    ]
    total = gettext("合计") + "  " + format_yuan(receipt.total_fen)
    notes = [total, gettext(NOTE)]
    if not receipt.total_fen:
        notes.insert(1, gettext("货款已全部退回，原收据作废。"))
    return table_pdf(title=gettext("收据"), columns=columns, rows=rows, facts=facts, notes=notes)
