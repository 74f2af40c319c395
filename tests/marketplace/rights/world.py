"""A market in the middle of a delivery day, with every kind of thing that an id can name, and its strangers.

On Wednesday buyers and villagers ordered. On Thursday morning parcels wait at the hub, ride in vans, lie on
the station's shelf and behind a door of the cabinet. `people` are who works on these things; `strangers` have
the same roles elsewhere. `ids` names each thing once, as calls.py writes it: "{crate}".
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from catalog.models import Product
from catalog.services.imports import import_lots
from lockers.models import Allocation, Compartment, DeviceAlarm, DeviceMessage, SiteImport
from lockers.protocol.messages import Kind
from lockers.services.parcels import collection, recipients
from lockers.services.sites.cabinets import CellSpec, register_cabinet
from marketplace.accounts.services.consents import give_delivery_consent
from marketplace.accounts.services.sign_in import request_sign_in_code
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, hand_over
from marketplace.kernel import clock, ids
from marketplace.kernel.temperature import Band
from marketplace.messages.models import Notice
from marketplace.telemetry.models import Breach, Probe
from orders.ledger.accounts import AccountKind
from orders.ledger.services import credit, debit, post, settle
from orders.models import Claim, Fulfilment, GoodsReturn, Line, Order, Receipt
from orders.return_rules import freeze, rule_for
from orders.services import road
from orders.services.fulfilment import arrivals
from orders.services.fulfilment.packing import Portion, pack_fulfilment, pack_shipment
from orders.services.fulfilment.weigh_in import weigh_in
from orders.services.purchases.villager_orders import order_for_villager
from orders.services.settlement.settling import goods_parts
from routing.models import Breakdown, FixedTour, Leg, Plan, RoadClosure, Route, Stop, WaybillBatch
from routing.services.tours import dropping, tour
from tests.factories.accounts import make_user
from tests.factories.catalog import make_product
from tests.factories.graph import as_file
from tests.factories.orders import (
    CELLS,
    THURSDAY,
    deliver,
    fill_cart,
    make_cabinet,
    make_market,
    make_order,
    make_paid_order,
    make_village_goods,
)
from tests.factories.places import make_place, make_site, make_vehicle
from tests.factories.routing import make_route
from tests.marketplace.rights.cast import World, elsewhere, make_file, make_plot, staff, user_of

#: chilled cells for every parcel, and a larger one for the parcel that does not fit
ROOMY = (*CELLS * 6, ("chilled", "L", Band(2, 4)))


def make_world(move: Callable[[datetime], None]) -> World:
    """Must run in a transaction while business time stands on Wednesday morning; leaves it on Thursday's."""
    world = World(make_market(cells=ROOMY, kiwis=10))
    staff(world)
    elsewhere(world)
    _wednesday(world)
    move(clock.at(THURSDAY, 9))
    _at_the_station(world)
    _on_the_loop(world)
    _in_town(world)
    _at_the_cabinet(world)
    _of_the_buyer(world)
    _at_the_door(world)
    _in_the_books(world)
    _complaints(world)
    return world


def _wednesday(world: World) -> None:
    market = world.market
    villager, goods = make_village_goods(market)
    world.name(villager=villager, goods=goods)
    for name in ("down_to_pack", "down_at_hub", "down_in_van", "down_on_shelf"):
        order = order_for_villager(
            principal=world.officer,
            station_uuid=market.station.uuid,
            villager_uuid=villager.uuid,
            lines=[(goods.uuid, 1)],
            payment="cash",
        )
        world.name(**{name: order.fulfilments.get()})
    for name, lines in {
        "paid": [(market.kiwi, 2), (market.rice, 1_500)],
        "in_van": [(market.kiwi, 1)],
        "at_door": [(market.kiwi, 1)],
        "lies": [(market.kiwi, 1)],
        "stands_open": [(market.kiwi, 1)],
        "put_back": [(market.kiwi, 1)],
        "overdue": [(market.kiwi, 1)],
        "asked_order": [(market.rice, 1_000)],
        "eaten_order": [(market.rice, 1_000)],
        "open_order": [(market.rice, 1_000)],
        "refused_order": [(market.rice, 1_000)],
        "asked_back_order": [(market.rice, 1_000)],
        "disputed_back_order": [(market.rice, 1_000)],
    }.items():
        world.name(**{name: make_paid_order(market, *lines)})


