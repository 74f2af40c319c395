"""For each root field one call that its own people may make in the world of world.py, and that succeeds.

"{crate}" stands for the id of that thing. The tests of objects and of bad input change one thing of a call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from marketplace.kernel.ids import uuid7
from tests.factories.graph import as_file
from tests.factories.orders import THURSDAY
from tests.marketplace.rights.cast import World

DAY = THURSDAY.isoformat()
NOW = "2026-11-12T09:00:00+08:00"


@dataclass(frozen=True, slots=True)
class Call:
    """`others` may make it too, with the same arguments."""

    actor: str
    arguments: Mapping[str, Any]
    others: tuple[str, ...] = ()


def _by(actor: str, *others: str, **arguments: Any) -> Call:
    return Call(actor, arguments, others)


OFFICER, PACKER = "information_officer", "hub_operator"
CERTIFICATE = {
    "number": "HGZ-9",
    "basis": "self_test",
    "issuedOn": DAY,
    "contact": "13800000000",
    "origin": "赤岸镇",
}
SITES = "站点编号,站点名称,站点类型,经度,纬度,柜机编号,温区,小格数\nYC-1,东门,小区,114.39,27.81,YC1,常温,4\n"
LOT = {"quantity": 20, "priceFen": 3200, "harvestedOn": DAY, "shelfLifeDays": 10, "zone": "chilled"}

CALLS: dict[str, Call] = {
    "Query.counties": _by("nobody"),
    "Query.countyOutlines": _by("nobody"),
    "Query.hubs": _by("nobody"),
    "Query.places": _by("nobody", kind="station", countyCode="360921", first=10),
    "Query.nearPlaces": _by("nobody", lon=115.4, lat=28.7, kinds=["station"], first=5),
    "Query.products": _by("nobody", direction="up", search="猕猴桃", first=10),
    "Query.lots": _by(
        "nobody", search="猕猴桃", zone="chilled", countyCode="360921", direction="up", first=10
    ),
    "Query.lot": _by("nobody", id="{kiwi}"),
    "Query.cabinets": _by("nobody", countyCode="360902"),
    "Query.cabinet": _by("nobody", id="{cabinet}"),
    "Query.feeRules": _by("nobody"),
    "Query.storageRules": _by("nobody", placeId="{place}"),
    "Query.me": _by("nobody", "buyer"),
    "Query.myNotices": _by("buyer", first=10),
    "Query.myDeliveryConsents": _by("buyer"),
    "Query.myParcels": _by("buyer", reference="{waiting}"),
    "Query.cart": _by("buyer"),
    "Query.allergyLock": _by("buyer"),
    "Query.pickupChoices": _by("buyer"),
    "Query.order": _by("buyer", "platform", id="{paid}"),
    "Query.myOrders": _by("buyer", first=10),
    "Query.statement": _by("farmer", OFFICER, ownerKind="farmer", ownerId="{farmer}", start=DAY, end=DAY),
    "Query.payouts": _by("platform", status="waiting", first=20),
    "Query.trialBalance": _by("platform"),
    "Query.carrierPayouts": _by("courier", "platform", first=10),
    "Query.reconciliation": _by("platform", first=10),
    "Query.cashClosings": _by(OFFICER, stationId="{station}", first=10),
    "Query.receipts": _by("buyer", "platform", orderId="{eaten_order}"),
    "Query.invoicesToIssue": _by("farmer", OFFICER, farmerId="{farmer}"),
    "Query.returnsOfOrder": _by("buyer", "platform", orderId="{eaten_order}"),
    "Query.returnWays": _by("buyer", lineId="{eaten_line}"),
    "Query.returnsToReceive": _by(OFFICER, "courier", "platform"),
    "Query.shortagePreview": _by("farmer", OFFICER, lotId="{kiwi}", available=1),
    "Query.crateReturnPreview": _by(PACKER, unitId="{crate_at_hub}"),
    "Query.claimsToAnswer": _by("farmer", OFFICER, "platform"),
    "Query.statementEvent": _by(
        "farmer", OFFICER, ownerKind="farmer", ownerId="{farmer}", transactionId="{posting}"
    ),
    "Query.station": _by(OFFICER, "county_reviewer", id="{station}"),
    "Query.myStations": _by(OFFICER),
    "Query.myFarmers": _by("farmer"),
    "Query.stationLots": _by(OFFICER, "farmer", stationId="{station}"),
    "Query.stationOrders": _by(OFFICER, stationId="{station}", first=10),
    "Query.stationBoard": _by(OFFICER, stationId="{station}"),
    "Query.hubBoard": _by(PACKER, "dispatcher", hubId="{hub}", date=DAY),
    "Query.plans": _by("dispatcher", PACKER, hubId="{hub}", date=DAY),
    "Query.plan": _by("dispatcher", PACKER, id="{plan}"),
    "Query.breakdowns": _by("dispatcher", PACKER, hubId="{hub}"),
    "Query.comparePlans": _by("dispatcher", PACKER, planId="{plan}", otherId="{plan_before}"),
    "Query.waybills": _by("dispatcher", PACKER, hubId="{hub}", date=DAY),
    "Query.cityRun": _by("dispatcher", date=DAY, wave="village_loop"),
    "Query.roadClosures": _by("dispatcher", PACKER, hubId="{hub}"),
    "Query.fixedTours": _by("dispatcher", PACKER, hubId="{hub}"),
    "Query.myRoutes": _by("courier", "dispatcher", date=DAY),
    "Query.route": _by("courier", "dispatcher", PACKER, id="{waiting_route}"),
    "Query.drop": _by("courier", id="{at_door_drop}"),
    "Query.unit": _by(OFFICER, "courier", code="{crate_code}"),
    "Query.breaches": _by("cabinet_operator", open=True),
    "Query.testClock": _by("tester"),
    "Query.quiescence": _by("tester"),
    "Mutation.requestSignInCode": _by("nobody", phone="13912340000"),
    "Mutation.signIn": _by("nobody", phone="13912340000", code="{sign_in_code}"),
    "Mutation.signInWithPin": _by("nobody", phone="{pin_phone}", pin="2580"),
    "Mutation.signOut": _by("buyer"),
    "Mutation.markNoticeRead": _by("buyer", id="{notice}"),
    "Mutation.submitOperations": _by(
        OFFICER,
        device="tablet-1",
        operations=[
            {
                "opId": str(uuid7()),
                "seq": 1,
                "type": "registerVillager",
                "eventTime": NOW,
                "baseVersion": 1,
                "schemaVersion": 1,
                "payload": "{payload}",
            }
        ],
    ),
    "Mutation.giveDeliveryConsent": _by("buyer", placeId="{other_place}", standing=True),
    "Mutation.withdrawDeliveryConsent": _by("buyer", placeId="{place}"),
    "Mutation.revokeAgentConsent": _by(OFFICER, "farmer", id="{consent}"),
    "Mutation.setAllergyLock": _by("buyer", on=False),
    "Mutation.setCartLine": _by(
        "buyer", lotId="{rice}", quantity=2_000, substitution="refund", allergyLock=True
    ),
    "Mutation.placeOrder": _by(
        "buyer",
        placeId="{place}",
        any=True,
        anyPlaceIds=["{place}"],
        agreedMaxFen=100_000,
        returnUrl="/orders",
        idempotencyKey="order-1",
    ),
    "Mutation.payOrder": _by("buyer", orderId="{unpaid}", returnUrl="/orders"),
    "Mutation.cancelOrder": _by("buyer", orderId="{unpaid}", idempotencyKey="cancel-1"),
    "Mutation.payStorageFee": _by("buyer", reference="{overdue_part}", returnUrl="/orders"),
    "Mutation.extendStorage": _by("buyer", reference="{waiting}"),
    "Mutation.delegatePickup": _by("buyer", reference="{waiting}", name="王姐", phone="13712340009"),
    "Mutation.endDelegation": _by("buyer", reference="{waiting}"),
    "Mutation.resendCode": _by("buyer", reference="{waiting}"),
    "Mutation.openMyCompartment": _by("buyer", reference="{waiting}", device="{device}"),
    "Mutation.refuseParcel": _by("buyer", reference="{opened}", reason="压坏了"),
    "Mutation.listLot": _by(
        OFFICER,
        "farmer",
        **LOT,
        productId="{product}",
        farmerId="{farmer}",
        stationId="{station}",
        certificate=CERTIFICATE,
        senderAgreement=True,
        plotId="{plot}",
        idempotencyKey="lot-1",
    ),
    "Mutation.withdrawLot": _by(OFFICER, "farmer", id="{kiwi}"),
    "Mutation.importLots": _by(
        OFFICER,
        stationId="{station}",
        fileName="lots.csv",
        file="{lots}",
        dryRun=False,
        idempotencyKey="import-1",
    ),
    "Mutation.undoImport": _by(OFFICER, id="{imported}"),
    "Mutation.registerFarmer": _by(
        OFFICER,
        stationId="{station}",
        name="王婶",
        phone="13712340000",
        sellerKind="cooperative",
        ownProduceDeclared=True,
        licenceNumber="B-77",
        idempotencyKey="farmer-1",
    ),
    "Mutation.registerVillager": _by(
        OFFICER, stationId="{station}", name="老张", phone="13712340001", idempotencyKey="villager-1"
    ),
    "Mutation.recordAgentConsent": _by(
        OFFICER,
        kind="agent_sale",
        farmerId="{farmer}",
        stationId="{station}",
        evidenceKind="printed_form",
        evidenceFileId="{file}",
        idempotencyKey="consent-1",
    ),
    "Mutation.logService": _by(
        OFFICER,
        stationId="{station}",
        kind="convenience",
        what="代缴电费",
        villagerId="{villager}",
        feeFen=200,
        idempotencyKey="service-1",
    ),
    "Mutation.orderForVillager": _by(
        OFFICER,
        stationId="{station}",
        villagerId="{villager}",
        lines=[{"lotId": "{goods}", "quantity": 1}],
        payment="cash",
        idempotencyKey="down-1",
    ),
    "Mutation.weighIn": _by(
        OFFICER,
        stationId="{station}",
        lotId="{kiwi}",
        grossG=8_000,
        tareG=1_000,
        crateCode="C-0001",
        temperatureC=6.5,
        idempotencyKey="weigh-1",
    ),
    "Mutation.handOut": _by(
        OFFICER, stationId="{station}", unitId="{down_on_shelf_parcel}", code="{code}", idempotencyKey="out-1"
    ),
    "Mutation.refundLine": _by(
        OFFICER, "platform", lineId="{kiwi_line}", amountFen=100, reason="压坏一个", idempotencyKey="refund-1"
    ),
    "Mutation.packFulfilment": _by(
        PACKER,
        fulfilmentId="{chilled}",
        portions=[{"lineId": "{kiwi_line}", "unitId": "{crate_at_hub}", "netWeightG": 5_000}],
        idempotencyKey="pack-1",
    ),
    "Mutation.packShipment": _by(
        PACKER, shipmentId="{shipment}", weightG=2_600, idempotencyKey="pack-down-1"
    ),
    "Mutation.dispatchTrunk": _by(
        "dispatcher", PACKER, fromHubId="{hub}", toHubId="{town}", date=DAY, idempotencyKey="trunk-1"
    ),
    "Mutation.receiveTrunk": _by("dispatcher", PACKER, hubId="{hub}", date=DAY, idempotencyKey="trunk-2"),
    "Mutation.planWave": _by(
        "dispatcher", hubId="{hub}", date=DAY, wave="village_loop", seconds=5, idempotencyKey="plan-1"
    ),
    "Mutation.moveStop": _by(
        "dispatcher", stopId="{waiting_stop}", vehicleId="{idle_van}", preview=False, idempotencyKey="move-1"
    ),
    "Mutation.insertUrgentStop": _by(
        "dispatcher",
        hubId="{hub}",
        date=DAY,
        wave="village_loop",
        reference="{new}",
        placeId="{second_place}",
        collectId="{station_place}",
        zone="ambient",
        size="S",
        weightG=900,
        preview=False,
        idempotencyKey="urgent-1",
    ),
    "Mutation.replanFailure": _by(
        "dispatcher", planId="{plan}", vehicleId="{waiting_van}", preview=False, idempotencyKey="fails-1"
    ),
    "Mutation.vehicleWorksAgain": _by(
        "dispatcher", breakdownId="{breakdown}", preview=True, idempotencyKey="works-1"
    ),
    "Mutation.importWaybills": _by(
        "dispatcher",
        PACKER,
        hubId="{hub}",
        firm="中通",
        date=DAY,
        fileName="a.csv",
        file=as_file("运单号,地点,重量\nZT7001,没有,1\n"),
        dryRun=True,
        idempotencyKey="waybills-1",
    ),
    "Mutation.undoWaybills": _by("dispatcher", PACKER, id="{waybills}", idempotencyKey="waybills-2"),
    "Mutation.planCity": _by("dispatcher", date=DAY, wave="village_loop", seconds=5, idempotencyKey="city-1"),
    "Mutation.closeRoad": _by(
        "dispatcher",
        hubId="{hub}",
        placeId="{station_place}",
        radiusM=500,
        fromAt=f"{DAY}T00:00:00+08:00",
        untilAt=f"{DAY}T23:00:00+08:00",
        why="修桥",
        preview=True,
        idempotencyKey="close-1",
    ),
    "Mutation.liftClosure": _by("dispatcher", closureId="{closure}", idempotencyKey="lift-1"),
    "Mutation.fixTour": _by(
        "dispatcher", routeId="{waiting_route}", name="西线", weekdays=[3], idempotencyKey="fix-1"
    ),
    "Mutation.endTour": _by("dispatcher", tourId="{fixed_tour}", idempotencyKey="end-1"),
    "Mutation.undoPlanChange": _by("dispatcher", planId="{plan}", preview=True, idempotencyKey="undo-1"),
    "Mutation.choosePlan": _by("dispatcher", planId="{plan_before}", preview=True, idempotencyKey="choose-1"),
    "Mutation.acknowledgeChanges": _by(
        "courier", "dispatcher", routeId="{waiting_route}", idempotencyKey="seen-1"
    ),
    "Mutation.loadRoute": _by(
        "courier",
        "dispatcher",
        PACKER,
        routeId="{waiting_route}",
        unitIds=["{down_at_hub_parcel}"],
        idempotencyKey="load-1",
    ),
    "Mutation.departRoute": _by(
        "courier", "dispatcher", routeId="{waiting_route}", idempotencyKey="depart-1"
    ),
    "Mutation.arriveAtStop": _by("courier", "dispatcher", stopId="{next_stop}", idempotencyKey="arrive-1"),
    "Mutation.handOverUnits": _by(
        "courier",
        "dispatcher",
        stopId="{first_stop}",
        unitIds=["{down_in_van_parcel}"],
        temperatureC=9.5,
        idempotencyKey="over-1",
    ),
    "Mutation.collectUnits": _by(
        "courier",
        "dispatcher",
        stopId="{first_stop}",
        unitIds=["{crate}"],
        temperatureC=9.5,
        idempotencyKey="collect-1",
    ),
    "Mutation.completeStop": _by("courier", "dispatcher", stopId="{first_stop}", idempotencyKey="done-1"),
    "Mutation.failStop": _by(
        "courier", "dispatcher", stopId="{first_stop}", reason="塌方", idempotencyKey="fail-1"
    ),
    "Mutation.finishRoute": _by("courier", "dispatcher", routeId="{ending_route}", idempotencyKey="finish-1"),
    "Mutation.openCompartment": _by(
        "courier",
        stopId="{town_stop}",
        unitId="{in_van_parcel}",
        damaged=False,
        weightG=2_600,
        temperatureC=3.5,
    ),
    "Query.nextPoints": _by("courier", stopId="{town_stop}", unitId="{in_van_parcel}"),
    "Mutation.divertParcel": _by(
        "courier", stopId="{town_stop}", unitId="{in_van_parcel}", placeId="{near_place}"
    ),
    "Mutation.takeOutParcel": _by("courier", stopId="{town_stop}", parcelId="{to_take_out}"),
    "Query.operatedCabinets": _by("cabinet_operator"),
    "Query.fleet": _by("cabinet_operator"),
    "Query.utilisation": _by(
        "cabinet_operator", start="2026-11-05T00:00:00+08:00", end="2026-11-12T00:00:00+08:00"
    ),
    "Query.devices": _by("cabinet_operator", first=10),
    "Query.unknownTags": _by("cabinet_operator", first=10),
    "Query.coldAlarms": _by("cabinet_operator", "county_reviewer", open=True, first=10),
    "Mutation.issueDeviceToken": _by("cabinet_operator", deviceId="{controller}"),
    "Mutation.revokeDevice": _by("cabinet_operator", deviceId="{controller}", reason="被盗"),
    "Mutation.registerReader": _by(
        "cabinet_operator", device="RFID-1", holderKind="hub", holderId="{town_hub}"
    ),
    "Mutation.bindTag": _by(OFFICER, unitId="{crate}", epc="300833B2DDD9014000000001"),
    "Query.overdueParcels": _by("cabinet_operator"),
    "Query.inspectionQueue": _by("cabinet_operator"),
    "Query.cabinetParcels": _by("cabinet_operator", cabinetId="{cabinet}"),
    "Query.deskLog": _by("cabinet_operator", cabinetId="{cabinet}", first=10),
    "Query.doorEvents": _by("cabinet_operator", cabinetId="{cabinet}", first=10),
    "Mutation.decideInspection": _by(
        "cabinet_operator", allocationId="{put_back}", decision="release", reason="完好"
    ),
    "Mutation.recallParcel": _by("cabinet_operator", allocationId="{lies_drop}", reason="卖家召回"),
    "Mutation.closeAlarm": _by("cabinet_operator", alarmId="{alarm}", reason="已上门查看"),
    "Mutation.reissueForRecipient": _by("cabinet_operator", allocationId="{lies_drop}", reason="手机丢了"),
    "Mutation.assistRecipient": _by(
        "cabinet_operator", allocationId="{lies_drop}", reason="屏幕看不清", idempotencyKey="assist-1"
    ),
    "Query.siting": _by(
        "cabinet_operator", "county_reviewer", start="2026-11-01T00:00:00Z", end="2026-11-12T00:00:00Z"
    ),
    "Query.recordableAssets": _by("cabinet_operator", kind="vehicle", search="车", first=10),
    "Mutation.registerRecorder": _by(
        "cabinet_operator",
        device="REC-1",
        assetKind="vehicle",
        assetId="{town_van}",
        probes=[{"label": "cold-1", "zone": "chilled", "minC": 0.0, "maxC": 4.0}],
    ),
    "Query.siteImports": _by("cabinet_operator", "platform", first=10),
    "Mutation.importSites": _by(
        "cabinet_operator",
        fileName="sites.csv",
        file=as_file(SITES),
        dryRun=False,
        idempotencyKey="sites-1",
    ),
    "Mutation.undoSiteImport": _by("cabinet_operator", id="{site_import}"),
    "Mutation.announceStorageRule": _by(
        "cabinet_operator",
        placeId="{place}",
        zone="ambient",
        validFrom="2026-12-01",
        freeH=48,
        stepH=12,
        stepFen=50,
        capFen=200,
        stayH=48,
        freeDays=["2026-12-25"],
        idempotencyKey="storage-1",
    ),
    "Mutation.setCabinetCamera": _by("cabinet_operator", cabinetId="{cabinet}", camera="NVR-3/07"),
    "Mutation.confirmDrop": _by("courier", dropId="{at_door_drop}"),
    "Mutation.takeLargerCompartment": _by("courier", dropId="{in_van_drop}"),
    "Mutation.answerShortage": _by("buyer", lineId="{asked_line}", choice="refund", idempotencyKey="short-1"),
    "Mutation.declareShortage": _by(
        "farmer", OFFICER, lotId="{kiwi}", available=5, why="冰雹", idempotencyKey="short-2"
    ),
    "Mutation.returnCrate": _by(PACKER, unitId="{crate_at_hub}", why="发霉", idempotencyKey="crate-1"),
    "Mutation.closeCash": _by(
        OFFICER, stationId="{station}", countedFen=100, reason="找零差了", idempotencyKey="cash-1"
    ),
    "Mutation.openClaim": _by(
        "buyer",
        lineId="{eaten_line}",
        percent=30,
        photoId="{claim_photo}",
        note="两个坏了",
        idempotencyKey="claim-1",
    ),
    "Mutation.askReturn": _by(
        "buyer", lineId="{eaten_line}", quantity=1, stationId="{station}", idempotencyKey="return-1"
    ),
    "Mutation.receiveReturn": _by(
        OFFICER, returnId="{asked_return}", intact=False, grossG=900, note="已拆", idempotencyKey="return-2"
    ),
    "Mutation.decideReturn": _by(
        "platform", returnId="{disputed_return}", refund=False, note="空盒", idempotencyKey="return-3"
    ),
    "Mutation.grantReturns": _by(OFFICER, id="{kiwi}", granted=True),
    "Mutation.requestReceipts": _by(
        "buyer",
        orderId="{eaten_order}",
        kind="company",
        title="宜春某某公司",
        taxNumber="91350100M000100Y43",
        email="a@example.cn",
        idempotencyKey="receipts-1",
    ),
    "Mutation.recordInvoice": _by(
        "farmer",
        OFFICER,
        receiptId="{receipt}",
        invoiceNumber="26362000000012345678",
        idempotencyKey="invoice-1",
    ),
    "Mutation.appealClaim": _by("buyer", claimId="{refused_claim}", idempotencyKey="appeal-1"),
    "Mutation.answerClaim": _by(
        "farmer",
        OFFICER,
        "platform",
        claimId="{open_claim}",
        grant=True,
        amountFen=100,
        answer="抱歉",
        idempotencyKey="answer-1",
    ),
    "Mutation.announceFeeRules": _by(
        "platform",
        validFrom="2026-12-01",
        commissionBp=500,
        stationSellingBp=600,
        stationBuyingBp=400,
        courierBp=8_000,
        secondLegFen=300,
        why="让利农户",
        idempotencyKey="fees-1",
    ),
    "Mutation.openWithReason": _by(
        "cabinet_operator", compartmentId="{compartment}", reason="清洁", idempotencyKey="open-1"
    ),
    "Mutation.blockCompartment": _by("cabinet_operator", compartmentId="{compartment}", reason="清洁"),
    "Mutation.unblockCompartment": _by("cabinet_operator", compartmentId="{compartment}"),
    "Mutation.releaseHeldParcels": _by("cabinet_operator", breachId="{breach}", decision="release"),
    "Mutation.setTestClock": _by("tester", at="2026-11-12T10:00:00+08:00", frozen=True),
    "Mutation.cabinetFault": _by("tester", cabinetId="{simulated}", fault="offline", on=True),
    "Mutation.typeAtKeypad": _by("tester", cabinetId="{simulated}", digits="12345678"),
    "Mutation.putIntoCompartment": _by(
        "tester", cabinetId="{simulated}", compartment="01", parcel="P0000000001"
    ),
}


def arguments(world: World, name: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The arguments of a call with real ids; `changes`: argument path ("lines[].lotId") -> another value."""
    written = orjson.loads(orjson.dumps(CALLS[name].arguments))
    for path, value in (changes or {}).items():
        place(written, path, value)
    return {argument: _named(value, world) for argument, value in written.items()}


def place(arguments: Any, path: str, value: Any) -> None:
    """Put `value` at a path; "[]" is the first of a list, made where there is none."""
    head, _, rest = path.partition(".")
    name = head.removesuffix("[]")
    if head != name and rest:
        place(arguments.setdefault(name, [{}])[0], rest, value)
    elif head != name:
        arguments[name] = [value]
    elif rest:
        place(arguments.setdefault(name, {}), rest, value)
    else:
        arguments[name] = value


def _named(value: Any, world: World) -> Any:
    if isinstance(value, dict):
        return {name: _named(inner, world) for name, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, world) for inner in value]
    if isinstance(value, str) and value.startswith("{") and value[1:-1] in world.ids:
        return world.ids[value[1:-1]]
    return value
