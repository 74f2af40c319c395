"""坏果包赔: a photo and a share within the window; small sums at once, silence grants, disputes go up."""

from datetime import timedelta

import pytest

from farmers.models import EvidenceFile
from marketplace.accounts.models import Membership, User
from marketplace.accounts.services.memberships import grant
from marketplace.accounts.services.sign_in import principal_of
from marketplace.kernel import clock, ids
from marketplace.kernel.errors import Conflict, Expired, Forbidden, InvalidInput, NotFound
from marketplace.messages.models import Notice
from orders.ledger.accounts import AccountKind
from orders.models import Claim, Fulfilment, LineRefund, Payout
from orders.services.redress.claims import (
    answer_claim,
    appeal_claim,
    claim_for,
    claims_to_answer,
    grant_unanswered,
    open_claim,
)
from orders.services.settlement.payouts import pay_out_due
from tests.factories.accounts import make_principal, make_user
from tests.factories.farmers import make_officer
from tests.factories.orders import deliver, make_buyer, make_paid_order
from tests.orders.services.steps import books_balance, collected, owed, pack

DAY = timedelta(hours=24)


@pytest.fixture
def line(market, thursday):
    """Two boxes of kiwi for 64.00, just collected."""
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    collected(market, order, 5_000)
    return order.lines.get()


def photo_of(principal, purpose="claim"):
    return EvidenceFile.objects.create(
        name=f"{purpose}/{ids.uuid7()}.jpg",
        purpose=purpose,
        sha256="0" * 64,
        uploaded_by=User.objects.get(uuid=principal.user_uuid),
        uploaded_at=clock.now(),
    )


def claim(market, line, percent, principal=None, **more):
    who = principal or market.principal
    return open_claim(
        principal=who, line_uuid=line.uuid, percent=percent, photo_uuid=photo_of(who).uuid, **more
    )


def test_a_small_claim_is_paid_at_once_and_taken_back_from_who_earned_it(market, line):
    made = claim(market, line, 25, note="五个坏了")
    assert (made.status, made.asked_fen, made.answered_by_uuid) == ("granted", 1_600, None)
    refund = LineRefund.objects.get()
    assert (refund.amount_fen, refund.reason, refund.note, made.refund) == (
        1_600,
        "claim",
        "五个坏了",
        refund,
    )
    assert owed(AccountKind.SELLER_PAYABLE, market.farmer.uuid) == 4_800 - 336 - 288
    assert owed(AccountKind.COMMISSION) == 336
    assert books_balance()


def test_a_larger_one_asks_the_farmer_and_his_station_and_holds_the_payout(market, line, at):
    farmer, officer = make_user(), make_user()
    grant(user=farmer, role="farmer", scope_kind="farmer", scope_uuid=market.farmer.uuid)
    grant(user=officer, role="information_officer", scope_kind="station", scope_uuid=market.station.uuid)
    made = claim(market, line, 50)
    assert (made.status, made.asked_fen, made.answer_by) == ("open", 3_200, clock.now() + DAY)
    assert not LineRefund.objects.exists()
    told = set(Notice.objects.filter(template="claim_opened").values_list("to_user_uuid", flat=True))
    officers = Membership.objects.filter(scope_uuid=market.station.uuid).values_list("user__uuid", flat=True)
    assert officer.uuid in officers
    assert told == {farmer.uuid, *officers}
    at(clock.now() + DAY - timedelta(seconds=1))
    assert grant_unanswered() == 0
    at(clock.now() + timedelta(hours=1))
    pay_out_due()
    assert Payout.objects.get(merchant_uuid=market.farmer.uuid).status == "waiting"
    assert grant_unanswered() == 1
    assert grant_unanswered() == 0
    pay_out_due()
    assert Payout.objects.get(merchant_uuid=market.farmer.uuid).amount_fen == 3_200
    made.refresh_from_db()
    assert (made.status, made.answered_by_uuid) == ("granted", None)


def test_the_fourth_small_claim_of_a_month_is_looked_at(market, line):
    for _ in range(3):
        Claim.objects.create(
            line=_other_line(market),
            status="granted",
            percent=1,
            photo=photo_of(market.principal),
            asked_fen=1,
            opened_by_uuid=market.principal.user_uuid,
            at=clock.now(),
            answer_by=clock.now(),
            refund=_any_refund(line),
        )
    assert claim(market, line, 1).status == "open"


def _other_line(market):
    return make_paid_order(market, (market.rice, 1_000), buyer=make_buyer(market.place)).lines.get()


def _any_refund(line):
    return LineRefund.objects.create(
        order=line.order,
        line=line,
        reason="claim",
        amount_fen=1,
        key=str(ids.uuid7()),
        refund_uuid=ids.uuid7(),
        at=clock.now(),
    )


