"""Who may ask for what: one table, written by hand, against the rules that the schema declares.

A field that the table does not list fails, and so does a field that the schema lost. Every "." is really
asked for, as that role: the answer is a refusal, and no statement reaches the database (none is open here).
What a role may see inside its fields (its own station, its own order) is the subject of test_objects.py.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from marketplace.accounts.models import Role
from marketplace.api.errors import camel
from marketplace.api.guard import declared_rules
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Grant, Principal
from marketplace.schema import schema
from tests.marketplace.rights.documents import call, filled, refusals, root_fields

#: column -> the role in a scope of its own
SCOPES = {
    "farmer": "farmer",
    "information_officer": "station",
    "courier": "carrier",
    "hub_operator": "hub",
    "dispatcher": "hub",
    "cabinet_operator": "county",
    "county_reviewer": "county",
    "city_viewer": "county",
    "platform": "platform",
    "tester": "platform",
}
COLUMNS = ("nobody", "buyer", *SCOPES)

# "+" may ask, "." may not. Fields under the line are there with TESTER_CONSOLE only.
#                                  nob. buyer farm. offic cour. hub o disp. cab o revw. view. platf test.
MATRIX = """
Query.counties                      +     +     +     +     +     +     +     +     +     +     +     +
Query.countyOutlines                +     +     +     +     +     +     +     +     +     +     +     +
Query.hubs                          +     +     +     +     +     +     +     +     +     +     +     +
Query.places                        +     +     +     +     +     +     +     +     +     +     +     +
Query.nearPlaces                    +     +     +     +     +     +     +     +     +     +     +     +
Query.products                      +     +     +     +     +     +     +     +     +     +     +     +
Query.lots                          +     +     +     +     +     +     +     +     +     +     +     +
Query.lot                           +     +     +     +     +     +     +     +     +     +     +     +
Query.cabinets                      +     +     +     +     +     +     +     +     +     +     +     +
Query.cabinet                       +     +     +     +     +     +     +     +     +     +     +     +
Query.feeRules                      +     +     +     +     +     +     +     +     +     +     +     +
Query.storageRules                  +     +     +     +     +     +     +     +     +     +     +     +
Query.me                            +     +     +     +     +     +     +     +     +     +     +     +

Query.myNotices                     .     +     +     +     +     +     +     +     +     +     +     +
Query.myDeliveryConsents            .     +     +     +     +     +     +     +     +     +     +     +
Query.myParcels                     .     +     +     +     +     +     +     +     +     +     +     +
Query.cart                          .     +     +     +     +     +     +     +     +     +     +     +
Query.allergyLock                   .     +     +     +     +     +     +     +     +     +     +     +
Query.pickupChoices                 .     +     +     +     +     +     +     +     +     +     +     +
Query.order                         .     +     +     +     +     +     +     +     +     +     +     +
Query.myOrders                      .     +     +     +     +     +     +     +     +     +     +     +
Query.statement                     .     +     +     +     +     +     +     +     +     +     +     +
Query.statementEvent                .     +     +     +     +     +     +     +     +     +     +     +
Query.receipts                      .     +     +     +     +     +     +     +     +     +     +     +
Query.returnsOfOrder                .     +     +     +     +     +     +     +     +     +     +     +
Query.returnWays                    .     +     +     +     +     +     +     +     +     +     +     +
Query.invoicesToIssue               .     +     +     +     +     +     +     +     +     +     +     +
Query.station                       .     +     +     +     +     +     +     +     +     +     +     +
Query.myStations                    .     +     +     +     +     +     +     +     +     +     +     +
Query.myFarmers                     .     +     +     +     +     +     +     +     +     +     +     +

