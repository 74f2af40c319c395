"""The signed wire: byte-equal to the SDK on the way out, stricter than it on the way in."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from marketplace.kernel import clock
from orders.payments.gateways.base import Outcome
from orders.payments.gateways.sdk import DroppedTerms, request, response
from orders.payments.gateways.signing import BadKey, load_private_key, load_public_key, sign
from orders.payments.gateways.wire import AlipayWire

APP_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ALIPAY_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def wire():
    opened = AlipayWire(
        url="http://127.0.0.1:1/gateway.do",
        app_id="2021004100000001",
        app_private_key=APP_KEY,
        alipay_public_key=ALIPAY_KEY.public_key(),
    )
    yield opened
    opened.close()


def pem(key, form=serialization.PrivateFormat.TraditionalOpenSSL):
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def answer_text(node='{"code":"10000","msg":"Success","trade_status":"TRADE_SUCCESS"}', sign_with=ALIPAY_KEY):
    return f'{{"alipay_trade_query_response":{node},"sign":"{sign(sign_with, node.encode())}"}}'


def read(wire, text):
    return wire.read_answer(text.encode(), method="alipay.trade.query")


@pytest.mark.parametrize(
    ("api", "terms"),
    [
        ("AlipayTradeQuery", {"out_trade_no": "Y1"}),
        (
            "AlipayTradeRefund",
            {"out_trade_no": "Y1", "refund_amount": "0.30", "refund_reason": '坏 "3" & <1>+%'},
        ),
        (
            "AlipayTradeMergePrecreate",
            {"out_merge_no": "M1", "order_details": [{"out_trade_no": "Y1", "subject": "奉新猕猴桃 10 斤"}]},
        ),
    ],
)
def test_the_signed_request_is_byte_equal_to_the_sdks(wire, monkeypatch, api, terms):
    from alipay.aop.api import DefaultAlipayClient as sdk
    from alipay.aop.api.AlipayClientConfig import AlipayClientConfig

    moment = datetime(2026, 3, 1, 9, 30, 5, tzinfo=UTC)
    monkeypatch.setattr(clock, "wall", lambda: moment)

    class FixedTime(datetime):
        @classmethod
        def now(cls, tz=None):
            return moment.astimezone(clock.SHANGHAI).replace(tzinfo=None)

    monkeypatch.setattr(sdk.datetime, "datetime", FixedTime)
    config = AlipayClientConfig()
    config.app_id, config.app_private_key = "2021004100000001", pem(APP_KEY).decode()
    built = request(api, terms, notify_url="https://a.example/notify?x=1", return_url="https://a.example/")
    theirs = sdk.DefaultAlipayClient(config).sdk_execute(built)
    assert wire.link(built).partition("?")[2] == theirs


def test_a_link_carries_every_signed_field_once(wire):
    link = wire.link(request("AlipayTradeQuery", {"out_trade_no": "Y1"}))
    fields = parse_qs(urlsplit(link).query, strict_parsing=True)
    assert {name: len(values) for name, values in fields.items()} == dict.fromkeys(
        ["app_id", "method", "charset", "format", "version", "sign_type", "timestamp", "sign", "biz_content"],
        1,
    )
    assert json.loads(fields["biz_content"][0]) == {"out_trade_no": "Y1"}


def test_a_good_answer_is_done_and_reads_through_the_sdks_response_class(wire):
    answer = read(wire, answer_text())
    assert answer.outcome is Outcome.DONE
    assert response("AlipayTradeQuery", answer).trade_status == "TRADE_SUCCESS"


@pytest.mark.parametrize(
    ("code", "sub_code", "outcome"),
    [
        ("10000", "", Outcome.DONE),
        ("10003", "", Outcome.WAITING),
        ("20000", "isp.unknow-error", Outcome.UNKNOWN),
        ("40002", "isv.invalid-signature", Outcome.REFUSED),
        ("40004", "ACQ.TRADE_NOT_EXIST", Outcome.REFUSED),
        ("40004", "ACQ.SYSTEM_ERROR", Outcome.UNKNOWN),
        ("", "", Outcome.UNKNOWN),
    ],
)
def test_each_code_has_one_outcome(wire, code, sub_code, outcome):
    node = json.dumps({"code": code, "msg": "m", "sub_code": sub_code})
    assert read(wire, answer_text(node)).outcome is outcome


def sha1_answer():
    node = '{"code":"10000","msg":"Success"}'
    raw = ALIPAY_KEY.sign(node.encode(), padding.PKCS1v15(), hashes.SHA1())
    import base64

    return f'{{"alipay_trade_query_response":{node},"sign":"{base64.b64encode(raw).decode()}"}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        '{"alipay_trade_query_response":{"code":"10000"}}',
        answer_text().replace("TRADE_SUCCESS", "TRADE_CLOSED"),
        answer_text(sign_with=APP_KEY),
        answer_text().replace("alipay_trade_query_response", "alipay_trade_close_response"),
        answer_text()[:-1] + ',"alipay_cert_sn":"1"}',
        answer_text() + "trailing",
        '{"alipay_trade_query_response":{"code":"10000"},"sign":"!!"}',
        sha1_answer(),
    ],
    ids=[
        "empty",
        "no-json",
        "no-sign",
        "changed",
        "other-key",
        "other-method",
        "cert",
        "trailing",
        "no-base64",
        "sha1",
    ],
)
def test_every_odd_answer_is_unknown(wire, text):
    assert read(wire, text).outcome is Outcome.UNKNOWN


def test_bytes_that_are_no_text_are_unknown(wire):
    assert wire.read_answer(b"\xff\xfe", method="alipay.trade.query").outcome is Outcome.UNKNOWN


def test_a_dead_gateway_is_unknown(wire):
    assert wire.call(request("AlipayTradeQuery", {"out_trade_no": "Y1"})).outcome is Outcome.UNKNOWN


def test_a_term_that_the_sdk_would_drop_is_refused():
    with pytest.raises(DroppedTerms):
        request("AlipayTradeQuery", {"out_trade_no": "Y1", "colour": "red"})


def test_keys_are_read_in_every_form_the_provider_hands_out(tmp_path):
    path = tmp_path / "key"
    for form in (serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8):
        path.write_bytes(pem(APP_KEY, form))
        assert load_private_key(path).private_numbers() == APP_KEY.private_numbers()
        path.write_bytes(b"".join(pem(APP_KEY, form).splitlines()[1:-1]))
        assert load_private_key(path).private_numbers() == APP_KEY.private_numbers()
    public = APP_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    path.write_bytes(b"".join(public.splitlines()[1:-1]))
    assert load_public_key(path).public_numbers() == APP_KEY.public_key().public_numbers()
    path.write_bytes(b"garbage")
    with pytest.raises(BadKey):
        load_private_key(path)
    with pytest.raises(BadKey):
        load_public_key(path)
