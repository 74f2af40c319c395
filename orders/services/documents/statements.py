"""What a farmer, station, courier firm or the platform earned in a period: every amount from the ledger.

A row is one posting in the owner's eyes. Its parts say how it came about (agreed, weight, fee), again from
postings: the entries of the same transaction, and the refunds that were posted before it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext

from farmers.models import Farmer, Station
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Carrier
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerTransaction
from orders.ledger.services import StatementLine
from orders.ledger.services import statement as ledger_statement
from orders.models import LineRefund
from orders.services.documents.statement_words import (
    PART_OF,
    TOTALS,
    Part,
    part,
    refund_part,
    title_of,
)

KINDS = {
    "farmer": (AccountKind.SELLER_PAYABLE, AccountKind.SELLER_DEBT),
    "station": (AccountKind.STATION_PAYABLE, AccountKind.SELLER_DEBT),
    "courier": (AccountKind.COURIER_PAYABLE, AccountKind.SELLER_DEBT),
    "platform": (AccountKind.COMMISSION, AccountKind.DELIVERY_INCOME),
}
#: how the key of a delivery's posting begins; a line's is its uuid
DELIVERY = "delivery:"
#: the longest period that one statement covers
MAX_DAYS = 400
#: a posting's kind -> the total that it adds to
TOTAL_OF = {
    "taken_back": "taken_back",
    "returned": "taken_back",
    "goods_lost": "lost",
    "settlement_ordered": "paid_out",
    "settlement_refused": "paid_out",
    "transfer_ordered": "paid_out",
    "transfer_refused": "paid_out",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One posting; `amount_fen` adds to what the owner is owed, `balance_fen` is what that is then."""

    transaction_uuid: UUID
    at: datetime
    kind: str
    title: str
    memo: str
    reference: str
    amount_fen: int
    balance_fen: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Sums in the owner's eyes: what is owed to him is positive. `lines` in order of time."""

    owner_kind: str
    owner_name: str
    start: date
    end: date
    opening_fen: int
    lines: list[Row]
    closing_fen: int

    @property
    def totals(self) -> list[Part]:
        """The period's sums by sort, for the head of the page; they add up to closing less opening."""
        sums: dict[str, int] = defaultdict(int)
        for row in self.lines:
            if row.kind != "settled":
                sums[TOTAL_OF.get(row.kind, "other")] += row.amount_fen
            elif self.owner_kind == "farmer":
                sale = next((step.amount_fen for step in row.parts if step.name == "sale"), row.amount_fen)
                sums["sales"] += sale
                sums["fees"] += row.amount_fen - sale
            else:
                sums["earned"] += row.amount_fen
        return [Part(name, gettext(label), sums[name]) for name, label in TOTALS.items() if sums[name]]


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
    name = owner_name(principal, owner_kind, owner_uuid)
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
    return Statement(
        owner_kind=owner_kind,
        owner_name=name,
        start=first,
        end=last,
        opening_fen=opening_fen,
        lines=_rows(owner_kind, lines, opening_fen),
        closing_fen=closing_fen,
    )


def owner_name(principal: Principal, kind: str, uuid: UUID) -> str:
    """The owner's name, for himself; of a farmer also for the officer of his station.

    The platform sees all of them. Raises InvalidInput, Forbidden, NotFound: others learn nothing.
    """
    if kind not in KINDS:
        raise InvalidInput(N_("没有这种对账单"), field="owner_kind")
    principal.require_signed_in()
    if kind == "platform":
        principal.require("platform")
        return gettext("平台")
    name = _name_if_owned(principal, kind, uuid)
    if name is None:
        raise NotFound(field="owner_id")
    return name


