import re

import pytest
from django.test import Client

from marketplace.accounts.models import AccessToken, User
from marketplace.messages.models import Notice, Receipt
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db(transaction=True)

SIGN_IN = """mutation($phone: String!, $code: String!) {
  signIn(phone: $phone, code: $code) { token me { phone } errors { code field message } } }"""
ME = "{ me { phone memberships { role } } }"


def ask(client: Client, query: str, token: str = "", language: str = "zh-hans", **variables: object) -> dict:
    response = client.post(
        "/graphql",
        {"query": query, "variables": variables},
        content_type="application/json",
        headers={"authorization": f"Bearer {token}" if token else "", "accept-language": language},
    )
    return response.json()


def code_for(phone: str) -> str:
    notice = Notice.objects.filter(to_phone=phone).latest("id")
    return notice.params["code"]


def test_a_phone_code_signs_in_once_and_keeps_its_receipt(client: Client) -> None:
    sent = ask(client, 'mutation { requestSignInCode(phone: "139 0000 0001") { sent errors { code } } }')
    assert sent["data"]["requestSignInCode"] == {"sent": True, "errors": []}
    code = code_for("13900000001")
    assert re.fullmatch(r"\d{6}", code)
    assert Receipt.objects.count() == 1
    first = ask(client, SIGN_IN, phone="13900000001", code=code)["data"]["signIn"]
    assert first["errors"] == []
    assert first["me"] == {"phone": "13900000001"}
    assert ask(client, ME, token=first["token"])["data"]["me"] == {"phone": "13900000001", "memberships": []}
    again = ask(client, SIGN_IN, phone="13900000001", code=code)["data"]["signIn"]
    assert again["token"] is None
    assert again["errors"][0]["code"] == "wrong_code"
    assert again["errors"][0]["field"] == "code"
    assert AccessToken.objects.count() == 1


def test_five_wrong_codes_end_the_code_and_stay_counted(client: Client) -> None:
    ask(client, 'mutation { requestSignInCode(phone: "13900000002") { sent } }')
    code = code_for("13900000002")
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        assert ask(client, SIGN_IN, phone="13900000002", code=wrong)["data"]["signIn"]["token"] is None
    assert ask(client, SIGN_IN, phone="13900000002", code=code)["data"]["signIn"]["token"] is None
    assert not User.objects.filter(phone="13900000002").exists()


def test_codes_for_one_phone_are_rate_limited(client: Client) -> None:
    ask_code = 'mutation { requestSignInCode(phone: "13900000003") { sent errors { code } } }'
    answers = [ask(client, ask_code)["data"]["requestSignInCode"] for _ in range(4)]
    assert [answer["sent"] for answer in answers] == [True, True, True, None]
    assert answers[3]["errors"] == [{"code": "rate_limited"}]
    assert Notice.objects.filter(to_phone="13900000003").count() == 3


def test_a_bad_phone_is_named_and_translated(client: Client) -> None:
    bad = 'mutation { requestSignInCode(phone: "12") { errors { code field message } } }'
    told = ask(client, bad)["data"]["requestSignInCode"]["errors"]
    assert told == [{"code": "bad_phone", "field": "phone", "message": "手机号应为 11 位数字，以 1 开头"}]


def test_a_pin_signs_in_and_an_unknown_phone_gets_the_same_answer(client: Client) -> None:
    make_user(phone="13911111111", pin="482913")
    query = """mutation($phone: String!, $pin: String!) {
      signInWithPin(phone: $phone, pin: $pin) { token errors { code field } } }"""
    right = ask(client, query, phone="13911111111", pin="482913")["data"]["signInWithPin"]
    assert right["errors"] == []
    assert ask(client, ME, token=right["token"])["data"]["me"]["phone"] == "13911111111"
    wrong = ask(client, query, phone="13911111111", pin="111111")["data"]["signInWithPin"]
    unknown = ask(client, query, phone="13922222222", pin="111111")["data"]["signInWithPin"]
    assert wrong == unknown == {"token": None, "errors": [{"code": "wrong_pin", "field": "pin"}]}


def test_a_made_up_token_is_refused(client: Client) -> None:
    answer = ask(client, ME, token="made-up")
    assert answer["errors"][0]["extensions"]["code"] == "unauthenticated"
    assert "data" not in answer