Query.payouts                       .     .     .     .     .     .     .     .     .     .     +     .
Query.carrierPayouts                .     .     .     .     +     .     .     .     .     .     +     .
Query.trialBalance                  .     .     .     .     .     .     .     .     .     .     +     .
Query.reconciliation                .     .     .     .     .     .     .     .     .     .     +     .
Query.cashClosings                  .     .     .     +     .     .     .     .     .     .     +     .
Query.returnsToReceive              .     .     .     +     +     .     .     .     .     .     +     .
Query.shortagePreview               .     .     +     +     .     .     .     .     .     .     +     .
Query.crateReturnPreview            .     .     .     +     .     +     .     .     .     .     +     .
Query.claimsToAnswer                .     .     +     +     .     .     .     .     .     .     +     .
Query.stationLots                   .     .     +     +     .     .     .     .     .     .     +     .
Query.stationOrders                 .     .     .     +     .     .     .     .     .     .     +     .
Query.stationBoard                  .     .     .     +     .     .     .     .     .     .     +     .
Query.hubBoard                      .     .     .     .     .     +     +     .     .     .     +     .
Query.plans                         .     .     .     .     .     +     +     .     .     .     +     .
Query.plan                          .     .     .     .     .     +     +     .     .     .     +     .
Query.breakdowns                    .     .     .     .     .     +     +     .     .     .     +     .
Query.comparePlans                  .     .     .     .     .     +     +     .     .     .     +     .
Query.waybills                      .     .     .     .     .     +     +     .     .     .     +     .
Query.cityRun                       .     .     .     .     .     .     +     .     .     .     +     .
Query.roadClosures                  .     .     .     .     .     +     +     .     .     .     +     .
Query.fixedTours                    .     .     .     .     .     +     +     .     .     .     +     .
Query.myRoutes                      .     .     .     .     +     +     +     .     .     .     +     .
Query.route                         .     .     .     .     +     +     +     .     .     .     +     .
Query.drop                          .     .     .     .     +     .     +     .     .     .     +     .
Query.unit                          .     .     .     +     +     +     +     +     +     .     +     .
Query.utilisation                   .     .     .     .     .     .     .     +     .     .     +     .
Query.operatedCabinets              .     .     .     .     .     .     .     +     .     .     +     .
Query.fleet                         .     .     .     .     .     .     .     +     .     .     +     .
Query.devices                       .     .     .     .     .     .     .     +     .     .     +     .
Query.unknownTags                   .     .     .     .     .     .     .     +     .     .     +     .
Query.coldAlarms                    .     .     .     .     .     .     .     +     +     .     +     .
Query.overdueParcels                .     .     .     .     .     .     .     +     .     .     +     .
Query.inspectionQueue               .     .     .     .     .     .     .     +     .     .     +     .
Query.cabinetParcels                .     .     .     .     .     .     .     +     .     .     +     .
Query.deskLog                       .     .     .     .     .     .     .     +     .     .     +     .
Query.doorEvents                    .     .     .     .     .     .     .     +     .     .     +     .
Query.nextPoints                    .     .     .     .     +     .     +     .     .     .     +     .
Query.breaches                      .     .     .     .     .     +     +     +     +     +     +     .

Mutation.requestSignInCode          +     +     +     +     +     +     +     +     +     +     +     +
Mutation.signIn                     +     +     +     +     +     +     +     +     +     +     +     +
Mutation.signInWithPin              +     +     +     +     +     +     +     +     +     +     +     +

