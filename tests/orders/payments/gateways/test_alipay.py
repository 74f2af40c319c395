"""The adapter against the simulator in its own process: happy paths, the fault table, refunds, settlement."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from marketplace.kernel import clock
from orders.payments.bill_format import read_bill
from orders.payments.gateways.base import (
    FreezeStatus,
    GatewayError,
    Outcome,
    RefundStatus,
    Share,
    TradeOrder,
    TradeStatus,
)

NUMBERS = count(1)
NOWHERE = "http://127.0.0.1:9/notify"
BARCODE = "281234567890123456"


def number(prefix="T"):
    return f"{prefix}{clock.wall():%H%M%S%f}{next(NUMBERS)}"


def order(amount_fen=4735, **more):
    return TradeOrder(out_trade_no=number(), amount_fen=amount_fen, subject="奉新猕猴桃 5 斤", **more)


def link(gateway, *trades, mobile=True):
    return gateway.pay_link(
        merge_no=number("M"),
        trades=trades,
        return_url="http://127.0.0.1:9/return?a=1",
        notify_url="",
        expires_at=clock.wall() + timedelta(minutes=15),
        mobile=mobile,
    )


def paid(gateway, simulator, amount_fen=4735, **more):
    trade = order(amount_fen, **more)
    simulator.pay(link(gateway, trade))
    return trade


@pytest.mark.parametrize("mobile", [True, False])
@pytest.mark.parametrize("size", [1, 3])
def test_one_act_pays_every_trade_of_a_link(gateway, simulator, mobile, size):
    trades = [order(1000 + i) for i in range(size)]
    address = link(gateway, *trades, mobile=mobile)
    assert [gateway.query(out_trade_no=t.out_trade_no).status for t in trades] == [TradeStatus.ABSENT] * size
    cashier = simulator.open(address)
    assert [gateway.query(out_trade_no=t.out_trade_no).status for t in trades] == [TradeStatus.WAITING] * size
    status, location = simulator.decide(cashier, "pay")
    assert (status, location.startswith("http://127.0.0.1:9/return?a=1&")) == (303, True)
    for trade in trades:
        state = gateway.query(out_trade_no=trade.out_trade_no)
        assert (state.status, state.amount_fen) == (TradeStatus.PAID, trade.amount_fen)
        assert state.paid_at is not None
        assert state.trade_no


def test_paying_a_merge_twice_or_half_is_impossible(gateway, simulator):
    trades = [order(1000), order(2000)]
    address = link(gateway, *trades)
    first, second = simulator.open(address), simulator.open(address)
    assert simulator.decide(first, "pay")[0] == 303
    assert simulator.decide(second, "pay")[0] == 409
    assert [simulator.trade(t.out_trade_no)["status"] for t in trades] == ["TRADE_SUCCESS"] * 2


def test_a_closed_part_keeps_the_whole_merge_from_being_paid(gateway, simulator):
    trades = [order(1000), order(2000)]
    cashier = simulator.open(link(gateway, *trades))
    assert gateway.close(out_trade_no=trades[1].out_trade_no).status is TradeStatus.CLOSED
    assert simulator.decide(cashier, "pay")[0] == 409
    assert gateway.query(out_trade_no=trades[0].out_trade_no).status is TradeStatus.WAITING


def test_refusing_closes_without_money(gateway, simulator):
    trade = order()
    simulator.decide(simulator.open(link(gateway, trade)), "refuse")
    state = gateway.query(out_trade_no=trade.out_trade_no)
    assert (state.status, state.paid_at) == (TradeStatus.CLOSED, None)


def test_the_same_number_with_another_amount_is_refused(gateway, simulator):
    trade = order(1000)
    simulator.open(link(gateway, trade))
    other = TradeOrder(out_trade_no=trade.out_trade_no, amount_fen=999, subject=trade.subject)
    assert simulator.request("GET", link(gateway, other))[0] == 200  # a signed refusal, no cashier
    assert simulator.trade(trade.out_trade_no)["amount"] == 1000


def test_closing_says_closed_absent_or_paid(gateway, simulator):
    assert gateway.close(out_trade_no=number()).status is TradeStatus.ABSENT
    trade = order()
    simulator.open(link(gateway, trade))
    assert gateway.close(out_trade_no=trade.out_trade_no).status is TradeStatus.CLOSED
    assert gateway.close(out_trade_no=trade.out_trade_no).status is TradeStatus.CLOSED
    assert gateway.close(out_trade_no=paid(gateway, simulator).out_trade_no).status is TradeStatus.PAID


def test_a_qr_code_is_no_trade_until_it_is_scanned_and_can_be_paid_after_a_close(gateway, simulator):
    trade = order()
    code = gateway.qr_code(trade=trade, notify_url="", expires_at=clock.wall() + timedelta(minutes=5))
    assert gateway.query(out_trade_no=trade.out_trade_no).status is TradeStatus.ABSENT
    assert gateway.close(out_trade_no=trade.out_trade_no).status is TradeStatus.ABSENT
    cashier = simulator.open(code)
    assert simulator.decide(cashier, "pay")[0] == 303
    assert gateway.query(out_trade_no=trade.out_trade_no).status is TradeStatus.PAID


def test_a_barcode_pays_at_once_or_waits_and_is_cancelled(gateway, simulator):
    small = order(1000)
    assert gateway.pay_with_code(trade=small, auth_code=BARCODE, notify_url="").status is TradeStatus.PAID
    simulator.fault("buyer_must_confirm")
    waiting = order(1000)
    state = gateway.pay_with_code(trade=waiting, auth_code=BARCODE, notify_url="")
    assert state.status is TradeStatus.WAITING
    assert gateway.query(out_trade_no=waiting.out_trade_no).status is TradeStatus.WAITING
    assert gateway.cancel(out_trade_no=waiting.out_trade_no).reason == "close"
    assert gateway.cancel(out_trade_no=small.out_trade_no).reason == "refund"
    assert simulator.trade(small.out_trade_no)["refunded"] == 1000
    bad = gateway.pay_with_code(trade=order(), auth_code="1234", notify_url="")
    assert (bad.status, bad.reason) == (TradeStatus.ABSENT, "ACQ.PAYMENT_AUTH_CODE_INVALID")


@pytest.mark.parametrize(
    "kind",
    ["tampered_body", "missing_sign", "sha1_sign", "cert_field", "unknown_error", "http_502", "hang"],
)
@pytest.mark.parametrize("effect", ["done", "none"])
def test_a_spoilt_answer_is_unknown_and_the_query_tells_the_truth(simulator, kind, effect):
    gateway = simulator.gateway(timeout_s=0.3)
    trade = paid(gateway, simulator)
    refund_no = number("R")
    simulator.fault(kind, method="alipay.trade.refund", effect=effect, value="0.6" if kind == "hang" else "")
    args = {"out_trade_no": trade.out_trade_no, "refund_no": refund_no}
    assert gateway.refund(**args, amount_fen=100, reason="坏果").status is RefundStatus.UNKNOWN
    asked = gateway.query_refund(**args)
    assert asked.status is (RefundStatus.MOVED if effect == "done" else RefundStatus.PENDING)
    again = gateway.refund(**args, amount_fen=100, reason="坏果")
    assert again.status is (RefundStatus.PENDING if effect == "done" else RefundStatus.MOVED)
    assert simulator.trade(trade.out_trade_no)["refunded"] == 100
    gateway.wire.close()


def test_a_spoilt_query_never_says_paid(gateway, simulator):
    trade = paid(gateway, simulator)
    for kind in ("tampered_body", "missing_sign", "sha1_sign", "cert_field", "unknown_error", "http_502"):
        simulator.fault(kind, method="alipay.trade.query")
        assert gateway.query(out_trade_no=trade.out_trade_no).status is TradeStatus.UNKNOWN
        assert gateway.query(out_trade_no=trade.out_trade_no).status is TradeStatus.PAID


def test_success_after_close_shows_in_the_next_query(gateway, simulator):
    trade = order()
    simulator.open(link(gateway, trade))
    simulator.fault("success_after_cancel")
    assert gateway.close(out_trade_no=trade.out_trade_no).status is TradeStatus.CLOSED
    assert gateway.query(out_trade_no=trade.out_trade_no).status is TradeStatus.PAID


def test_one_refund_number_moves_money_once_in_eight_threads(gateway, simulator):
    trade, refund_no = paid(gateway, simulator), number("R")
    args = {"out_trade_no": trade.out_trade_no, "refund_no": refund_no, "amount_fen": 500, "reason": "r"}
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: gateway.refund(**args).status, range(20)))
    assert sorted(states) == [RefundStatus.MOVED] + [RefundStatus.PENDING] * 19
    assert simulator.trade(trade.out_trade_no)["refunded"] == 500
    other = gateway.refund(**(args | {"amount_fen": 501}))
    assert (other.status, other.reason) == (RefundStatus.REFUSED, "ACQ.DISCORDANT_REPEAT_REQUEST")


def test_refunds_by_parts_close_the_trade_and_no_more_can_go_back(gateway, simulator):
    trade = paid(gateway, simulator, 1000)
    for part in (300, 300, 400):
        state = gateway.refund(
            out_trade_no=trade.out_trade_no, refund_no=number("R"), amount_fen=part, reason="r"
        )
        assert (state.status, state.amount_fen) == (RefundStatus.MOVED, part)
    state = gateway.query(out_trade_no=trade.out_trade_no)
    assert (state.status, state.paid_at is not None) == (TradeStatus.CLOSED, True)
    over = gateway.refund(out_trade_no=trade.out_trade_no, refund_no=number("R"), amount_fen=1, reason="r")
    assert over.status is RefundStatus.REFUSED


def test_a_slow_refund_is_pending_until_the_query_says_success(gateway, simulator):
    trade, refund_no = paid(gateway, simulator), number("R")
    simulator.fault("refund_slow")
    args = {"out_trade_no": trade.out_trade_no, "refund_no": refund_no}
    assert gateway.refund(**args, amount_fen=200, reason="r").status is RefundStatus.PENDING
    assert gateway.query_refund(**args).status is RefundStatus.PENDING
    done = gateway.query_refund(**args)
    assert (done.status, done.amount_fen) == (RefundStatus.MOVED, 200)


def test_freeze_then_capture_less_releases_the_rest(gateway, simulator):
    freeze_no, request_no = number("F"), number("F")
    args = {"freeze_no": freeze_no, "request_no": request_no}
    address = gateway.freeze_link(**args, amount_fen=6000, subject="称重商品", payee_id="", notify_url="")
    assert gateway.query_freeze(**args).status is FreezeStatus.ABSENT
    cashier = simulator.open(address)
    assert gateway.query_freeze(**args).status is FreezeStatus.WAITING
    simulator.decide(cashier, "pay")
    frozen = gateway.query_freeze(**args)
    assert (frozen.status, frozen.frozen_fen, frozen.rest_fen) == (FreezeStatus.FROZEN, 6000, 6000)
    trade = order(4735)
    for _ in range(2):  # the repeat answers the same and moves nothing
        state = gateway.capture(trade=trade, auth_no=frozen.auth_no, notify_url="")
        assert (state.status, state.amount_fen) == (TradeStatus.PAID, 4735)
    after = gateway.query_freeze(**args)
    assert (after.status, after.paid_fen, after.rest_fen) == (FreezeStatus.CLOSED, 4735, 0)
    assert [a["released"] for a in simulator.shown("auths") if a["out_order_no"] == freeze_no] == [1265]


def test_a_capture_above_the_frozen_sum_is_refused_and_unfreezing_releases_once(gateway, simulator):
    args = {"freeze_no": number("F"), "request_no": number("F")}
    address = gateway.freeze_link(**args, amount_fen=6000, subject="称重商品", payee_id="", notify_url="")
    simulator.decide(simulator.open(address), "pay")
    auth_no = gateway.query_freeze(**args).auth_no
    over = gateway.capture(trade=order(6001), auth_no=auth_no, notify_url="")
    assert (over.status, over.reason) == (TradeStatus.ABSENT, "ACQ.AUTH_AMOUNT_NOT_ENOUGH")
    release = {"auth_no": auth_no, "request_no": number("U"), "amount_fen": 6000, "reason": "取消"}
    assert [gateway.unfreeze(**release).outcome for _ in range(2)] == [Outcome.DONE] * 2
    assert gateway.query_freeze(**args).status is FreezeStatus.CLOSED


def test_a_code_at_the_counter_freezes_at_once_and_a_bad_one_not_at_all(gateway):
    args = {"freeze_no": number("F"), "request_no": number("F")}
    more = {"amount_fen": 6000, "subject": "称重商品", "payee_id": "", "notify_url": ""}
    state = gateway.freeze_with_code(**args, **more, auth_code="1234")
    assert (state.status, state.reason) == (FreezeStatus.ABSENT, "ACQ.PAYMENT_AUTH_CODE_INVALID")
    state = gateway.freeze_with_code(**args, **more, auth_code=BARCODE)
    assert (state.status, state.frozen_fen) == (FreezeStatus.FROZEN, 6000)
    assert gateway.capture(trade=order(4735), auth_no=state.auth_no, notify_url="").status is TradeStatus.PAID


def test_waiting_money_is_confirmed_once_and_shared_within_the_cap(gateway, simulator):
    trade = paid(gateway, simulator, 10_000, sub_merchant_id="2088210000000001")
    trade_no = gateway.query(out_trade_no=trade.out_trade_no).trade_no
    confirm = {"trade_no": trade_no, "request_no": number("S"), "merchant_id": "2088210000000001"}
    share = {"trade_no": trade_no, "request_no": number("S"), "final": True}
    receiver = f"2088{clock.wall():%d%H%M%S%f}"[:16]  # nobody has bound it yet
    fee = [Share(receiver_id=receiver, amount_fen=1300, note="服务费")]
    assert gateway.share(**share, shares=fee).sub_code == "ACQ.ROYALTY_RELATION_NOT_EXIST"
    assert gateway.bind_receivers(request_no=number("B"), receiver_ids=[receiver]).outcome is Outcome.DONE
    assert gateway.share(**share, shares=fee).outcome is Outcome.UNKNOWN  # not confirmed yet: repeat later
    for _ in range(2):
        assert gateway.settle_confirm(**confirm, amount_fen=10_000).outcome is Outcome.DONE
        assert gateway.share(**share, shares=fee).outcome is Outcome.DONE
    assert simulator.trade(trade.out_trade_no)["royalty"] == 1300
    assert gateway.query_share(trade_no=trade_no, request_no=share["request_no"]).outcome is Outcome.DONE
    over = gateway.share(
        trade_no=trade_no, request_no=number("S"), final=True,
        shares=[Share(receiver_id=receiver, amount_fen=1701)],
    )  # fmt: skip
    assert (over.outcome, over.sub_code) == (Outcome.REFUSED, "ACQ.ROYALTY_AMOUNT_EXCEED")


def test_the_bill_comes_the_next_morning_and_names_each_movement(gateway, simulator):
    import csv
    import io
    import zipfile

    trade = paid(gateway, simulator, 10_000)
    refund_no = number("R")
    gateway.refund(out_trade_no=trade.out_trade_no, refund_no=refund_no, amount_fen=2500, reason="r")
    day = clock.wall().astimezone(clock.SHANGHAI).date()
    assert gateway.download_bill(kind="trade", day=day) is None
    simulator.change("clock", offset_s=2 * 86_400)
    raw = gateway.download_bill(kind="trade", day=day)
    assert raw is not None
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        text = archive.read(archive.namelist()[0]).decode("gbk")
        names = [info.filename.encode("cp437").decode("gbk")[-9:] for info in archive.infolist()]
    assert names == ["_业务明细.csv", "细(汇总).csv"]
    assert (refund_no, -2500) in [(row.refund_no, row.amount_fen) for row in read_bill(raw)]
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))[1:]
    ours = [(r[2], r[11], r[21].strip(), r[22]) for r in rows if r[1].strip() == trade.out_trade_no]
    assert ours == [("交易", "100.00", "", "-0.60"), ("退款", "-25.00", refund_no, "0.00")]
    with pytest.raises(GatewayError):
        gateway.download_bill(kind="nonsense", day=day)


def test_a_transfer_of_the_simulator_moves_once(gateway, simulator):
    from orders.payments.gateways.sdk import request

    terms = {
        "out_biz_no": number("X"),
        "trans_amount": "1.00",
        "payee_info": {"identity": "2088102177846880", "identity_type": "ALIPAY_USER_ID"},
    }
    answers = [gateway.wire.call(request("AlipayFundTransUniTransfer", terms)) for _ in range(2)]
    assert [a.outcome for a in answers] == [Outcome.DONE] * 2
    assert answers[0].text == answers[1].text


def test_a_seller_is_registered_once_and_has_no_number_before_the_review(gateway, simulator):
    external_id = number("E")
    simulator.fault("review_pending", times=2)
    assert gateway.register_merchant(external_id=external_id, name="罗市镇果业合作社") == ""
    assert gateway.register_merchant(external_id=external_id, name="罗市镇果业合作社") == ""
    smid = gateway.register_merchant(external_id=external_id, name="罗市镇果业合作社")
    assert smid == gateway.register_merchant(external_id=external_id, name="罗市镇果业合作社")
    assert (len(smid), smid[:5]) == (16, "20882")


def test_what_a_subject_may_not_hold_is_written_wide(gateway, simulator):
    trade = replace(order(100), subject="猕猴桃 5斤/箱 & 笋=干" + "长" * 300)
    simulator.pay(link(gateway, trade))
    assert simulator.trade(trade.out_trade_no)["subject"] == ("猕猴桃 5斤／箱 ＆ 笋＝干" + "长" * 300)[:256]
