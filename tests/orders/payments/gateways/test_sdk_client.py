"""The SDK's own client against the simulator: it knows port 80 only, so this is skipped where that is taken.

What the product sends itself is byte-equal to this client's (test_wire); here both sides' signatures, shapes
and states pass through code that is not ours.
"""

import json
import socket
import time
from datetime import timedelta
from itertools import count

import pytest
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.exception.Exception import ResponseException

from marketplace.kernel import clock
from orders.payments.gateways.sdk import request
from tests.orders.payments.helpers import APP_ID, SELLER_ID, Simulator

NUMBERS = count(1)
BARCODE = "281234567890123456"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", 80))
    except OSError as error:
        pytest.skip(
            f"port 80 of 127.0.0.1 cannot be bound ({error.strerror}): the SDK's client knows no other"
        )
    started = Simulator.start(tmp_path_factory.mktemp("alipay80"), port=80, time_factor=0.001)
    yield started
    started.stop()


@pytest.fixture
def client(simulator, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")  # the SDK signs local time
    time.tzset()
    config = AlipayClientConfig()
    config.server_url, config.app_id = "http://127.0.0.1/gateway.do", APP_ID
    config.app_private_key = (simulator.data / "app_private_key.pem").read_text()
    public = (simulator.data / "alipay_public_key.pem").read_text()
    config.alipay_public_key = public
    yield DefaultAlipayClient(config)
    monkeypatch.undo()
    time.tzset()


def number(prefix="S"):
    return f"{prefix}{clock.wall():%H%M%S%f}{next(NUMBERS)}"


def ask(client, api, **terms):
    """The verified JSON of an answer."""
    return json.loads(client.execute(request(api, terms)))


def trade(out_trade_no, amount="47.35", **more):
    return {"out_trade_no": out_trade_no, "subject": "奉新猕猴桃", "total_amount": amount, **more}


def pay_by_page(client, simulator, api, **terms):
    """The signed GET address of a page method, opened and paid by a buyer."""
    simulator.pay(client.page_execute(request(api, terms), http_method="GET"))


def status(client, out_trade_no):
    return ask(client, "AlipayTradeQuery", out_trade_no=out_trade_no)["trade_status"]


@pytest.mark.parametrize(
    ("api", "product"),
    [("AlipayTradePagePay", "FAST_INSTANT_TRADE_PAY"), ("AlipayTradeWapPay", "QUICK_WAP_WAY")],
)
def test_page_query_refund_and_refund_query(client, simulator, api, product):
    no = number()
    pay_by_page(client, simulator, api, **trade(no, product_code=product))
    assert status(client, no) == "TRADE_SUCCESS"
    back = {"out_trade_no": no, "out_request_no": number("R")}
    answers = [ask(client, "AlipayTradeRefund", **back, refund_amount="7.35") for _ in range(2)]
    assert [(a["fund_change"], a["refund_fee"]) for a in answers] == [("Y", "7.35"), ("N", "7.35")]
    asked = ask(client, "AlipayTradeFastpayRefundQuery", **back)
    assert (asked["refund_status"], asked["refund_amount"]) == ("REFUND_SUCCESS", "7.35")
    unknown = ask(client, "AlipayTradeFastpayRefundQuery", out_trade_no=no, out_request_no="nobody")
    assert unknown == {"code": "10000", "msg": "Success"}


def test_codes_close_and_cancel(client, simulator):
    shown, scanned = number(), number()
    code = ask(client, "AlipayTradePrecreate", **trade(shown))["qr_code"]
    assert ask(client, "AlipayTradeClose", out_trade_no=shown)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    simulator.decide(simulator.open(code), "pay")
    assert status(client, shown) == "TRADE_SUCCESS"
    paid = ask(client, "AlipayTradePay", **trade(scanned, auth_code=BARCODE, scene="bar_code"))
    assert (paid["code"], paid["total_amount"]) == ("10000", "47.35")
    assert ask(client, "AlipayTradeCancel", out_trade_no=scanned)["action"] == "refund"
    assert status(client, scanned) == "TRADE_CLOSED"


def test_freeze_capture_and_release(client, simulator):
    freeze_no = number("F")
    frozen = ask(
        client, "AlipayFundAuthOrderFreeze", out_order_no=freeze_no, out_request_no=freeze_no, amount="60.00",
        order_title="称重", product_code="PRE_AUTH", auth_code=BARCODE, auth_code_type="bar_code",
        payee_user_id=SELLER_ID,
    )  # fmt: skip
    assert (frozen["status"], frozen["amount"]) == ("SUCCESS", "60.00")
    no = number()
    paid = ask(
        client, "AlipayTradePay", auth_no=frozen["auth_no"], auth_confirm_mode="COMPLETE",
        **trade(no, product_code="PRE_AUTH"),
    )  # fmt: skip
    assert paid["code"] == "10000"
    over = ask(
        client, "AlipayFundAuthOrderUnfreeze", auth_no=frozen["auth_no"], out_request_no=number("U"),
        amount="12.65", remark="r",
    )  # fmt: skip
    assert over["code"] == "40004"  # COMPLETE released it already


def test_merge_confirm_bind_and_settle(client, simulator):
    numbers = [number(), number()]
    details = [
        trade(
            no, "100.00", app_id=APP_ID, product_code="QUICK_WAP_WAY",
            sub_merchant={"merchant_id": "2088210000000001", "merchant_type": "alipay"},
            settle_info={"settle_detail_infos": [{"amount": "100.00", "trans_in_type": "defaultSettle"}]},
        )
        for no in numbers
    ]  # fmt: skip
    made = ask(client, "AlipayTradeMergePrecreate", out_merge_no=number("M"), order_details=details)
    pay_by_page(client, simulator, "AlipayTradeWapMergePay", pre_order_no=made["pre_order_no"])
    assert [status(client, no) for no in numbers] == ["TRADE_SUCCESS"] * 2
    trade_no = ask(client, "AlipayTradeQuery", out_trade_no=numbers[0])["trade_no"]
    confirm = {"trade_no": trade_no, "out_request_no": number("C")}
    info = {"settle_detail_infos": [{"trans_in_type": "defaultSettle", "amount": "100.00"}]}
    assert ask(client, "AlipayTradeSettleConfirm", **confirm, settle_info=info)["settle_amount"] == "100.00"
    receivers = [{"type": "userId", "account": SELLER_ID}]
    bound = ask(client, "AlipayTradeRoyaltyRelationBind", out_request_no=number("B"), receiver_list=receivers)
    assert bound["result_code"] == "SUCCESS"
    share = {"trade_no": trade_no, "out_request_no": number("S")}
    royalty = [
        {"royalty_type": "transfer", "trans_in_type": "userId", "trans_in": SELLER_ID, "amount": "13.00"}
    ]
    assert ask(client, "AlipayTradeOrderSettle", **share, royalty_parameters=royalty)["settle_no"]
    asked = ask(client, "AlipayTradeOrderSettleQuery", **share)
    assert [detail["state"] for detail in asked["royalty_detail_list"]] == ["SUCCESS"]


def test_the_bill_is_there_the_next_morning(client, simulator):
    day = clock.wall().astimezone(clock.SHANGHAI).date()
    terms = {"bill_type": "trade", "bill_date": day.isoformat()}
    assert ask(client, "AlipayDataDataserviceBillDownloadurlQuery", **terms)["code"] == "40004"
    simulator.change("clock", offset_s=timedelta(days=2).total_seconds())
    url = ask(client, "AlipayDataDataserviceBillDownloadurlQuery", **terms)["bill_download_url"]
    simulator.change("clock", offset_s=0)
    assert simulator.request("GET", url)[2][:2] == b"PK"


def test_the_sdk_refuses_what_was_changed_or_not_signed(client, simulator):
    for kind in ("tampered_body", "missing_sign", "cert_field"):
        simulator.fault(kind)
        with pytest.raises(ResponseException):
            ask(client, "AlipayTradeQuery", out_trade_no="nobody")


def test_the_sdk_believes_sha1_which_is_why_the_product_verifies_itself(client, simulator):
    simulator.fault("sha1_sign")
    assert ask(client, "AlipayTradeQuery", out_trade_no="nobody")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