Mutation.signOut                    .     +     +     +     +     +     +     +     +     +     +     +
Mutation.markNoticeRead             .     +     +     +     +     +     +     +     +     +     +     +
Mutation.submitOperations           .     +     +     +     +     +     +     +     +     +     +     +
Mutation.giveDeliveryConsent        .     +     +     +     +     +     +     +     +     +     +     +
Mutation.withdrawDeliveryConsent    .     +     +     +     +     +     +     +     +     +     +     +
Mutation.revokeAgentConsent         .     +     +     +     +     +     +     +     +     +     +     +
Mutation.setAllergyLock             .     +     +     +     +     +     +     +     +     +     +     +
Mutation.setCartLine                .     +     +     +     +     +     +     +     +     +     +     +
Mutation.placeOrder                 .     +     +     +     +     +     +     +     +     +     +     +
Mutation.payOrder                   .     +     +     +     +     +     +     +     +     +     +     +
Mutation.cancelOrder                .     +     +     +     +     +     +     +     +     +     +     +
Mutation.payStorageFee              .     +     +     +     +     +     +     +     +     +     +     +
Mutation.extendStorage              .     +     +     +     +     +     +     +     +     +     +     +
Mutation.delegatePickup             .     +     +     +     +     +     +     +     +     +     +     +
Mutation.endDelegation              .     +     +     +     +     +     +     +     +     +     +     +
Mutation.resendCode                 .     +     +     +     +     +     +     +     +     +     +     +
Mutation.openMyCompartment          .     +     +     +     +     +     +     +     +     +     +     +
Mutation.refuseParcel               .     +     +     +     +     +     +     +     +     +     +     +

Mutation.listLot                    .     .     +     +     .     .     .     .     .     .     +     .
Mutation.withdrawLot                .     .     +     +     .     +     .     .     .     .     +     .
Mutation.importLots                 .     .     .     +     .     .     .     .     .     .     +     .
Mutation.undoImport                 .     .     .     +     .     .     .     .     .     .     +     .
Mutation.registerFarmer             .     .     .     +     .     .     .     .     .     .     +     .
Mutation.registerVillager           .     .     .     +     .     .     .     .     .     .     +     .
Mutation.recordAgentConsent         .     .     .     +     .     .     .     .     .     .     +     .
Mutation.logService                 .     .     .     +     .     .     .     .     .     .     +     .
Mutation.orderForVillager           .     .     .     +     .     .     .     .     .     .     +     .
Mutation.weighIn                    .     .     .     +     .     .     .     .     .     .     +     .
Mutation.handOut                    .     .     .     +     .     .     .     .     .     .     +     .
Mutation.refundLine                 .     .     .     +     .     .     .     .     .     .     +     .

Mutation.packFulfilment             .     .     .     +     .     +     .     .     .     .     +     .
Mutation.packShipment               .     .     .     .     .     +     .     .     .     .     +     .
Mutation.dispatchTrunk              .     .     .     .     .     +     +     .     .     .     +     .
Mutation.receiveTrunk               .     .     .     .     .     +     +     .     .     .     +     .
Mutation.planWave                   .     .     .     .     .     .     +     .     .     .     +     .
Mutation.moveStop                   .     .     .     .     .     .     +     .     .     .     +     .
Mutation.insertUrgentStop           .     .     .     .     .     .     +     .     .     .     +     .
Mutation.replanFailure              .     .     .     .     .     .     +     .     .     .     +     .
Mutation.vehicleWorksAgain          .     .     .     .     .     .     +     .     .     .     +     .
Mutation.importWaybills             .     .     .     .     .     +     +     .     .     .     +     .
Mutation.undoWaybills               .     .     .     .     .     +     +     .     .     .     +     .
Mutation.planCity                   .     .     .     .     .     .     +     .     .     .     +     .
Mutation.closeRoad                  .     .     .     .     .     .     +     .     .     .     +     .
Mutation.liftClosure                .     .     .     .     .     .     +     .     .     .     +     .
Mutation.fixTour                    .     .     .     .     .     .     +     .     .     .     +     .
Mutation.endTour                    .     .     .     .     .     .     +     .     .     .     +     .
Mutation.undoPlanChange             .     .     .     .     .     .     +     .     .     .     +     .
Mutation.choosePlan                 .     .     .     .     .     .     +     .     .     .     +     .
Mutation.acknowledgeChanges         .     .     .     .     +     .     +     .     .     .     +     .
Mutation.loadRoute                  .     .     .     .     +     +     +     .     .     .     +     .
Mutation.departRoute                .     .     .     .     +     .     +     .     .     .     +     .
Mutation.arriveAtStop               .     .     .     .     +     .     +     .     .     .     +     .
Mutation.handOverUnits              .     .     .     .     +     .     +     .     .     .     +     .
Mutation.collectUnits               .     .     .     .     +     .     +     .     .     .     +     .
Mutation.completeStop               .     .     .     .     +     .     +     .     .     .     +     .
Mutation.failStop                   .     .     .     .     +     .     +     .     .     .     +     .
Mutation.finishRoute                .     .     .     .     +     .     +     .     .     .     +     .
Mutation.openCompartment            .     .     .     .     +     .     +     .     .     .     +     .
Mutation.confirmDrop                .     .     .     .     +     .     +     .     .     .     +     .
Mutation.divertParcel               .     .     .     .     +     .     +     .     .     .     +     .
Mutation.takeOutParcel              .     .     .     .     +     .     +     .     .     .     +     .
Mutation.takeLargerCompartment      .     .     .     .     +     .     +     .     .     .     +     .

