"""收据: one per seller, corrected after refunds, read by those whom it concerns."""

import pytest
from django.test import Client

from farmers.models import Farmer
from marketplace.accounts.services.memberships import grant
from marketplace.accounts.services.sign_in import principal_of, sign_in_with_pin
from marketplace.kernel.errors import Conflict, InvalidInput, NotFound
from orders.errors import NotPayable
from orders.models import Receipt, ReceiptTitle
from orders.services.documents.receipts import (
    correct_receipts,
    invoices_to_issue,
    receipt_for,
    receipts_of,
    record_invoice,
    request_receipts,
)
from orders.services.redress.refunding import refund_line
from tests.factories.accounts import make_principal, make_user
from tests.factories.catalog import make_lot
from tests.factories.orders import deliver, make_buyer, make_order, make_paid_order

COMPANY = {
    "kind": "company",
    "title": "宜春某某贸易有限公司",
    "tax_number": "91350100M000100Y43",
    "email": "cw@example.cn",
}
PERSON = {"kind": "person", "title": "李先生"}
NUMBER = "26362000000012345678"


@pytest.fixture
def order(market):
    """Two sellers and the delivery: 32.00 + 32.00 + 3.00."""
    other = make_lot(station=market.station)
    return make_paid_order(market, (market.kiwi, 1), (other, 1))


def ask(market, order, **title):
    return request_receipts(principal=market.principal, order_uuid=order.uuid, **(title or COMPANY))


def platform():
    return make_principal("platform", scope_kind="platform")


def refund(order, line, amount_fen):
    refund_line(principal=platform(), line_uuid=line.uuid, amount_fen=amount_fen, reason="坏果")


def test_one_for_each_seller_and_one_for_the_delivery_add_up_to_what_was_paid(market, order):
    made = ask(market, order)
    assert [row.number for row in made] == [f"{order.number}-{n}" for n in (1, 2, 3)]
    assert sum(row.total_fen for row in made) == order.agreed_max_fen
    assert [row.merchant_uuid for row in made][2] is None
    assert {row.merchant_uuid for row in made[:2]} == {line.seller_uuid for line in order.lines.all()}
    assert {(row.title, row.tax_number) for row in made} == {(COMPANY["title"], COMPANY["tax_number"])}
    assert [row.tax_kind for row in made] == ["own_produce", "own_produce", "transport"]
    assert made[0].lines == [{"text": market.kiwi.product.name, "quantity": "1", "amount_fen": 3_200}]


def test_asking_again_changes_nothing_and_another_title_makes_the_next_revision(market, order):
    first = ask(market, order)
    assert ask(market, order) == first
    second = ask(market, order, **PERSON)
    assert [(row.corrects, row.revision) for row in second] == [(row, 2) for row in first]
    assert (ReceiptTitle.objects.get().title, Receipt.objects.count()) == ("李先生", 6)


def test_a_refund_corrects_the_receipt_of_its_seller_alone_and_a_full_one_voids_it(market, order):
    line = order.lines.order_by("pk").first()
    first = ask(market, order)
    refund(order, line, 700)
    deliver()
    assert correct_receipts(order_uuid=order.uuid) in (0, 1)
    corrected = Receipt.objects.get(revision=2)
    assert (corrected.corrects, corrected.total_fen) == (first[0], 2_500)
    refund(order, line, 2_500)
    assert correct_receipts(order_uuid=order.uuid) == 1
    void = Receipt.objects.get(revision=3)
    assert (void.number, void.total_fen, void.lines) == (f"{order.number}-1-3", 0, [])
    assert Receipt.objects.get(pk=first[0].pk).total_fen == 3_200  # what was said stays said


def test_nothing_is_made_for_whom_nobody_asked(market, order):
    refund(order, order.lines.first(), 100)
    assert correct_receipts(order_uuid=order.uuid) == 0
    assert not Receipt.objects.exists()


def test_before_payment_and_for_others_there_is_none(market, order):
    unpaid = make_order(market, (market.rice, 500), buyer=make_buyer(market.place))
    with pytest.raises(NotPayable):
        request_receipts(principal=principal_of(unpaid.buyer), order_uuid=unpaid.uuid, **PERSON)
    stranger = principal_of(make_buyer(market.place))
    for act in (request_receipts, receipts_of):
        with pytest.raises(NotFound):
            act(principal=stranger, order_uuid=order.uuid, **(PERSON if act is request_receipts else {}))
    with pytest.raises(InvalidInput):
        ask(market, order, kind="company", title="无税号", tax_number="1")
    assert not ReceiptTitle.objects.exists()


