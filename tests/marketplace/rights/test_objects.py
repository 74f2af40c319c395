"""Rights to the single thing: the same role in another place, and somebody else's thing in one's own act.

Each ID that the schema takes has a row. OWN: whose thing it is decides, so everybody with a fitting role
elsewhere (another station's officer, another farmer, another carrier's courier, ...) is refused, while its
own people are served. Foreign: one's own act on somebody else's thing is refused too. Open: why anybody may.
An ID without a row fails. A refusal leaves every row of every table as it was.
"""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from marketplace.api.errors import camel
from marketplace.api.guard import declared_rules
from marketplace.kernel.ids import uuid7
from marketplace.schema import schema
from tests.database import undone
from tests.marketplace.rights.calls import CALLS, DAY, NOW, arguments
from tests.marketplace.rights.cast import World
from tests.marketplace.rights.documents import arguments_of, call, refusals, root_fields
from tests.marketplace.rights.tables import Rows, rows

pytestmark = pytest.mark.django_db
RULES = {camel(field): rule for field, rule in declared_rules(schema) if rule is not None}
REFUSED = {"not_found", "forbidden"}


class Own:
    """Whose thing it is, decides."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody else's thing, named as in calls.py, answered with `code`. `also` goes with it."""

    thing: str
    code: str
    also: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Open:
    why: str


OWN = Own()
SHOP_WINDOW = Open("the shop window is for everybody")
CATALOGUE = Open("the catalogue is common")
ANY_PLACE = Open("every place is public; the consent is the asker's own")
SIMULATED = Open("a tester breaks any simulated cabinet; the console is off in production")

