"""The station's till at the end of the day (D2, I9): counted against the books; a difference needs a reason.

Cash comes in when a villager pays at the counter and goes out when such an order is refunded. A difference is
posted with its reason, so that the next day begins with what really lies in the till.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery

from farmers.models import Station
from farmers.services.access import station_for
from marketplace.accounts.models import User
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, InvalidInput
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, credit, debit, post
from orders.models import CashClosing
from orders.services.access import actor_uuid

MAX_FEN = 100_000_000
MAX_REASON = 200
MAX_SHOWN = 100


def close_cash(
    *, principal: Principal, station_uuid: UUID, counted_fen: int, reason: str = ""
) -> CashClosing:
    """Close the till for today. Counting the same again is the same closing.

    Raises Forbidden, NotFound, InvalidInput for a difference without a reason, Conflict when today was
    closed with another count.
    """
    station = station_for(principal=principal, station_uuid=station_uuid)
    require_between(counted_fen, 0, MAX_FEN, "counted_fen")
    if len(reason.strip()) > MAX_REASON:
        raise InvalidInput(N_("说明最多 200 字"), field="reason")
    with transaction.atomic():
        # Two tablets of one station close at once: the second waits and finds the first one's closing.
        Station.objects.select_for_update().get(pk=station.pk)
        earlier: CashClosing | None = CashClosing.objects.filter(station=station, day=clock.today()).first()
        if earlier is not None:
            if earlier.counted_fen != counted_fen:
                raise Conflict(N_("今天已经结过账"), field="counted_fen", code="closed_already")
            return earlier
        expected_fen = balance(kind=AccountKind.STATION_CASH, owner=station.uuid)
        if counted_fen != expected_fen and not reason.strip():
            raise InvalidInput(N_("实点金额与账面不符，请写明原因"), field="reason")
        made: CashClosing = CashClosing.objects.create(
            station=station,
            day=clock.today(),
            expected_fen=expected_fen,
            counted_fen=counted_fen,
            reason=reason.strip(),
            at=clock.now(),
            closed_by_uuid=actor_uuid(principal),
        )
        _post_difference(made)
    return made


def closings(*, principal: Principal, station_uuid: UUID, first: int) -> list[CashClosing]:
    """The station's closings with `closed_by_name`, the latest first. Raises Forbidden, NotFound."""
    station = station_for(principal=principal, station_uuid=station_uuid)
    names = User.objects.filter(uuid=OuterRef("closed_by_uuid")).values("name")[:1]
    rows = CashClosing.objects.filter(station=station).annotate(closed_by_name=Subquery(names))
    rows = rows.order_by("-day")
    return list(rows[: max(1, min(first, MAX_SHOWN))])


def _post_difference(made: CashClosing) -> None:
    if not made.difference_fen:
        return
    post(
        kind="cash_difference",
        key=str(made.uuid),
        occurred_at=made.at,
        source="orders",
        memo=made.reason,
        entries=[
            debit(AccountKind.STATION_CASH, made.difference_fen, made.station.uuid),
            credit(AccountKind.SUSPENSE, made.difference_fen),
        ],
    )
