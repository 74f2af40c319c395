from uuid import uuid4

import pytest
from django.test import Client

from marketplace.accounts.services.memberships import grant
from marketplace.accounts.services.sign_in import sign_in_with_pin
from tests.factories.accounts import make_user
from tests.factories.orders import make_paid_order
from tests.orders.services.steps import collected

MAGIC = {"csv": b"\xef\xbb\xbf", "xlsx": b"PK", "pdf": b"%PDF-"}


@pytest.fixture
def farmer(market, thursday):
    order = make_paid_order(market, (market.kiwi, 1))
    thursday()
    collected(market, order, 2_500)
    user = make_user(pin="2580")
    grant(user=user, role="farmer", scope_kind="farmer", scope_uuid=market.farmer.uuid)
    return user


def fetch(user, uuid, extension, **query):
    token, _ = sign_in_with_pin(phone=user.phone, pin="2580")
    headers = {"authorization": f"Bearer {token}"}
    return Client().get(f"/statements/farmer/{uuid}.{extension}", query, headers=headers)


@pytest.mark.parametrize("extension", MAGIC)
def test_a_farmer_takes_the_statement_home(market, farmer, extension):
    answer = fetch(farmer, market.farmer.uuid, extension)
    assert answer.status_code == 200
    assert answer.content.startswith(MAGIC[extension])
    assert answer["Content-Disposition"].endswith(f".{extension}")
    assert "no-store" in answer["Cache-Control"]


def test_nobody_else_does(market, farmer):
    assert fetch(farmer, uuid4(), "csv").status_code == 404
    assert fetch(make_user(pin="2580"), market.farmer.uuid, "csv").status_code == 404
    assert Client().get(f"/statements/farmer/{market.farmer.uuid}.csv").status_code == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [({"start": "gestern"}, "start"), ({"end": "0001-01-01"}, "end"), ({"start": "2030-01-01"}, "start")],
)
def test_a_period_that_cannot_be_is_named(market, farmer, query, field):
    answer = fetch(farmer, market.farmer.uuid, "csv", **query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_another_kind_of_file_or_statement_is_not_there(market, farmer):
    assert fetch(farmer, market.farmer.uuid, "exe").status_code == 404
    token, _ = sign_in_with_pin(phone=farmer.phone, pin="2580")
    answer = Client().get(
        f"/statements/friend/{market.farmer.uuid}.csv", headers={"authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "ownerKind")
