from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from pytest_django.live_server_helper import LiveServer

from orders.payments.gateways import registry
from orders.payments.gateways.alipay import AlipayGateway
from orders.payments.stripe_api import views
from tests.orders.payments.stripe_api.buyers import Hook
from tests.orders.payments.stripe_api.shapes import Answers

KEY = "sk_test_of_the_tests"


@pytest.fixture
def _api(live_server: LiveServer, gateway: AlipayGateway, settings, monkeypatch) -> Iterator[str]:
    settings.STRIPE_API_KEY = KEY
    settings.PUBLIC_URL = live_server.url
    monkeypatch.setattr(stripe, "api_key", KEY)
    monkeypatch.setattr(stripe, "api_base", f"{live_server.url}/stripe")
    http = stripe.RequestsClient()
    monkeypatch.setattr(stripe, "default_http_client", http)
    answers, dumped = Answers(), views._dumped

    def kept(shown: Any) -> Any:
        answers.keep(shown)
        return dumped(shown)

    monkeypatch.setattr(views, "_dumped", kept)
    with registry.using(gateway):
        yield live_server.url
    http.close()  # a kept connection would keep a server thread, and with it the test database
    assert answers.errors() == {}


@pytest.fixture
def client(_api: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        KEY, base_addresses={"api": f"{_api}/stripe"}, http_client=stripe.default_http_client
    )


@pytest.fixture
def hook() -> Iterator[Hook]:
    opened = Hook()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()
