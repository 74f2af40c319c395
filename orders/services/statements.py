"""What a farmer, station, courier firm or the platform earned in a period: from the ledger alone."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from farmers.models import Farmer, Station
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Carrier
from orders.ledger.accounts import AccountKind
from orders.ledger.services import StatementLine
from orders.ledger.services import statement as ledger_statement

KINDS = {
    "farmer": (AccountKind.SELLER_PAYABLE, AccountKind.SELLER_DEBT),
    "station": (AccountKind.STATION_PAYABLE, AccountKind.SELLER_DEBT),
    "courier": (AccountKind.COURIER_PAYABLE, AccountKind.SELLER_DEBT),
    "platform": (AccountKind.COMMISSION, AccountKind.DELIVERY_INCOME),
}
#: the longest period that one statement covers
MAX_DAYS = 400


@dataclass(frozen=True, slots=True)
class Statement:
    """Sums in the owner's eyes: what is owed to him is positive."""

    opening_fen: int
    lines: list[StatementLine]
    closing_fen: int


def statement(
    *,
    principal: Principal,
    owner_kind: str,
    owner_uuid: UUID,
    start: date | None = None,
    end: date | None = None,
) -> Statement:
    """The owner's movements from `start` to `end`, both included; this month when none are given.

    `owner_kind` is farmer, station, courier (the firm) or platform (its uuid is ignored). Raises
    InvalidInput, NotFound for anything that the asker may not see.
    """
    if owner_kind not in KINDS:
        raise InvalidInput(N_("没有这种对账单"), field="owner_kind")
    _require_owner(principal, owner_kind, owner_uuid)
    last = end or clock.today()
    first = start or last.replace(day=1)
    if not first <= last <= first + timedelta(days=MAX_DAYS):
        raise InvalidInput(N_("对账期间有误"), field="start")
    opening_fen, lines, closing_fen = ledger_statement(
        kinds=KINDS[owner_kind],
        owner=None if owner_kind == "platform" else owner_uuid,
        start=clock.at(first, 0),
        end=clock.at(last + timedelta(days=1), 0),
    )
    return Statement(opening_fen=opening_fen, lines=lines, closing_fen=closing_fen)


def _require_owner(principal: Principal, kind: str, uuid: UUID) -> None:
    """The owner himself; for a farmer also the officer of his station. Others learn nothing."""
    principal.require_signed_in()
    if kind == "platform":
        principal.require("platform")
        return
    if not _owns(principal, kind, uuid):
        raise NotFound(field="owner_id")


def _owns(principal: Principal, kind: str, uuid: UUID) -> bool:
    if kind == "station":
        return Station.objects.filter(uuid=uuid).exists() and principal.has("information_officer", uuid)
    if kind == "courier":
        return Carrier.objects.filter(uuid=uuid).exists() and principal.has("courier", uuid)
    farmer = Farmer.objects.select_related("station", "user").filter(uuid=uuid).first()
    if farmer is None:
        return False
    if principal.has("farmer", uuid) or (farmer.user is not None and farmer.user.uuid == principal.user_uuid):
        return True
    return farmer.station is not None and principal.has("information_officer", farmer.station.uuid)