def _part(world: World, name: str, zone: str = "chilled") -> Fulfilment:
    """The fulfilment behind a name: itself, or the one of an order."""
    uuid = world.ids[name]
    found = Fulfilment.objects.filter(uuid=uuid).first()
    return found or Order.objects.get(uuid=uuid).fulfilments.get(zone=zone)


def _shipment(world: World, name: str, zone: str = "chilled") -> UUID:
    uuid = _part(world, name, zone).shipment_uuid
    assert uuid is not None
    return uuid


def _move(unit_uuid: UUID | str, *holders: Holder) -> HandlingUnit:
    for holder in holders:
        unit = HandlingUnit.objects.get(uuid=unit_uuid)
        hand_over(unit=unit, to=holder, place_uuid=None)
    return HandlingUnit.objects.get(uuid=unit_uuid)


def _weigh(world: World, gross_g: int) -> UUID:
    market = world.market
    row = weigh_in(
        principal=world.officer,
        station_uuid=market.station.uuid,
        lot_uuid=market.kiwi.uuid,
        gross_g=gross_g,
        tare_g=1_000,
    )
    return row.unit_uuid


def _at_the_station(world: World) -> None:
    """Crates at the station and at the hub, a parcel on the shelf, an import that can be undone."""
    market, hub = world.market, Holder("hub", world.market.hub.uuid)
    chilled = _part(world, "paid")
    world.name(
        crate=_weigh(world, 6_000),
        crate_at_hub=_move(_weigh(world, 9_000), hub),
        chilled=chilled,
        kiwi_line=chilled.lines.get(),
        rice_line=_part(world, "paid", "ambient").lines.get(),
        shipment=_shipment(world, "down_to_pack"),
        plot=make_plot(world.people["farmer"], market.farmer),
        file=make_file(user_of(world.officer)),
    )
    for name in ("down_at_hub", "down_in_van", "down_on_shelf"):
        part = _part(world, name)
        unit = pack_shipment(
            principal=world.packer, shipment_uuid=_shipment(world, name), weight_g=part.gross_g
        )
        world.name(**{f"{name}_parcel": unit})
    shelf = Holder("station", market.station.uuid)
    _move(world.ids["down_on_shelf_parcel"], Holder("vehicle", ids.uuid7()), shelf)
    part = _part(world, "down_on_shelf")
    arrivals.note_ready(
        fulfilment_uuid=part.uuid, place_uuid=market.station.place.uuid, at=clock.now(), in_cabinet=False
    )
    part.refresh_from_db()
    lots = f"商品,农户,数量,单价,采收日期\n{_eggs().name},{market.farmer.name},12箱,36,{clock.today()}\n"
    imported = import_lots(
        principal=world.officer,
        station_uuid=market.station.uuid,
        name="lots.csv",
        data=lots.encode(),
        dry_run=False,
    )
    assert imported.batch is not None, imported.faults
    world.name(imported=imported.batch, lots=as_file(lots), code=road.code_of(part), eggs=_eggs())


def _on_the_loop(world: World) -> None:
    """One van that has not left, one at its first stop, one with all stops done."""
    market = world.market
    station, second = market.station.place, market.second.place
    collect = Leg.objects.get(shipment__uuid=_shipment(world, "paid"), kind="collect")
    at_hub, in_van = (_leg(world, name) for name in ("down_at_hub", "down_in_van"))
    waiting = make_route(hub=market.hub, stops=[(station, [("drop", at_hub)])], day=THURSDAY)
    driving = make_route(
        hub=market.hub,
        stops=[(station, [("drop", in_van), ("collect", collect)]), (second, [])],
        day=THURSDAY,
    )
    ending = make_route(hub=market.hub, stops=[(second, [])], day=THURSDAY)
    _move(world.ids["down_in_van_parcel"], Holder("vehicle", driving.vehicle.uuid))
    _drive(world, driving, reach=1)
    _drive(world, ending, reach=1)
    tour.complete_stop(principal=world.courier, stop_uuid=ending.stops.get().uuid)
    world.name(
        closure=_closure(world),
        breakdown=_breakdown(waiting),
        fixed_tour=_fixed_tour(waiting),
        waybills=WaybillBatch.objects.create(
            hub=market.hub, firm="中通", deliver_on=clock.today(), imported_at=clock.now()
        ),
        plan=waiting.plan,
        plan_before=_version_before(waiting),
        waiting_stop=waiting.stops.get(),
        waiting_van=waiting.vehicle,
        idle_van=make_vehicle(hub=market.hub),
        town_van=make_vehicle(hub=market.town),
        station_place=station,
        second_place=second,
        new=ids.uuid7(),
        waiting_route=waiting,
        ending_route=ending,
        first_stop=driving.stops.get(seq=1),
        next_stop=driving.stops.get(seq=2),
    )