def test_less_may_be_granted_and_only_once(market, line):
    made = claim(market, line, 50)
    with pytest.raises(InvalidInput) as refused:
        answer_claim(principal=market.officer, claim_uuid=made.uuid, grant=True, amount_fen=3_201)
    assert refused.value.field == "amount_fen"
    officer = market.officer
    answered = answer_claim(principal=officer, claim_uuid=made.uuid, grant=True, amount_fen=1_000)
    assert (answered.status, answered.answered_by_uuid) == ("granted", officer.user_uuid)
    assert LineRefund.objects.get().amount_fen == 1_000
    with pytest.raises(Conflict):
        answer_claim(principal=market.officer, claim_uuid=made.uuid, grant=True)
    assert LineRefund.objects.count() == 1


def test_a_refusal_needs_a_reason_and_can_be_taken_to_the_platform(market, line):
    made = claim(market, line, 50)
    with pytest.raises(InvalidInput):
        answer_claim(principal=market.officer, claim_uuid=made.uuid, grant=False, answer=" ")
    with pytest.raises(Conflict):
        appeal_claim(principal=market.principal, claim_uuid=made.uuid)
    answer_claim(principal=market.officer, claim_uuid=made.uuid, grant=False, answer="照片看不清")
    assert Notice.objects.get(template="claim_refused").params["answer"] == "照片看不清"
    for _ in range(2):
        assert appeal_claim(principal=market.principal, claim_uuid=made.uuid).status == "appealed"
    with pytest.raises(Forbidden):
        answer_claim(principal=market.officer, claim_uuid=made.uuid, grant=False, answer="不行")
    platform = make_principal("platform")
    assert claims_to_answer(principal=platform) == [made]
    assert answer_claim(principal=platform, claim_uuid=made.uuid, grant=True).status == "granted"
    assert books_balance()


def test_the_window_closes(market, line, at):
    at(clock.now() + DAY + timedelta(seconds=1))
    with pytest.raises(Expired) as refused:
        claim(market, line, 10)
    assert refused.value.field == "line_id"
    assert not Claim.objects.exists()


def test_who_came_late_for_it_bears_the_risk(market, line):
    Fulfilment.objects.update(hold_until=clock.now() - timedelta(minutes=1))
    with pytest.raises(Conflict) as refused:
        claim(market, line, 10)
    assert refused.value.error_code == "collected_late"


def test_not_before_pickup_and_once_a_line(market, line):
    other = make_paid_order(market, (market.rice, 1_500), buyer=market.buyer)
    pack(market, other, 1_500)
    with pytest.raises(Conflict):
        claim(market, other.lines.get(), 10)
    claim(market, line, 1)
    with pytest.raises(Conflict) as refused:
        claim(market, line, 1)
    assert refused.value.error_code == "already_claimed"


def test_only_the_recipient_with_his_own_photo(market, line):
    stranger = principal_of(make_buyer(market.place))
    for who in (stranger, market.officer, make_principal("platform")):
        with pytest.raises(NotFound) as refused:
            claim(market, line, 10, who)
        assert refused.value.field == "line_id"
    for photo in (photo_of(stranger), photo_of(market.principal, "consent")):
        with pytest.raises(NotFound) as refused:
            open_claim(principal=market.principal, line_uuid=line.uuid, percent=10, photo_uuid=photo.uuid)
        assert refused.value.field == "photo_id"
    assert not Claim.objects.exists()


def test_who_sees_and_answers_it(market, line):
    made = claim(market, line, 50)
    farmer = make_principal("farmer", "farmer", market.farmer.uuid)
    for who in (market.principal, farmer, market.officer, make_principal("platform")):
        assert claim_for(principal=who, claim_uuid=made.uuid) == made
    assert claims_to_answer(principal=farmer) == claims_to_answer(principal=market.officer) == [made]
    for who in (principal_of(make_buyer(market.place)), make_officer(market.second)):
        with pytest.raises(NotFound):
            claim_for(principal=who, claim_uuid=made.uuid)
        with pytest.raises(NotFound):
            answer_claim(principal=who, claim_uuid=made.uuid, grant=True)
        assert claims_to_answer(principal=who) == []


def test_the_first_granted_claim_of_a_lot_warns_its_other_buyers_once(market, thursday):
    mine = make_paid_order(market, (market.kiwi, 1))
    mates = [make_buyer(market.place) for _ in range(2)]
    waiting = make_paid_order(market, (market.kiwi, 1), buyer=mates[0])
    other = make_paid_order(market, (market.rice, 1_000), buyer=make_buyer(market.place))
    thursday()
    collected(market, mine, 2_500)
    pack(market, waiting, 2_500)
    pack(market, other, 1_000)
    claim(market, mine.lines.get(), 10)
    deliver()
    deliver()
    warned = Notice.objects.filter(template="claim_in_batch")
    assert [notice.to_user_uuid for notice in warned] == [mates[0].uuid]
