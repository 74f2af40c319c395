"""The day's client against a real HTTP server: patient with silence, plain about refusals."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from marketplace.simulation.day.api import Api, Broken, NotSignedIn, Refused
from marketplace.simulation.day.cashier import CannotPay, Cashier
from marketplace.simulation.day.cast import Person
from marketplace.simulation.worlds.nouns import User

Answers = list[tuple[int, Any]]
CLOCK = {"testClock": {"businessNow": "2026-11-12T06:00:00+08:00", "frozen": True}}


@contextmanager
def server(answers: Answers) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Gives each answer once, in order; the requests it saw come out beside its address."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append({"path": self.path, "body": body, "authorization": self.headers["Authorization"]})
            self._answer()

        def do_GET(self) -> None:
            seen.append({"path": self.path, "body": "", "authorization": None})
            self._answer()

        def _answer(self) -> None:
            status, body = answers.pop(0)
            text = body if isinstance(body, str) else json.dumps(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}", seen
        http.shutdown()


def ask(url: str, operation: str, *, patience_s: float = 5.0, **variables: Any) -> Any:
    async def go() -> Any:
        api = Api(url, patience_s=patience_s)
        try:
            return await api.call(operation, variables)
        finally:
            await api.close()

    return asyncio.run(go())


def test_it_gives_the_value_of_the_one_root_field() -> None:
    with server([(200, {"data": CLOCK})]) as (url, seen):
        assert ask(url, "TestClock") == CLOCK["testClock"]
    assert json.loads(seen[0]["body"])["operationName"] == "TestClock"


def test_a_typed_error_is_a_refusal_with_code_and_field() -> None:
    error = {"code": "no_room", "field": "placeId", "message": "满了"}
    with (
        server([(200, {"data": {"placeOrder": {"order": None, "errors": [error]}}})]) as (url, _),
        pytest.raises(Refused) as refused,
    ):
        ask(url, "PlaceOrder")
    assert (refused.value.code, refused.value.field) == ("no_room", "placeId")


def test_try_again_and_a_silent_proxy_are_asked_again() -> None:
    again = {"code": "try_again", "field": None, "message": ""}
    answers: Answers = [
        (503, ""),
        (200, {"data": {"setTestClock": {"clock": None, "errors": [again]}}}),
        (200, {"data": {"setTestClock": {"clock": {"frozen": True}, "errors": []}}}),
    ]
    with server(answers) as (url, seen):
        assert ask(url, "SetTestClock", frozen=True)["clock"] == {"frozen": True}
    assert len(seen) == 3


def test_a_server_that_never_comes_back_is_given_up() -> None:
    with server([]) as (url, _):
        pass
    with pytest.raises(httpx.ConnectError):
        ask(url, "TestClock", patience_s=0.2)


def test_an_answer_that_no_client_should_get_is_broken() -> None:
    with server([(200, {"errors": [{"message": "boom"}]})]) as (url, _), pytest.raises(Broken, match="boom"):
        ask(url, "TestClock")
    with server([(500, "oops")]) as (url, _), pytest.raises(Broken, match="HTTP 500"):
        ask(url, "TestClock")


def test_a_person_signs_in_once_and_again_when_the_token_is_gone() -> None:
    def token(name: str) -> tuple[int, Any]:
        return 200, {"data": {"signInWithPin": {"token": name, "errors": []}}}

    answers: Answers = [token("one"), (200, {"data": CLOCK}), (401, ""), token("two"), (200, {"data": CLOCK})]
    with server(answers) as (url, seen):

        async def go() -> None:
            api = Api(url)
            person = Person(api, User("user:x", "张三", "19900000001", "135790"), "day:test:1")
            await person.ask("TestClock")
            await person.ask("TestClock")
            await api.close()

        asyncio.run(go())
    assert [each["authorization"] for each in seen] == [None, "Bearer one", "Bearer one", None, "Bearer two"]


def test_a_person_whose_token_never_holds_is_told_so() -> None:
    signed_in = (200, {"data": {"signInWithPin": {"token": "t", "errors": []}}})
    with server([signed_in, (401, ""), signed_in, (401, "")]) as (url, _):

        async def go() -> None:
            api = Api(url)
            try:
                await Person(api, User("u", "李四", "19900000002", "246801"), "p").ask("TestClock")
            finally:
                await api.close()

        with pytest.raises(NotSignedIn):
            asyncio.run(go())


FORM = '<form method="post"><button type="submit" name="action" value="pay">付款</button></form>'


def pay(url: str) -> bool:
    async def go() -> bool:
        cashier = Cashier()
        try:
            return await cashier.pay(url + "/cashier/abc")
        finally:
            await cashier.close()

    return asyncio.run(go())


def test_paying_presses_the_pages_own_button() -> None:
    with server([(200, FORM), (200, "ok")]) as (url, seen):
        assert pay(url)
    assert seen[1]["body"] == "action=pay"


def test_a_page_that_does_not_come_is_loaded_again_and_pressed_once() -> None:
    with server([(503, ""), (200, FORM), (502, ""), (200, "<p>此页面已处理</p>")]) as (url, seen):
        assert not pay(url)
    assert [each["body"] for each in seen] == ["", "", "action=pay", ""]


def test_a_page_without_a_button_was_dealt_with_before() -> None:
    with server([(200, "<p>此页面已处理</p>")]) as (url, seen):
        assert not pay(url)
    assert len(seen) == 1


def test_a_page_that_is_none_cannot_be_paid() -> None:
    with server([(409, "<p>不存在</p>")]) as (url, _), pytest.raises(CannotPay):
        pay(url)