def _closure(world: World) -> RoadClosure:
    """A road far from every tour."""
    market = world.market
    closure: RoadClosure = RoadClosure.objects.create(
        hub=market.hub,
        place=market.second.place,
        other=market.place,
        why="塌方",
        from_at=clock.now(),
        until_at=clock.now() + timedelta(days=1),
        actor_uuid=ids.uuid7(),
        made_at=clock.now(),
    )
    return closure


def _breakdown(route: Route) -> Breakdown:
    """A van without a tour that stands by the road."""
    breakdown: Breakdown = Breakdown.objects.create(
        hub=route.plan.hub,
        vehicle=make_vehicle(hub=route.plan.hub),
        place=make_place(kind="roadside", county=route.plan.hub.county),
        plan=route.plan,
        reported_at=clock.now(),
    )
    return breakdown


def _fixed_tour(route: Route) -> FixedTour:
    tour: FixedTour = FixedTour.objects.create(
        hub=route.plan.hub,
        wave=route.plan.wave,
        name="东线",
        vehicle=route.vehicle,
        weekdays=1,
        from_day=clock.today(),
        actor_uuid=ids.uuid7(),
    )
    return tour


def _version_before(route: Route) -> Plan:
    """The plan in force is its second version; in the first another van made the waiting tour."""
    Plan.objects.filter(pk=route.plan.pk).update(version=2, cause="moved")
    before: Plan = Plan.objects.get(pk=route.plan.pk)
    before.pk, before.uuid, before.version, before.status = None, ids.uuid7(), 1, "superseded"
    before._state.adding = True
    before.save()
    return before


def _in_town(world: World) -> None:
    """A town van before the cabinet: one parcel still in it, one behind a door that opened and closed."""
    market = world.market
    Compartment.objects.filter(cabinet=market.cabinet).update(door_state="closed")
    van = make_vehicle(hub=market.town)
    lying = ("lies", "stands_open", "put_back", "overdue")
    names = (*lying, "at_door", "in_van")
    legs = [_leg(world, name) for name in names]
    route = make_route(
        hub=market.town,
        vehicle=van,
        stops=[(market.place, [("drop", leg) for leg in legs])],
        wave="town_delivery",
        day=THURSDAY,
    )
    for name in names:
        world.name(**{f"{name}_parcel": _move(_packed(world, name), Holder("vehicle", van.uuid))})
    # Too large for one cell together: each of the buyer's parcels is asked about behind its own door.
    HandlingUnit.objects.filter(holder_uuid=van.uuid).update(volume_ml=60_000)
    stop = _drive(world, route, reach=1)
    world.name(town_stop=stop)
    for name in names:
        drop = dropping.open_compartment(
            principal=world.courier,
            stop_uuid=stop.uuid,
            unit_uuid=UUID(world.ids[f"{name}_parcel"]),
            damaged=False,
            weight_g=2_600,
            temperature_c=3.5,
        )
        world.name(**{f"{name}_drop": drop})
    for name in ("at_door", *lying):
        _door(world.ids[f"{name}_drop"], Kind.DOOR_OPENED, Kind.DOOR_CLOSED)
    for name in lying:
        dropping.confirm(principal=world.courier, drop_uuid=UUID(world.ids[f"{name}_drop"]))
    world.name(
        waiting=_part(world, "lies"), opened=_part(world, "stands_open"), device=market.cabinet.device.device
    )
    collection.put_back(allocation_uuid=UUID(world.ids["put_back_drop"]), at=clock.now(), tx="tx-1")
    overdue = Allocation.objects.filter(uuid=world.ids["overdue_drop"])
    overdue.update(parcel_state="expired")
    alarm = DeviceAlarm.objects.create(device=market.cabinet.device, kind="conflict", raised_at=clock.now())
    near = make_cabinet(make_site(hub=market.town, lon=market.place.lon + 0.005, lat=market.place.lat), CELLS)
    Compartment.objects.filter(cabinet=near).update(door_state="closed")
    give_delivery_consent(principal=market.principal, place_uuid=near.site.place.uuid)
    world.name(
        overdue_part=_part(world, "overdue"),
        put_back=world.ids["put_back_drop"],
        to_take_out=overdue.get(),
        alarm=alarm,
        near_place=near.site.place,
    )