OBJECTS: dict[str, dict[str, Own | Foreign | Open]] = {
    "Query.lot": {"id": SHOP_WINDOW},
    "Query.cabinet": {"id": Open("where a cabinet stands and what is free in it, is public")},
    "Query.myParcels": {"reference": Open("a list of one's own; test_lists_hold_ones_own_things_only")},
    "Query.station": {"id": Open("a station's public face; its people are guarded one level deeper")},
    "Query.order": {"id": OWN},
    "Query.statement": {"ownerId": OWN},
    "Query.statementEvent": {"ownerId": OWN, "transactionId": Foreign("{other_posting}", "not_found")},
    "Query.stationLots": {"stationId": OWN},
    "Query.stationOrders": {"stationId": OWN},
    "Query.stationBoard": {"stationId": OWN},
    "Query.hubBoard": {"hubId": OWN},
    "Query.plans": {"hubId": OWN},
    "Query.plan": {"id": OWN},
    "Query.breakdowns": {"hubId": OWN},
    "Query.comparePlans": {"planId": OWN, "otherId": OWN},
    "Query.waybills": {"hubId": OWN},
    "Query.roadClosures": {"hubId": OWN},
    "Query.fixedTours": {"hubId": OWN},
    "Query.route": {"id": OWN},
    "Query.drop": {"id": OWN},
    "Mutation.markNoticeRead": {"id": OWN},
    "Mutation.submitOperations": {"operations[].opId": Open("test_an_operation_id_belongs_to_who_used_it")},
    "Mutation.giveDeliveryConsent": {"placeId": ANY_PLACE},
    "Mutation.withdrawDeliveryConsent": {"placeId": Foreign("{other_place}", "not_found")},
    "Mutation.revokeAgentConsent": {"id": OWN},
    "Mutation.setCartLine": {"lotId": SHOP_WINDOW},
    "Mutation.placeOrder": {
        "placeId": Foreign("{other_place}", "no_consent"),
        "anyPlaceIds[]": Foreign("{other_place}", "no_consent"),
    },
    "Mutation.payOrder": {"orderId": OWN},
    "Mutation.cancelOrder": {"orderId": OWN},
    "Mutation.payStorageFee": {"reference": OWN},
    "Query.storageRules": {"placeId": Open("a published tariff of a public place")},
    "Mutation.announceStorageRule": {"placeId": OWN},
    "Mutation.undoSiteImport": {"id": OWN},
    "Mutation.extendStorage": {"reference": OWN},
    "Mutation.delegatePickup": {"reference": OWN},
    "Mutation.endDelegation": {"reference": OWN},
    "Mutation.resendCode": {"reference": OWN},
    "Mutation.openMyCompartment": {"reference": OWN},
    "Mutation.refuseParcel": {"reference": OWN},
    "Mutation.listLot": {
        "productId": CATALOGUE,
        "stationId": OWN,
        "farmerId": Foreign("{other_farmer}", "not_found"),
        "plotId": Foreign("{other_plot}", "not_found"),
    },
    "Mutation.withdrawLot": {"id": OWN},
    "Mutation.importLots": {"stationId": OWN},
    "Mutation.undoImport": {"id": OWN},
    "Mutation.registerFarmer": {"stationId": OWN},
    "Mutation.registerVillager": {"stationId": OWN},
    "Mutation.recordAgentConsent": {
        "stationId": OWN,
        "farmerId": Foreign("{other_farmer}", "not_found"),
        "villagerId": Foreign(
            "{other_villager}", "not_found", also=(("kind", "agent_purchase"), ("farmerId", None))
        ),
        "evidenceFileId": Foreign("{other_file}", "not_found"),
    },
    "Mutation.logService": {"stationId": OWN, "villagerId": Foreign("{other_villager}", "not_found")},
    "Mutation.orderForVillager": {
        "stationId": OWN,
        "villagerId": Foreign("{other_villager}", "not_found"),
        "lines[].lotId": Foreign("{other_goods}", "other_county"),
        "alsoPlaceIds[]": Open("every counter is public; tests/orders refuse those of another hub"),
    },
    "Mutation.weighIn": {"stationId": OWN, "lotId": Foreign("{rice}", "not_found")},
    "Mutation.handOut": {"stationId": OWN, "unitId": Foreign("{at_door_parcel}", "not_found")},
    "Mutation.refundLine": {"lineId": OWN},
    "Mutation.packFulfilment": {
        "fulfilmentId": OWN,
        "portions[].lineId": Foreign("{rice_line}", "not_found"),
        "portions[].unitId": Foreign("{other_crate}", "wrong_holder"),
    },
    "Mutation.packShipment": {"shipmentId": OWN},
    "Mutation.dispatchTrunk": {
        "fromHubId": OWN,
        "toHubId": Open("any hub can be sent to; what goes there, its shipments say"),
    },
    "Mutation.receiveTrunk": {"hubId": OWN},
    "Mutation.planWave": {"hubId": OWN},
    "Mutation.moveStop": {"stopId": OWN, "vehicleId": Foreign("{town_van}", "not_found")},
    "Mutation.insertUrgentStop": {
        "hubId": OWN,
        "reference": Open("the client makes it"),
        "placeId": Open("a van goes wherever its hub says"),
        "collectId": Open("a van goes wherever its hub says"),
    },
    "Mutation.replanFailure": {
        "planId": OWN,
        "placeId": Foreign("{place}", "not_found"),
        "vehicleId": Foreign("{town_van}", "not_found"),
        "atPlaceId": Open("a van may break down wherever it is"),
    },
    "Mutation.vehicleWorksAgain": {"breakdownId": OWN},
    "Mutation.importWaybills": {"hubId": OWN},
    "Mutation.undoWaybills": {"id": OWN},
    "Mutation.closeRoad": {
        "hubId": OWN,
        "placeId": Open("a road is closed wherever it is"),
        "otherId": Open("a road is closed wherever it is"),
    },
    "Mutation.liftClosure": {"closureId": OWN},
    "Mutation.fixTour": {"routeId": OWN},
    "Mutation.endTour": {"tourId": OWN},
    "Mutation.undoPlanChange": {"planId": OWN},
    "Mutation.choosePlan": {"planId": OWN},
    "Mutation.acknowledgeChanges": {"routeId": OWN},
    "Mutation.loadRoute": {"routeId": OWN, "unitIds[]": Foreign("{other_crate}", "not_on_this_route")},
    "Mutation.departRoute": {"routeId": OWN},
    "Mutation.arriveAtStop": {"stopId": OWN},
    "Mutation.handOverUnits": {"stopId": OWN, "unitIds[]": Foreign("{in_van_parcel}", "not_at_this_stop")},
    "Mutation.collectUnits": {"stopId": OWN, "unitIds[]": Foreign("{other_crate}", "wrong_holder")},
    "Mutation.completeStop": {"stopId": OWN},
    "Mutation.failStop": {"stopId": OWN},
    "Mutation.finishRoute": {"routeId": OWN},
    "Mutation.openCompartment": {
        "stopId": OWN,
        "unitId": Foreign("{down_in_van_parcel}", "not_at_this_stop"),
    },
    "Query.nextPoints": {"stopId": OWN, "unitId": Foreign("{down_in_van_parcel}", "not_at_this_stop")},
    "Mutation.divertParcel": {
        "stopId": OWN,
        "unitId": Foreign("{down_in_van_parcel}", "not_at_this_stop"),
        "placeId": Foreign("{other_place}", "not_this_place"),
    },
    "Mutation.takeOutParcel": {"stopId": OWN, "parcelId": Foreign("{lies_drop}", "not_collectable")},
    "Query.cabinetParcels": {"cabinetId": OWN},
    "Query.deskLog": {"cabinetId": OWN},
    "Query.doorEvents": {"cabinetId": OWN},
    "Mutation.decideInspection": {"allocationId": OWN},
    "Mutation.recallParcel": {"allocationId": OWN},
    "Mutation.reissueForRecipient": {"allocationId": OWN},
    "Mutation.assistRecipient": {"allocationId": OWN},
    "Mutation.closeAlarm": {"alarmId": OWN},
    "Mutation.setCabinetCamera": {"cabinetId": OWN},
    "Mutation.issueDeviceToken": {"deviceId": OWN},
    "Mutation.revokeDevice": {"deviceId": OWN},
    "Mutation.registerReader": {"holderId": OWN},
    "Mutation.registerRecorder": {"assetId": OWN},
    "Mutation.bindTag": {"unitId": OWN},
    "Mutation.confirmDrop": {"dropId": OWN},
    "Mutation.takeLargerCompartment": {"dropId": OWN},
    "Mutation.answerShortage": {"lineId": OWN},
    "Mutation.declareShortage": {"lotId": OWN},
    "Mutation.returnCrate": {"unitId": OWN},
    "Query.shortagePreview": {"lotId": OWN},
    "Query.crateReturnPreview": {"unitId": OWN},
    "Query.cashClosings": {"stationId": OWN},
    "Mutation.closeCash": {"stationId": OWN},
    "Mutation.openClaim": {"lineId": OWN, "photoId": Foreign("{other_file}", "not_found")},
    "Query.receipts": {"orderId": OWN},
    "Query.returnsOfOrder": {"orderId": OWN},
    "Query.returnWays": {"lineId": OWN},
    "Mutation.askReturn": {"lineId": OWN, "stationId": Open("any station's counter takes goods back")},
    "Mutation.decideReturn": {"returnId": Open("the platform decides about all of them")},
    "Mutation.receiveReturn": {"returnId": OWN},
    "Mutation.grantReturns": {"id": OWN},
    "Query.invoicesToIssue": {"farmerId": OWN},
    "Mutation.requestReceipts": {"orderId": OWN},
    "Mutation.recordInvoice": {"receiptId": OWN},
    "Mutation.appealClaim": {"claimId": OWN},
    "Mutation.answerClaim": {"claimId": OWN},
    "Mutation.openWithReason": {"compartmentId": OWN},
    "Mutation.blockCompartment": {"compartmentId": OWN},
    "Mutation.unblockCompartment": {"compartmentId": OWN},
    "Mutation.releaseHeldParcels": {"breachId": OWN},
    "Mutation.cabinetFault": {"cabinetId": SIMULATED},
    "Mutation.typeAtKeypad": {"cabinetId": SIMULATED},
    "Mutation.putIntoCompartment": {"cabinetId": SIMULATED},
}