Mutation.answerShortage             .     +     +     +     +     +     +     +     +     +     +     +
Mutation.declareShortage            .     .     +     +     .     .     .     .     .     .     +     .
Mutation.returnCrate                .     .     .     +     .     +     .     .     .     .     +     .
Mutation.closeCash                  .     .     .     +     .     .     .     .     .     .     +     .
Mutation.openClaim                  .     +     +     +     +     +     +     +     +     +     +     +
Mutation.appealClaim                .     +     +     +     +     +     +     +     +     +     +     +
Mutation.askReturn                  .     +     +     +     +     +     +     +     +     +     +     +
Mutation.receiveReturn              .     .     .     +     +     .     .     .     .     .     +     .
Mutation.decideReturn               .     .     .     .     .     .     .     .     .     .     +     .
Mutation.grantReturns               .     .     +     +     .     +     .     .     .     .     +     .
Mutation.requestReceipts            .     +     +     +     +     +     +     +     +     +     +     +
Mutation.recordInvoice              .     .     +     +     .     .     .     .     .     .     +     .
Mutation.answerClaim                .     .     +     +     .     .     .     .     .     .     +     .
Mutation.announceFeeRules           .     .     .     .     .     .     .     .     .     .     +     .

Mutation.decideInspection           .     .     .     .     .     .     .     +     .     .     +     .
Mutation.recallParcel               .     .     .     .     .     .     .     +     .     .     +     .
Mutation.reissueForRecipient        .     .     .     .     .     .     .     +     .     .     +     .
Mutation.assistRecipient            .     .     .     .     .     .     .     +     .     .     +     .
Query.siteImports                   .     .     .     .     .     .     .     +     .     .     +     .
Mutation.importSites                .     .     .     .     .     .     .     +     .     .     +     .
Mutation.undoSiteImport             .     .     .     .     .     .     .     +     .     .     +     .
Query.siting                        .     .     .     .     .     .     .     +     +     .     +     .
Query.recordableAssets              .     .     .     .     .     .     .     +     .     .     +     .
Mutation.registerRecorder           .     .     .     .     .     .     .     +     .     .     +     .
Mutation.announceStorageRule        .     .     .     .     .     .     .     +     .     .     +     .
Mutation.closeAlarm                 .     .     .     .     .     .     .     +     .     .     +     .
Mutation.setCabinetCamera           .     .     .     .     .     .     .     +     .     .     +     .
Mutation.issueDeviceToken           .     .     .     .     .     .     .     +     .     .     +     .
Mutation.revokeDevice               .     .     .     .     .     .     .     +     .     .     +     .
Mutation.registerReader             .     .     .     .     .     .     .     +     .     .     +     .
Mutation.bindTag                    .     .     .     +     .     +     .     .     .     .     +     .
Mutation.openWithReason             .     .     .     .     .     .     .     +     .     .     +     .
Mutation.blockCompartment           .     .     .     .     .     .     .     +     .     .     +     .
Mutation.unblockCompartment         .     .     .     .     .     .     .     +     .     .     +     .
Mutation.releaseHeldParcels         .     .     .     .     .     .     .     +     .     .     +     .
--------------------------------------------------------------------------------------------------------
Query.testClock                     .     .     .     .     .     .     .     .     .     .     .     +
Query.quiescence                    .     .     .     .     .     .     .     .     .     .     .     +
Mutation.setTestClock               .     .     .     .     .     .     .     .     .     .     .     +
Mutation.cabinetFault               .     .     .     .     .     .     .     .     .     .     .     +
Mutation.typeAtKeypad               .     .     .     .     .     .     .     .     .     .     .     +
Mutation.putIntoCompartment         .     .     .     .     .     .     .     .     .     .     .     +
"""


@dataclass(frozen=True, slots=True)
class Cell:
    field: str
    role: str
    allowed: bool


def rows(text: str) -> list[Cell]:
    cells = []
    for line in filter(None, map(str.strip, text.splitlines())):
        field, *marks = line.split()
        assert len(marks) == len(COLUMNS), line
        assert set(marks) <= {"+", "."}, line
        cells += [Cell(field, role, mark == "+") for role, mark in zip(COLUMNS, marks, strict=True)]
    return cells


ALWAYS, TESTERS = (rows(part) for part in re.split("^-+$", MATRIX, flags=re.MULTILINE))
CELLS = ALWAYS + TESTERS
RULES = {camel(field): rule for field, rule in declared_rules(schema) if rule is not None}


def principal_as(role: str) -> Principal:
    """Somebody with that one role, in a scope that nothing belongs to."""
    if role == "nobody":
        return Principal()
    scope = SCOPES.get(role)
    grants = frozenset({Grant(role, scope, None if scope == "platform" else uuid7())} if scope else ())
    return Principal(user_uuid=uuid7(), grants=grants)


def fields_of(cells: list[Cell]) -> list[str]:
    return sorted({cell.field for cell in cells})


def test_the_table_names_every_role_and_no_field_twice() -> None:
    assert set(SCOPES) == set(Role.values)
    assert len({(cell.field, cell.role) for cell in CELLS}) == len(CELLS)


def test_the_table_lists_exactly_the_schemas_fields() -> None:
    assert fields_of(CELLS) == sorted(root_fields())


def test_without_the_testers_console_its_fields_are_not_there_at_all() -> None:
    """In a process of its own: the schema is composed once, when it is imported."""
    told = subprocess.run(
        [sys.executable, "-c", _TELL_RULES],
        env={**os.environ, "TESTER_CONSOLE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    without = {camel(field): rule for field, rule in json.loads(told.stdout).items()}
    assert sorted(without) == fields_of(ALWAYS)
    assert without == {field: RULES[field].name for field in without}


@pytest.mark.parametrize("field", fields_of(CELLS))
def test_the_declared_rule_is_the_tables(field: str) -> None:
    declared = {role: RULES[field].allows(principal_as(role)) for role in COLUMNS}
    assert declared == {cell.role: cell.allowed for cell in CELLS if cell.field == field}


@pytest.mark.parametrize("role", COLUMNS)
def test_who_may_not_is_refused_before_anything_happens(role: str) -> None:
    """No database is open in this test: a refusal that looked into it first would be an internal error."""
    expected = "unauthenticated" if role == "nobody" else "forbidden"
    for cell in CELLS:
        if cell.role == role and not cell.allowed:
            answer = call(cell.field, principal_as(role), filled(cell.field))
            assert [refusal.code for refusal in refusals(answer)] == [expected], cell
            shown = (answer["data"] or {}).get(cell.field.partition(".")[2])
            assert shown is None or {v for k, v in shown.items() if k not in ("errors", "__typename")} <= {
                None
            }


_TELL_RULES = """
import json, django
django.setup()
from marketplace.api.errors import camel
from marketplace.api.guard import declared_rules
from marketplace.schema import schema
print(json.dumps({field: rule.name for field, rule in declared_rules(schema)}))
"""
