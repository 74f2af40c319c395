"""Batch caches of one request: a page of orders asks once for its payments, parcels and codes."""

from dataclasses import dataclass

from orders.services import reading, road


@dataclass(frozen=True, slots=True)
class Pickup:
    code: str
    qr: str | None


def remember_orders(info, orders):
    """Tell the caches which orders this page shows; the first field that asks loads for all of them."""
    known = info.context.loaders.setdefault("orders", {})
    known.update({order.uuid: order for order in orders})
    return orders


def remember_parts(info, parts):
    known = info.context.loaders.setdefault("fulfilments", {})
    known.update({part.uuid: part for part in parts})
    return parts


def group_of(info, order):
    """The payment group of an order."""
    cache = info.context.loaders.setdefault("payment_groups", {})
    if order.uuid not in cache:
        page = info.context.loaders.get("orders", {})
        uuids = {order.uuid, *page}
        found = reading.payment_groups(uuids)
        cache.update({uuid: found.get(uuid) for uuid in uuids})
    return cache[order.uuid]


def unit_of(info, row):
    """The handling unit behind a fulfilment or weigh-in; None before there is one."""
    if row.unit_uuid is None:
        return None
    cache = info.context.loaders.setdefault("units", {})
    if row.unit_uuid not in cache:
        cache.update(reading.units_of([row, *_parts_of_page(info)]))
    return cache.get(row.unit_uuid)


def pickup_of(info, part):
    """Code and QR of a parcel that is ready. Who may see them is the caller's check."""
    cache = info.context.loaders.setdefault("pickups", {})
    if part.uuid not in cache:
        parts = [part, *(other for other in _parts_of_page(info) if other.pickup_group_uuid)]
        groups = road.groups_of(parts)
        for other in parts:
            group = groups[other.pickup_group_uuid]
            cache[other.uuid] = Pickup(code=road.code(group), qr=road.qr(group))
    return cache[part.uuid]


def _parts_of_page(info):
    orders = info.context.loaders.get("orders", {}).values()
    parts = [part for order in orders for part in order.fulfilments.all()]
    return [*parts, *info.context.loaders.get("fulfilments", {}).values()]