def _name_if_owned(principal: Principal, kind: str, uuid: UUID) -> str | None:
    if kind == "station":
        station = Station.objects.filter(uuid=uuid).first()
        return station.name if station and principal.has("information_officer", uuid) else None
    if kind == "courier":
        carrier = Carrier.objects.filter(uuid=uuid).first()
        return carrier.name if carrier and principal.has("courier", uuid) else None
    farmer: Farmer | None = Farmer.objects.select_related("station", "user").filter(uuid=uuid).first()
    if farmer is None:
        return None
    himself = farmer.user is not None and farmer.user.uuid == principal.user_uuid
    agent = farmer.station is not None and principal.has("information_officer", farmer.station.uuid)
    return farmer.name if himself or agent or principal.has("farmer", uuid) else None


def _rows(owner_kind: str, lines: Sequence[StatementLine], opening_fen: int) -> list[Row]:
    """One row per posting, in order: a posting may touch what is owed and what is owed back."""
    amounts: dict[UUID, int] = defaultdict(int)
    first: dict[UUID, StatementLine] = {}
    for line in lines:
        amounts[line.transaction_uuid] += line.amount_fen
        first.setdefault(line.transaction_uuid, line)
    parts = parts_of(owner_kind, first)
    rows, balance_fen = [], opening_fen
    for uuid, line in first.items():
        balance_fen += amounts[uuid]
        rows.append(
            Row(
                transaction_uuid=uuid,
                at=line.at,
                kind=line.kind,
                title=title_of(owner_kind=owner_kind, kind=line.kind, memo=line.memo),
                memo=line.memo,
                reference=line.reference,
                amount_fen=amounts[uuid],
                balance_fen=balance_fen,
                parts=parts[uuid],
            )
        )
    return rows


def parts_of(owner_kind: str, uuids: Iterable[UUID]) -> dict[UUID, tuple[Part, ...]]:
    """How each posting came about; a fixed number of statements for any number of postings."""
    rows = LedgerTransaction.objects.filter(uuid__in=list(uuids)).prefetch_related("entries__account")
    postings: list[LedgerTransaction] = list(rows)
    settled = {posting.external_id for posting in postings if posting.kind == "settled"}
    sold = {key for key in settled if not key.startswith(DELIVERY)}
    refunds = _refunds_before(sold) if owner_kind == "farmer" and sold else {}
    return {p.uuid: _parts(owner_kind, p, refunds.get(p.external_id, ())) for p in postings}


def _refunds_before(lines: Iterable[str]) -> dict[str, list[LineRefund]]:
    """What went back of these lines before they were settled: nothing had to be taken back for it."""
    rows = LineRefund.objects.filter(line__uuid__in=lines, failed_at=None).select_related("line")
    refunds = {f"refund:{row.key}": row for row in rows.order_by("pk")}
    later = LedgerTransaction.objects.filter(
        provider="orders", kind="taken_back", external_id__in=refunds
    ).values_list("external_id", flat=True)
    before: dict[str, list[LineRefund]] = defaultdict(list)
    for key in refunds.keys() - set(later):
        line = refunds[key].line
        if line is not None:
            before[str(line.uuid)].append(refunds[key])
    return before


def _parts(owner_kind: str, posting: LedgerTransaction, refunds: Sequence[LineRefund]) -> tuple[Part, ...]:
    if posting.kind not in ("settled", "taken_back"):
        return ()
    sums: dict[AccountKind, int] = defaultdict(int)
    for entry in posting.entries.all():
        sums[AccountKind(entry.account.kind)] += entry.amount_fen
    steps = []
    if refunds:
        agreed_fen = sums[AccountKind.HELD] + sum(row.amount_fen for row in refunds)
        steps = [part("agreed", agreed_fen), *(refund_part(row.reason, row.amount_fen) for row in refunds)]
    steps.append(part(_came_from(posting), sums[AccountKind.HELD]))
    own = KINDS[owner_kind]
    steps += [
        part(name, sums[account]) for account, name in PART_OF.items() if sums[account] and account not in own
    ]
    return tuple(steps)


def _came_from(posting: LedgerTransaction) -> str:
    return "fee" if posting.external_id.startswith(DELIVERY) else "sale"