OWNED = sorted(field for field, ids in OBJECTS.items() if OWN in ids.values())
FOREIGN = sorted(
    (field, path, row)
    for field, ids in OBJECTS.items()
    for path, row in ids.items()
    if isinstance(row, Foreign)
)
#: the cabinets' process is not up here: who may is told so, who may not is told that
AWAY = {field: ["try_again"] for field, ids in OBJECTS.items() if SIMULATED in ids.values()}


def test_every_id_of_the_schema_has_a_row() -> None:
    taken = {field: {arg.path for arg in arguments_of(field) if arg.type == "ID"} for field in root_fields()}
    assert {field: set(ids) for field, ids in OBJECTS.items()} == {f: ids for f, ids in taken.items() if ids}


def test_every_field_has_a_call() -> None:
    assert sorted(CALLS) == sorted(root_fields())


@pytest.mark.parametrize("field", sorted(CALLS))
def test_its_own_people_are_served(world: World, field: str) -> None:
    """Else a refusal in the tests below would prove nothing."""
    for role in (CALLS[field].actor, *CALLS[field].others):
        with undone():
            answer = call(field, world.people[role], arguments(world, field))
            assert [refusal.code for refusal in refusals(answer)] == AWAY.get(field, []), role


@pytest.mark.parametrize("field", OWNED)
def test_the_same_role_elsewhere_is_refused_and_changes_nothing(
    world: World, untouched: Rows, field: str
) -> None:
    asked = [role for role, who in world.strangers.items() if RULES[field].allows(who)]
    assert asked
    for role in asked:
        before = untouched.standing()
        with undone():
            answer = call(field, world.strangers[role], arguments(world, field))
            assert {refusal.code for refusal in refusals(answer)} <= REFUSED, role
            assert len(refusals(answer)) == 1, role
            assert before.changed() == [], role