def test_a_seller_sees_his_own_alone_and_notes_the_invoice_once(market, order):
    made = {row.merchant_uuid: row for row in ask(market, order)}
    farmer = make_user()
    grant(user=farmer, role="farmer", scope_kind="farmer", scope_uuid=market.farmer.uuid)
    seller, own = principal_of(farmer), made[market.farmer.uuid]
    assert receipts_of(principal=seller, order_uuid=order.uuid) == [own]
    assert receipt_for(principal=seller, receipt_uuid=own.uuid) == own
    other = next(row for key, row in made.items() if key not in (None, market.farmer.uuid))
    with pytest.raises(NotFound):
        receipt_for(principal=seller, receipt_uuid=other.uuid)
    with pytest.raises(NotFound):
        record_invoice(principal=seller, receipt_uuid=other.uuid, invoice_number=NUMBER)
    assert invoices_to_issue(principal=seller, farmer_uuid=market.farmer.uuid) == [own]
    for _ in range(2):
        done = record_invoice(principal=seller, receipt_uuid=own.uuid, invoice_number=NUMBER)
    assert (done.invoice_number, done.invoiced_by_uuid) == (NUMBER, farmer.uuid)
    assert invoices_to_issue(principal=seller, farmer_uuid=market.farmer.uuid) == []
    with pytest.raises(Conflict):
        record_invoice(principal=seller, receipt_uuid=own.uuid, invoice_number=NUMBER[::-1])


def test_a_corrected_receipt_is_invoiced_by_its_correction(market, order):
    line = order.lines.get(seller_uuid=market.farmer.uuid)
    first = next(row for row in ask(market, order) if row.merchant_uuid == market.farmer.uuid)
    refund(order, line, 200)
    correct_receipts(order_uuid=order.uuid)
    officer = make_user()
    grant(
        user=officer, role="information_officer", scope_kind="station", scope_uuid=market.farmer.station.uuid
    )
    agent = principal_of(officer)
    with pytest.raises(Conflict):
        record_invoice(principal=agent, receipt_uuid=first.uuid, invoice_number=NUMBER)
    [second] = invoices_to_issue(principal=agent, farmer_uuid=market.farmer.uuid)
    assert (second.corrects, second.total_fen) == (first, 3_000)
    done = record_invoice(principal=platform(), receipt_uuid=second.uuid, invoice_number=NUMBER)
    assert (done.invoice_number, Receipt.objects.get(pk=first.pk).invoice_number) == (NUMBER, "")


def test_the_pdf_is_for_its_buyer(market, order):
    [receipt, *_] = ask(market, order)
    buyer, stranger = order.buyer, make_user(pin="2580")
    buyer.set_password("2580")
    buyer.save()

    def fetch(user):
        token, _ = sign_in_with_pin(phone=user.phone, pin="2580")
        return Client().get(f"/receipts/{receipt.uuid}.pdf", headers={"authorization": f"Bearer {token}"})

    answer = fetch(buyer)
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
    assert fetch(stranger).status_code == 404
    assert Client().get(f"/receipts/{receipt.uuid}.pdf").status_code == 401


def test_who_names_no_seller_is_shown_what_he_may_invoice(market, order):
    made = {row.merchant_uuid: row for row in ask(market, order)}
    farmer, officer = make_user(), make_user()
    grant(user=farmer, role="farmer", scope_kind="farmer", scope_uuid=market.farmer.uuid)
    grant(
        user=officer, role="information_officer", scope_kind="station", scope_uuid=market.farmer.station.uuid
    )
    stations = {key for key in made if key and Farmer.objects.get(uuid=key).station == market.farmer.station}

    def shown(principal):
        return {row.merchant_uuid for row in invoices_to_issue(principal=principal)}

    assert shown(principal_of(farmer)) == {market.farmer.uuid}
    assert shown(principal_of(officer)) == stations
    assert shown(platform()) == set(made)
    assert shown(market.principal) == set()
