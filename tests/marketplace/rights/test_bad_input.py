"""What people really get wrong, by hand: each is refused by code and field, in both languages, and nothing
is written. test_fuzz.py tries the rest of what can be typed.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from marketplace.accounts.errors import UnknownRole
from marketplace.accounts.models import Membership
from marketplace.accounts.services.memberships import grant
from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from orders.models import WeighIn
from tests.factories.accounts import make_user
from tests.factories.graph import as_file
from tests.marketplace.rights.calls import CALLS, arguments
from tests.marketplace.rights.cast import World
from tests.marketplace.rights.documents import call, refusals
from tests.marketplace.rights.tables import Rows, rows

pytestmark = pytest.mark.django_db
ABSURD = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """The call of calls.py with `changes` (argument path -> value) is refused so."""

    call: str
    changes: dict[str, Any]
    code: str
    field: str


def _case(call: str, path: str, value: Any, code: str = "invalid", field: str | None = None) -> Case:
    return Case(call, {path: value}, code, field or path.replace("[]", "[0]"))


CASES = [
    # names of kinds that do not exist
    _case("Query.statement", "ownerKind", "emperor"),
    _case("Mutation.registerFarmer", "sellerKind", "emperor"),
    _case("Mutation.recordAgentConsent", "kind", "emperor"),
    _case("Mutation.recordAgentConsent", "evidenceKind", "rumour"),
    _case("Mutation.logService", "kind", "banking"),
    _case("Mutation.setCartLine", "substitution", "steal"),
    _case("Mutation.orderForVillager", "payment", "eggs"),
    _case("Mutation.planWave", "wave", "lunch", "unknown_wave"),
    _case("Mutation.releaseHeldParcels", "decision", "eat", "unknown_decision"),
    _case("Query.lots", "direction", "sideways"),
    # zones
    _case("Query.lots", "zone", "lukewarm", "unknown_zone"),
    _case("Mutation.listLot", "zone", "lukewarm", "unknown_zone"),
    _case("Mutation.listLot", "zone", "frozen", "cannot_keep"),
    # quantities
    _case("Mutation.setCartLine", "quantity", -1),
    _case("Mutation.setCartLine", "quantity", ABSURD),
    _case("Mutation.setCartLine", "quantity", 400_000, "out_of_stock"),
    _case("Mutation.listLot", "quantity", -5),
    _case("Mutation.listLot", "quantity", 0),
    _case("Mutation.listLot", "quantity", ABSURD),
    _case("Mutation.listLot", "shelfLifeDays", -1),
    _case("Mutation.listLot", "shelfLifeDays", ABSURD),
    _case("Mutation.orderForVillager", "lines[].quantity", 0),
    _case("Mutation.orderForVillager", "lines[].quantity", -3),
    _case("Mutation.orderForVillager", "lines[].quantity", ABSURD),
    _case("Mutation.orderForVillager", "lines", []),
    # weights and temperatures
    _case("Mutation.weighIn", "grossG", 0),
    _case("Mutation.weighIn", "grossG", 900),  # less than its tare
    _case("Mutation.weighIn", "grossG", ABSURD),
    _case("Mutation.weighIn", "tareG", -1),
    _case("Mutation.weighIn", "temperatureC", 451.0),
    _case("Mutation.packFulfilment", "portions[].netWeightG", -1),
    _case("Mutation.packFulfilment", "portions[].netWeightG", ABSURD),
    _case("Mutation.packShipment", "weightG", 0),
    _case("Mutation.packShipment", "weightG", ABSURD),
    _case("Mutation.openCompartment", "weightG", -1),
    _case("Mutation.openCompartment", "weightG", ABSURD),
    _case("Mutation.collectUnits", "temperatureC", -300.0),
    _case("Mutation.handOverUnits", "temperatureC", 1e300),
    # prices
    _case("Mutation.listLot", "priceFen", -1),
    _case("Mutation.listLot", "priceFen", 0),
    _case("Mutation.listLot", "priceFen", ABSURD),
    _case("Mutation.refundLine", "amountFen", 0),
    _case("Mutation.refundLine", "amountFen", -100),
    _case("Mutation.refundLine", "amountFen", ABSURD, "refund_too_large"),
    _case("Mutation.placeOrder", "agreedMaxFen", -1, "price_changed"),
    _case("Mutation.logService", "feeFen", -1),
    # places
    Case("Query.nearPlaces", {"lon": -0.12, "lat": 51.5}, "invalid", "lon"),
    Case("Query.nearPlaces", {"lon": 28.7, "lat": 115.4}, "invalid", "lon"),  # the wrong way round
    Case("Mutation.placeOrder", {"placeId": "{other_place}", "any": False}, "no_consent", "placeId"),
    Case("Mutation.placeOrder", {"placeId": None, "any": False}, "invalid", "placeId"),
    _case("Mutation.payOrder", "returnUrl", "https://evil.example/"),
    _case("Mutation.placeOrder", "returnUrl", "//evil.example/"),
    # dates
    _case("Mutation.listLot", "harvestedOn", "2026-11-13"),  # tomorrow
    _case("Mutation.listLot", "harvestedOn", "1971-01-01"),
    _case("Mutation.listLot", "certificate.issuedOn", "2099-01-01"),
    _case("Mutation.planWave", "date", "2099-01-01", "not_that_day"),
    Case("Query.statement", {"start": "1971-01-01"}, "invalid", "start"),
    _case("Mutation.setTestClock", "at", "2026-11-11T09:00:00+08:00", "clock_backwards"),
    # ids
    _case("Mutation.weighIn", "lotId", "lot-7"),
    _case("Mutation.loadRoute", "unitIds[]", "P7"),
    _case("Mutation.packFulfilment", "portions[].unitId", "7"),
    _case("Mutation.setCartLine", "lotId", str(uuid7()), "not_found"),
    _case("Query.unit", "code", "no such code", "not_found"),
    # texts
    _case("Mutation.registerVillager", "name", ""),
    _case("Mutation.registerVillager", "name", "  "),
    _case("Mutation.registerVillager", "name", "长" * 61),
    _case("Mutation.registerVillager", "name", "老\x00张"),
    _case("Mutation.registerVillager", "phone", "12345", "bad_phone"),
    _case("Mutation.requestSignInCode", "phone", "", "bad_phone"),
    _case("Mutation.registerFarmer", "licenceNumber", "B" * 61),
    _case("Mutation.failStop", "reason", " "),
    _case("Mutation.blockCompartment", "reason", "", "reason_missing"),
    _case("Mutation.openWithReason", "reason", "清" * 201),
    _case("Mutation.handOut", "code", "１２３４５６７８", "wrong_code"),
    _case("Mutation.importLots", "file", ""),
    _case("Mutation.importLots", "file", as_file("商品,农户\n土鸡蛋,王婶\n")),  # columns are missing
    _case("Mutation.importLots", "file", as_file('商品,农户\n"土鸡蛋,王婶\n')),  # the quote never closes
    _case("Mutation.weighIn", "idempotencyKey", "k" * 256),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.call}-{'-'.join(case.changes)}")
def test_it_is_refused_by_name_in_both_languages_and_nothing_is_written(
    world: World, untouched: Rows, case: Case
) -> None:
    given, principal = arguments(world, case.call, case.changes), world.people[CALLS[case.call].actor]
    before = untouched.standing()
    [chinese] = refusals(call(case.call, principal, given))
    [english] = refusals(call(case.call, principal, given, language="en"))
    assert (chinese.code, chinese.field) == (english.code, english.field) == (case.code, case.field)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese.message)
    assert english.message != chinese.message
    assert before.changed() == []


def test_an_unknown_role_is_given_to_nobody(world: World) -> None:
    user = make_user()
    with pytest.raises(UnknownRole) as refused:
        grant(user=user, role="emperor", scope_kind="platform")
    assert (refused.value.error_code, refused.value.field) == ("unknown_role", "role")
    assert not Membership.objects.filter(user=user).exists()


def test_the_same_key_weighs_once_and_with_other_grams_not_at_all(world: World) -> None:
    field, before = "Mutation.weighIn", WeighIn.objects.count()
    first = call(field, world.officer, arguments(world, field))
    again = call(field, world.officer, arguments(world, field))
    assert refusals(first) == []
    assert again == first
    assert WeighIn.objects.count() == before + 1
    standing = rows()
    other = call(field, world.officer, arguments(world, field, {"grossG": 8_001}))
    assert [(r.code, r.field) for r in refusals(other)] == [("idempotency_key_reused", "idempotencyKey")]
    assert standing.changed() == []


def test_who_pays_after_the_hold_ran_out_is_told(world: World, untouched: Rows) -> None:
    before = untouched.standing()
    with clock.as_of(clock.now() + timedelta(minutes=13)):
        answer = call("Mutation.payOrder", world.people["buyer"], arguments(world, "Mutation.payOrder"))
    assert [(refusal.code, refusal.field) for refusal in refusals(answer)] == [("not_payable", "orderId")]
    assert before.changed() == []


ROWS = [
    ("土鸡蛋,{farmer},12箱,36,{day}", []),
    ("金条,{farmer},12箱,36,{day}", [(2, "商品", "not_found")]),
    ("土鸡蛋,无此人,12箱,36,{day}", [(2, "农户", "not_found")]),
    ("土鸡蛋,{farmer},-12箱,36,{day}", [(2, "数量", "invalid")]),
    ("土鸡蛋,{farmer},2斤,36,{day}", [(2, "数量", "invalid")]),
    ("土鸡蛋,{farmer},12箱,免费,{day}", [(2, "单价", "invalid")]),
    ("土鸡蛋,{farmer},12箱,36,去年", [(2, "采收日期", "invalid")]),
    ("土鸡蛋,{farmer},12箱,36", [(2, "采收日期", "invalid")]),
    ("土鸡蛋,{farmer},999999999箱,36,{day}", [(2, "数量", "invalid")]),
]


@pytest.mark.parametrize(("row", "faults"), ROWS)
def test_a_bad_row_is_named_and_no_row_is_written(
    world: World, untouched: Rows, row: str, faults: list[tuple[int, str, str]]
) -> None:
    line = row.format(farmer=world.market.farmer.name, day=clock.today())
    csv = f"商品,农户,数量,单价,采收日期\n{line}\n土鸡蛋,{world.market.farmer.name},1箱,36,{clock.today()}\n"
    before = untouched.standing()
    answer = call(
        "Mutation.importLots", world.officer, arguments(world, "Mutation.importLots", {"file": as_file(csv)})
    )
    told = answer["data"]["importLots"]
    assert told["errors"] == []
    assert [(error["row"], error["field"], error["code"]) for error in told["rowErrors"]] == faults
    assert (told["importId"] is None) is bool(faults)
    assert ("catalog_lot" in before.changed()) is not bool(faults)