def _at_the_cabinet(world: World) -> None:
    """A breach in a zone of the cabinet, and an empty compartment."""
    probe = Probe.objects.get(asset_uuid=world.market.cabinet.uuid)
    breach = Breach.objects.create(
        probe=probe,
        asset_kind="cabinet",
        asset_uuid=probe.asset_uuid,
        zone=probe.zone,
        side="above",
        limit_c=probe.max_c,
        started_at=clock.now(),
        peak_c=11,
        minutes=45,
        noticed_at=clock.now(),
    )
    empty = Compartment.objects.filter(cabinet=world.market.cabinet, zone="ambient").order_by("door").first()
    simulated = register_cabinet(
        site=world.market.site,
        device="SIM01",
        name="模拟柜",
        kind="parcel",
        cells=[CellSpec(label="01", zone="ambient", size="M", band=Band(5, 30))],
        simulated=True,
    )
    imported = SiteImport.objects.create(
        county_uuids=[world.market.town.county.uuid], site_uuids=[], cabinets=0, imported_at=clock.now()
    )
    world.name(
        site_import=imported,
        breach=breach,
        compartment=empty,
        simulated=simulated,
        controller=world.market.cabinet.device,
        town_hub=world.market.town,
    )


def _of_the_buyer(world: World) -> None:
    """An order that can still be paid, a cart, a notice."""
    market = world.market
    world.name(unpaid=make_order(market, (market.kiwi, 1)))
    fill_cart(market.principal, (market.rice, 1_000))
    world.name(notice=Notice.objects.filter(to_user_uuid=market.buyer.uuid).order_by("pk").first())
    deliver()
    opened = UUID(world.ids["opened"])
    recipients.open_for_recipient(
        principal=market.principal, reference=opened, device=market.cabinet.device.device
    )
    _door(world.ids["stands_open_drop"], Kind.DOOR_OPENED)


def _at_the_door(world: World) -> None:
    """What somebody needs who signs in, and what a tablet sends that was without network."""
    phone = "13912340000"
    request_sign_in_code(phone=phone)
    told = Notice.objects.get(to_phone=phone, template="sign_in_code")
    payload = {"stationId": world.ids["station"], "name": "老孙"}
    world.name(
        sign_in_code=told.params["code"],
        pin_phone=make_user(pin="2580").phone,
        payload=orjson.dumps(payload).decode(),
        crate_code=HandlingUnit.objects.get(uuid=world.ids["crate"]).code,
    )


def _drive(world: World, route: Route, *, reach: int) -> Stop:
    tour.depart_route(principal=world.courier, route_uuid=route.uuid)
    return tour.arrive_at_stop(principal=world.courier, stop_uuid=route.stops.get(seq=reach).uuid)


def _leg(world: World, name: str) -> Leg:
    found: Leg = Leg.objects.get(shipment__uuid=_shipment(world, name), kind="deliver")
    return found


def _packed(world: World, name: str) -> UUID:
    """Portioned at the hub out of a crate of its own."""
    part, hub = _part(world, name), Holder("hub", world.market.hub.uuid)
    crate = _move(_weigh(world, 4_000), hub)
    line = part.lines.get()
    _, unit = pack_fulfilment(
        principal=world.packer,
        fulfilment_uuid=part.uuid,
        portions=[Portion(line_uuid=line.uuid, unit_uuid=crate.uuid, net_g=2_500)],
    )
    assert unit is not None
    uuid: UUID = unit.uuid
    return uuid


