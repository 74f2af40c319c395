"""Fees by date: published, announced seven days ahead, never changed afterwards (D3, D4).

A placed order keeps the rules of its day (`settling.freeze_rules`): nothing here reaches it any more.
"""

from dataclasses import asdict
from datetime import date, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from marketplace.accounts.models import Membership, Role
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, InvalidInput
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from marketplace.messages.services import send
from marketplace.outbox.publishing import publish
from orders.events import FeeRulesAnnounced
from orders.models import FeeRule
from orders.pricing import OPENING_RULES, ROYALTY_CAP_BP, FeeRules
from orders.services.access import actor_uuid

#: E-commerce Law 34: a change of rules is published at least seven days before it holds
NOTICE = timedelta(days=7)
WHOLE_BP = 10_000
MAX_SECOND_LEG_FEN = 10_000
MAX_WHY = 200


def rules_on(day: date) -> FeeRules:
    """The rules in force on a business day."""
    row = FeeRule.objects.filter(valid_from__lte=day).order_by("-valid_from").first()
    return _plain(row) if row is not None else OPENING_RULES


def published_rules() -> list[FeeRule]:
    """All versions, the latest first; the opening rules stand at the end, announced with the marketplace."""
    opening = FeeRule(**asdict(OPENING_RULES), why="", announced_at=clock.at(OPENING_RULES.valid_from, 0))
    return [*FeeRule.objects.order_by("-valid_from"), opening]


def announce_fee_rules(*, principal: Principal, rules: FeeRules, why: str) -> FeeRule:
    """Publish rules that hold from a later day on; sellers and stations are told (FeeRulesAnnounced).

    Raises Forbidden, InvalidInput for less than seven days' notice or rates that cannot be, Conflict when
    that day has its rules already.
    """
    principal.require("platform")
    earliest = clock.today() + NOTICE
    if rules.valid_from < earliest:
        raise InvalidInput(
            N_("收费规则须提前七天公布，最早从 %(day)s 起执行"),
            field="valid_from",
            params={"day": earliest.isoformat()},
        )
    if not 1 <= len(why.strip()) <= MAX_WHY:
        raise InvalidInput(N_("请写明调整原因（200 字以内）"), field="why")
    try:
        with transaction.atomic():
            row: FeeRule = FeeRule.objects.create(
                **asdict(rules),
                why=why.strip(),
                announced_at=clock.now(),
                announced_by_uuid=actor_uuid(principal),
            )
    except IntegrityError:
        raise Conflict(N_("这一天已有公布的收费规则"), field="valid_from") from None
    publish(FeeRulesAnnounced(rules=row.uuid), aggregate_kind="fee_rules", aggregate_uuid=row.uuid)
    return row


def checked_rules(
    *,
    valid_from: date,
    commission_bp: int,
    station_selling_bp: int,
    station_buying_bp: int,
    courier_bp: int,
    second_leg_fen: int,
) -> FeeRules:
    """Rates as they were typed. Raises InvalidInput naming the one that cannot be."""
    rates = {
        "commission_bp": commission_bp,
        "station_selling_bp": station_selling_bp,
        "station_buying_bp": station_buying_bp,
    }
    for name, rate in rates.items():
        require_between(rate, 0, ROYALTY_CAP_BP, name)
    if sum(rates.values()) > ROYALTY_CAP_BP:
        raise InvalidInput(
            N_("平台和站点的费率合计不能超过 %(most)s"), field="commission_bp", params={"most": "30%"}
        )
    require_between(courier_bp, 0, WHOLE_BP, "courier_bp")
    require_between(second_leg_fen, 0, MAX_SECOND_LEG_FEN, "second_leg_fen")
    return FeeRules(valid_from=valid_from, courier_bp=courier_bp, second_leg_fen=second_leg_fen, **rates)


def tell_fee_rules(*, rules_uuid: UUID) -> int:
    """Every farmer and information officer with an account hears of new rules; gives how many were told."""
    row = FeeRule.by_uuid(rules_uuid)
    people = set(
        Membership.objects.filter(role__in=[Role.FARMER, Role.INFORMATION_OFFICER]).values_list(
            "user__uuid", flat=True
        )
    )
    for user_uuid in sorted(people):
        send(
            template="fee_rules",
            params={"day": row.valid_from.isoformat(), "why": row.why},
            to_user_uuid=user_uuid,
            reference=row.uuid,
        )
    return len(people)


def _plain(row: FeeRule) -> FeeRules:
    return FeeRules(
        valid_from=row.valid_from,
        commission_bp=row.commission_bp,
        station_selling_bp=row.station_selling_bp,
        station_buying_bp=row.station_buying_bp,
        courier_bp=row.courier_bp,
        second_leg_fen=row.second_leg_fen,
    )
