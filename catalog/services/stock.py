"""Stock and what is promised of it. Every service here leaves on_hand >= reserved >= 0 (the database checks).

The race: many buyers want the last unit. Locks are taken on stock rows in primary key order (all rows of each
lot, so that the lot's stored `available_quantity` is ours as well), then on reservations; the UPDATE repeats
the condition, so that a caller who forgot the lock is refused, not oversold.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest

from catalog import states
from catalog.errors import NotForSale, OutOfStock, ReservationExpired, ReservationMismatch
from catalog.freshness import is_expired
from catalog.kinds import LotStatus
from catalog.models import Lot, Reservation, Stock
from marketplace.database.locks import lock_rows
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound

LIVE = (states.HELD, states.FIRM)
#: references given back in one sweep; the next sweep takes the rest
EXPIRE_AT_ONCE = 500


def reserve(*, reference: UUID, lines: Sequence[tuple[UUID, int]], expires_at: datetime) -> list[Reservation]:
    """Promise goods to `reference` (an order) until `expires_at`: all lines or none.

    `lines`: (lot uuid, quantity in the lot's unit). Asking again with the same lines gives the
    reservations that stand. Raises OutOfStock or NotForSale naming
    `lines[i].quantity`/`lines[i].lot_id`, ReservationMismatch.
    """
    wanted = _wanted(lines)
    fields = {lot_uuid: index for index, (lot_uuid, _) in reversed(list(enumerate(lines)))}
    with transaction.atomic():
        stocks = _locked(Stock.objects.filter(lot__uuid__in=wanted).select_related("lot__product"))
        standing = _standing(reference)
        if standing:
            return _same(standing, wanted)
        parts = _allocate(stocks, wanted, fields)
        _take(parts)
        reservations = Reservation.objects.bulk_create(
            Reservation(
                reference=reference,
                stock=stock,
                lot=stock.lot,
                quantity=quantity,
                expires_at=expires_at,
                reserved_at=clock.now(),
            )
            for stock, quantity in parts
        )
        refresh_available({stock.lot_id for stock, _ in parts})
    return reservations


def firm_reservation(*, reference: UUID) -> list[Reservation]:
    """What was held is paid for and no longer runs out; doing it twice is the same.

    A hold past its time that nobody swept yet still stands, so it is honoured. Raises ReservationExpired when
    it was given back, NotFound for an unknown reference.
    """
    with transaction.atomic():
        rows = _reservations(reference)
        if not rows:
            raise NotFound(field="reference")
        if all(row.status == states.RELEASED for row in rows):
            raise ReservationExpired()
        held = [row for row in rows if row.status == states.HELD]
        _move(held, states.FIRM)
    return [row for row in rows if row.status != states.RELEASED]


def release_reservation(*, reference: UUID, lot_uuids: Iterable[UUID] | None = None) -> list[Reservation]:
    """Give back what is not consumed yet (of these lots only, when named); gives the rows that ended now."""
    with transaction.atomic():
        return _release(reference, lot_uuids, LIVE)


def consume_reservation(*, reference: UUID, lot_uuids: Iterable[UUID] | None = None) -> list[Reservation]:
    """The goods left the stock (crate or parcel packed): on hand and reserved fall together.

    Only firm reservations are consumed; consumed ones are left alone, so a repeat does nothing.
    """
    with transaction.atomic():
        rows = _lock_with_stocks(reference, lot_uuids, (states.FIRM,))
        _change_stocks(_by_stock(rows), on_hand=-1, reserved=-1)
        _move(rows, states.CONSUMED)
    return rows


def expire_due_reservations() -> int:
    """Give back holds whose time ran out; each reference in its own transaction. Gives how many
    references.
    """
    due = (
        Reservation.objects.filter(status=states.HELD, expires_at__lte=clock.now())
        .order_by("reference")
        .values_list("reference", flat=True)
        .distinct()[:EXPIRE_AT_ONCE]
    )
    expired = 0
    for reference in list(due):
        with transaction.atomic():
            # Paid in the meantime: the re-read under the lock finds nothing held and leaves quietly.
            expired += bool(_release(reference, None, (states.HELD,)))
    return expired


def refresh_available(lot_ids: Iterable[int]) -> None:
    """Rewrite the lots' stored availability from their stock rows, which the caller has locked or just
    made.
    """
    sellable = (
        Stock.objects.filter(lot=OuterRef("pk"))
        .order_by()
        .values("lot")
        .annotate(left=Sum(Greatest(F("on_hand") - F("reserved") - F("offline_quota"), 0)))
        .values("left")
    )
    Lot.objects.filter(pk__in=list(lot_ids)).update(available_quantity=Coalesce(Subquery(sellable), 0))


def lock_stocks_of(lot: Lot) -> list[Stock]:
    """All stock rows of a lot, locked: the door for whoever changes the lot's state."""
    return _locked(Stock.objects.filter(lot=lot))


def _wanted(lines: Sequence[tuple[UUID, int]]) -> dict[UUID, int]:
    wanted: dict[UUID, int] = defaultdict(int)
    for index, (lot_uuid, quantity) in enumerate(lines):
        if quantity <= 0:
            raise InvalidInput(N_("数量须大于零"), field=f"lines[{index}].quantity")
        wanted[lot_uuid] += quantity
    if not wanted:
        raise InvalidInput(N_("没有货品"), field="lines")
    return dict(wanted)


def _locked(stocks: QuerySet[Stock]) -> list[Stock]:
    return lock_rows(stocks)


def _reservations(reference: UUID) -> list[Reservation]:
    return lock_rows(Reservation.objects.filter(reference=reference).select_related("lot"))


def _standing(reference: UUID) -> list[Reservation]:
    return [row for row in _reservations(reference) if row.status != states.RELEASED]


def _same(standing: list[Reservation], wanted: Mapping[UUID, int]) -> list[Reservation]:
    promised: dict[UUID, int] = defaultdict(int)
    for row in standing:
        promised[row.lot.uuid] += row.quantity
    if promised != wanted:
        raise ReservationMismatch(field="lines")
    return standing


def _allocate(
    stocks: list[Stock], wanted: Mapping[UUID, int], fields: Mapping[UUID, int]
) -> list[tuple[Stock, int]]:
    """Which stock row gives how much. A lot at several places is taken from in primary key order."""
    rows: dict[UUID, list[Stock]] = defaultdict(list)
    for stock in stocks:
        rows[stock.lot.uuid].append(stock)
    parts: list[tuple[Stock, int]] = []
    for lot_uuid, quantity in wanted.items():
        index = fields[lot_uuid]
        if not rows[lot_uuid]:
            raise NotFound(field=f"lines[{index}].lot_id")
        lot = rows[lot_uuid][0].lot
        if lot.status != LotStatus.LISTED or is_expired(expires_on=lot.expires_on, today=clock.today()):
            raise NotForSale(field=f"lines[{index}].lot_id", params={"product": lot.product.name})
        missing = quantity
        for stock in rows[lot_uuid]:
            part = min(missing, stock.sellable)
            if part > 0:
                parts.append((stock, part))
                missing -= part
        if missing:
            raise _out_of_stock(lot, quantity - missing, f"lines[{index}].quantity")
    return parts


def _out_of_stock(lot: Lot, left: int, field: str) -> OutOfStock:
    shown = f"{left / 1000:g} kg" if lot.unit == "g" else str(left)
    return OutOfStock(field=field, params={"product": lot.product.name, "left": shown})


def _take(parts: list[tuple[Stock, int]]) -> None:
    """Reserve each part if it is still there; otherwise nothing at all (the transaction is given up)."""
    still_there = Q(pk__in=[])
    for stock, quantity in parts:
        still_there |= Q(pk=stock.pk) & _enough(quantity)
    amounts = [When(pk=stock.pk, then=Value(quantity)) for stock, quantity in parts]
    taken = Stock.objects.filter(still_there).update(reserved=F("reserved") + Case(*amounts, default=0))
    if taken != len(parts):
        raise _out_of_stock(parts[0][0].lot, 0, "lines")


def _enough(quantity: int) -> Q:
    return Q(on_hand__gte=F("reserved") + F("offline_quota") + quantity)


def _lock_with_stocks(
    reference: UUID, lot_uuids: Iterable[UUID] | None, statuses: tuple[str, ...]
) -> list[Reservation]:
    """The reference's rows in these states, with all stock rows of their lots locked before them."""
    mine = Reservation.objects.filter(reference=reference)
    if lot_uuids is not None:
        mine = mine.filter(lot__uuid__in=list(lot_uuids))
    _locked(Stock.objects.filter(lot__in=mine.values("lot")))
    return [row for row in lock_rows(mine.select_related("lot")) if row.status in statuses]


def _release(
    reference: UUID, lot_uuids: Iterable[UUID] | None, statuses: tuple[str, ...]
) -> list[Reservation]:
    rows = _lock_with_stocks(reference, lot_uuids, statuses)
    _change_stocks(_by_stock(rows), on_hand=0, reserved=-1)
    _move(rows, states.RELEASED)
    refresh_available({row.lot_id for row in rows})
    return rows


def _by_stock(rows: Iterable[Reservation]) -> dict[int, int]:
    amounts: dict[int, int] = defaultdict(int)
    for row in rows:
        amounts[row.stock_id] += row.quantity
    return amounts


def _change_stocks(amounts: Mapping[int, int], *, on_hand: int, reserved: int) -> None:
    """Add `on_hand` and `reserved` times each amount, in one statement."""
    if amounts:
        each = Case(*(When(pk=pk, then=Value(n)) for pk, n in amounts.items()), default=0)
        Stock.objects.filter(pk__in=amounts).update(
            on_hand=F("on_hand") + on_hand * each, reserved=F("reserved") + reserved * each
        )


def _move(rows: list[Reservation], new: str) -> None:
    if not rows:
        return
    ended = clock.now() if states.RESERVATION.is_final(new) else None
    for row in rows:
        states.RESERVATION.check(row.status, new)
        row.status, row.ended_at = new, ended
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(status=new, ended_at=ended)