def _door(drop: str, *types: Kind) -> None:
    """What the cabinet's controller says about the opening of a drop."""
    allocation = Allocation.objects.select_related("compartment__cabinet__device").get(uuid=drop)
    said = DeviceMessage.objects.filter(device=allocation.compartment.cabinet.device).count()
    for seq, kind in enumerate(types, start=said + 1):
        DeviceMessage.objects.create(
            device=allocation.compartment.cabinet.device,
            boot=1,
            seq=seq,
            mid=str(ids.uuid7()),
            ts=clock.now(),
            mono=seq,
            at=clock.now(),
            trust="good",
            type=kind.value,
            tx=str(allocation.opening_tx),
            body={"door": allocation.compartment.door},
            received_at=clock.wall(),
            handled_at=clock.wall(),
        )


def _eggs() -> Product:
    found: Product | None = Product.objects.filter(name="土鸡蛋").first()
    return found or make_product(name="土鸡蛋")


def _in_the_books(world: World) -> None:
    """A posting of the farmer, and one of a farmer elsewhere."""
    for name, farmer in (("posting", "farmer"), ("other_posting", "other_farmer")):
        owner = UUID(world.ids[farmer])
        entries = [debit(AccountKind.SUSPENSE, 100), credit(AccountKind.SELLER_PAYABLE, 100, owner)]
        row = post(kind="goods_lost", key=name, occurred_at=clock.now(), entries=entries, source="orders")
        world.name(**{name: row})


def _complaints(world: World) -> None:
    """Collected parcels: one without a claim, one under a claim, one whose claim was refused, two that are
    sent back.
    """
    market = world.market
    photo = make_file(user_of(market.principal), purpose="claim")
    asked = Order.objects.get(uuid=world.ids["asked_order"]).lines
    asked.update(asked_until=clock.now() + timedelta(hours=2), short_quantity=500)
    world.name(claim_photo=photo, asked_line=asked.get())
    for name in ("eaten", "open", "refused", "asked_back", "disputed_back"):
        order = Order.objects.get(uuid=world.ids[f"{name}_order"])
        part = order.fulfilments.get()
        Fulfilment.objects.filter(pk=part.pk).update(
            status="collected", unit_uuid=part.unit_uuid or ids.uuid7(), collected_at=clock.now()
        )
        order.lines.update(
            status="collected",
            settled_at=clock.now(),
            seller_uuid=market.farmer.uuid,
            agent_station_uuid=market.station.uuid,
            origin_station=market.station,
        )
        line = order.lines.get()
        settle(
            key=str(line.uuid),
            merchant=line.merchant_uuid,
            parts=goods_parts(order, line, line.kept_fen),
            occurred_at=clock.now(),
        )
        if name == "eaten":
            world.name(eaten_line=line)
            _receipt(world, order)
            rule = freeze(rule_for(returnable=True, granted=False, on=clock.today()))
            order.lines.update(listing=line.listing | {"return_rule": rule})
            continue
        if name.endswith("_back"):
            _return(world, line, name.removesuffix("_back"))
            continue
        claim = Claim.objects.create(
            line=line,
            status=name,
            percent=50,
            photo=photo,
            asked_fen=1_000,
            opened_by_uuid=market.principal.user_uuid,
            at=clock.now(),
            answer_by=clock.now() + timedelta(hours=24),
        )
        world.name(**{f"{name}_claim": claim})


def _receipt(world: World, order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(paid_at=clock.now())
    receipt = Receipt.objects.create(
        order=order, merchant_uuid=world.market.farmer.uuid, number=f"{order.number}-9", revision=1,
        seller_name="王婶", tax_kind="own_produce", title_kind="company", title="某公司",
        tax_number="91350100M000100Y43", lines=[{"text": "猕猴桃", "quantity": "1", "amount_fen": 100}],
        total_fen=100, issued_at=clock.now(),
    )  # fmt: skip
    world.name(receipt=receipt)


def _return(world: World, line: Line, status: str) -> None:
    received = clock.now() if status == "disputed" else None
    row = GoodsReturn.objects.create(
        line=line, status=status, quantity=1, station=world.market.station, received_at=received,
        asked_by_uuid=world.market.principal.user_uuid, asked_at=clock.now(),
        bring_by=clock.now() + timedelta(days=7), refund_by=received and received + timedelta(days=7),
    )  # fmt: skip
    world.name(**{f"{status}_return": row})