@pytest.mark.parametrize(
    ("field", "path", "row"), FOREIGN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_ones_own_act_on_a_foreign_thing_is_refused(
    world: World, untouched: Rows, field: str, path: str, row: Foreign
) -> None:
    given = arguments(world, field, {path: row.thing, **dict(row.also)})
    before = untouched.standing()
    with undone():
        answer = call(field, world.people[CALLS[field].actor], given)
        assert [refusal.code for refusal in refusals(answer)] == [row.code]
        assert before.changed() == []


STATEMENTS = [
    ("farmer", "{farmer}"),
    ("station", "{station}"),
    ("courier", "{carrier}"),
    ("platform", "{hub}"),
]


@pytest.mark.parametrize(("kind", "owner"), STATEMENTS)
def test_a_statement_is_for_its_owner(world: World, kind: str, owner: str) -> None:
    given = arguments(world, "Query.statement", {"ownerKind": kind, "ownerId": owner})
    for role, stranger in world.strangers.items():
        answer = call("Query.statement", stranger, given)
        assert {refusal.code for refusal in refusals(answer)} <= REFUSED, role
        assert answer["data"] is None
    rightful = {"farmer": "farmer", "station": "information_officer", "courier": "courier"}
    answer = call("Query.statement", world.people[rightful.get(kind, "platform")], given)
    assert refusals(answer) == []


def operation(world: World, **changes: Any) -> dict[str, Any]:
    payload = {"stationId": world.ids["station"], "name": "老孙"}
    return {
        "opId": str(uuid7()),
        "seq": 1,
        "type": "registerVillager",
        "eventTime": NOW,
        "schemaVersion": 1,
        "payload": orjson.dumps(payload).decode(),
        **changes,
    }


def test_an_operation_id_belongs_to_who_used_it(world: World) -> None:
    sent = {"device": "tablet-1", "operations": [operation(world)]}
    assert refusals(call("Mutation.submitOperations", world.officer, sent)) == []
    before = rows()
    answer = call("Mutation.submitOperations", world.strangers["information_officer"], sent)
    assert [refusal.code for refusal in refusals(answer)] == ["conflict"]
    assert answer["data"]["submitOperations"]["results"] is None
    assert before.changed() == []


def test_an_act_done_offline_has_no_more_rights(world: World) -> None:
    before = rows()
    sent = {"device": "tablet-2", "operations": [operation(world)]}
    answer = call("Mutation.submitOperations", world.strangers["information_officer"], sent, depth=3)
    [result] = answer["data"]["submitOperations"]["results"]
    assert (result["outcome"], [error["code"] for error in result["errors"]]) == ("refused", ["forbidden"])
    assert before.changed() == ["api_offlineoperation"]


def test_an_offline_act_with_a_control_character_is_refused_alone(world: World) -> None:
    """The rest of what a tablet kept all day must not wait behind it."""
    payload = orjson.dumps({"stationId": world.ids["station"], "name": "老\x00孙"}).decode()
    sent = {"device": "tablet-3", "operations": [operation(world, payload=payload), operation(world, seq=2)]}
    answer = call("Mutation.submitOperations", world.officer, sent, depth=3)
    results = answer["data"]["submitOperations"]["results"]
    assert [result["outcome"] for result in results] == ["refused", "applied"]
    assert [error["field"] for error in results[0]["errors"]] == ["name"]


def test_tries_at_the_counter_are_counted_however_the_parcels_id_is_spelt(world: World) -> None:
    unit = world.ids["down_on_shelf_parcel"]
    spellings = [unit, unit.upper(), unit.replace("-", ""), f"{{{unit}}}", f"urn:uuid:{unit}"]
    for spelling in spellings:
        given = arguments(world, "Mutation.handOut", {"unitId": spelling, "code": "00000000"})
        assert [r.code for r in refusals(call("Mutation.handOut", world.officer, given))] == ["wrong_code"]
    right = arguments(world, "Mutation.handOut")
    assert [r.code for r in refusals(call("Mutation.handOut", world.officer, right))] == ["rate_limited"]
    stranger = call("Mutation.handOut", world.strangers["information_officer"], right)
    assert [r.code for r in refusals(stranger)] == ["forbidden"]


def test_lists_hold_ones_own_things_only(world: World) -> None:
    """Fields without an id: what they show is the asker's."""
    shown = {
        "Query.breaches": "cabinet_operator",
        "Query.operatedCabinets": "cabinet_operator",
        "Query.fleet": "cabinet_operator",
        "Query.devices": "cabinet_operator",
        "Query.siteImports": "cabinet_operator",
        "Query.overdueParcels": "cabinet_operator",
        "Query.inspectionQueue": "cabinet_operator",
        "Query.myOrders": "buyer",
        "Query.myNotices": "buyer",
        "Query.cart": "buyer",
        "Query.myParcels": "buyer",
        "Query.myFarmers": "farmer",
        "Query.myStations": "information_officer",
        "Query.myRoutes": "courier",
    }
    for field, role in shown.items():
        given = {"date": DAY} if field == "Query.myRoutes" else {}
        name = field.partition(".")[2]
        mine = call(field, world.people[role], given)["data"][name]
        theirs = call(field, world.strangers[role], given)["data"][name]
        assert mine, field
        assert not _ids(mine) & _ids(theirs), field


def _ids(shown: Any) -> set[str]:
    rows = shown if isinstance(shown, list) else [shown] if shown else []
    return {row.get("id") or row.get("reference") or row["cabinetId"] for row in rows}
