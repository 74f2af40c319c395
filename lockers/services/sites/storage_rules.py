"""Free periods and overdue fees by date, zone and place; and who owes how much (G7)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from lockers.errors import NotCollectable
from lockers.fees import OPENING_TERMS, StorageTerms, fee_fen, last_moment, paid_until
from lockers.models import Allocation, Compartment, StorageRule
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol.allocation import AllocationState
from lockers.protocol.parcel import MOVES, ParcelState
from lockers.services.sites.cabinets import touch_config
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import Zone
from marketplace.kernel.units import require_between
from marketplace.places.models import Place

#: E-commerce Law 34, as for the marketplace's own fees
NOTICE = timedelta(days=7)
MOST_FEN = 1_000
#: the longest free period and stay; a step is at least an hour
MOST_H = 14 * 24
MOST_FREE_DAYS = 60


def rule_for(compartment: Compartment, day: date) -> StorageRule | None:
    """The place's own rule in force on that day, else everybody's; None: the opening terms."""
    place = compartment.cabinet.site.place.uuid
    rules = StorageRule.objects.filter(
        Q(place_uuid=place) | Q(place_uuid=None), zone=compartment.zone, valid_from__lte=day
    )
    found: StorageRule | None = rules.order_by(F("place_uuid").asc(nulls_last=True), "-valid_from").first()
    return found


def terms_of(rule: StorageRule | None, zone: str) -> StorageTerms:
    if rule is None:
        return OPENING_TERMS[zone]
    return StorageTerms(
        free_h=rule.free_h,
        step_h=rule.step_h,
        step_fen=rule.step_fen,
        cap_fen=rule.cap_fen,
        stay_h=rule.stay_h,
        free_days=frozenset(date.fromisoformat(day) for day in rule.free_days),
    )


def terms_here(compartment: Compartment) -> StorageTerms:
    """What holds for a parcel that is left in this cell today."""
    return terms_of(rule_for(compartment, clock.today()), compartment.zone)


def published_rules(*, place_uuid: UUID | None = None) -> list[StorageRule]:
    """All versions that concern a place, or everybody's; the latest first, the opening terms at the end."""
    rules = StorageRule.objects.filter(Q(place_uuid=None) | Q(place_uuid=place_uuid))
    opening = [
        StorageRule(
            zone=zone, valid_from=date(2026, 1, 1), announced_at=clock.at(date(2026, 1, 1), 0),
            free_h=terms.free_h, step_h=terms.step_h, step_fen=terms.step_fen, cap_fen=terms.cap_fen,
            stay_h=terms.stay_h,
        )
        for zone, terms in OPENING_TERMS.items()
    ]  # fmt: skip
    return [*rules.order_by("-valid_from", "zone"), *opening]


def announce_storage_rule(
    *, principal: Principal, place_uuid: UUID | None, zone: str, valid_from: date, terms: StorageTerms
) -> StorageRule:
    """Publish what holds from a later day on: the platform everywhere, an operator at his own points.

    Parcels that lie there keep the rule of their day. Raises Forbidden, NotFound, InvalidInput, Conflict.
    """
    if place_uuid is None:
        principal.require("platform")
    else:
        place = Place.objects.select_related("county").filter(uuid=place_uuid).first()
        if place is None:
            raise NotFound(field="place_id")
        principal.require("cabinet_operator", place.county.uuid)
    _check(zone, valid_from, terms)
    try:
        with transaction.atomic():
            rule: StorageRule = StorageRule.objects.create(
                place_uuid=place_uuid,
                zone=zone,
                valid_from=valid_from,
                free_h=terms.free_h,
                step_h=terms.step_h,
                step_fen=terms.step_fen,
                cap_fen=terms.cap_fen,
                stay_h=terms.stay_h,
                free_days=sorted(day.isoformat() for day in terms.free_days),
                announced_at=clock.now(),
                announced_by=principal.user_uuid,
            )
    except IntegrityError:
        raise Conflict(N_("这一天已有公布的收费规则"), field="valid_from") from None
    return rule


def _check(zone: str, valid_from: date, terms: StorageTerms) -> None:
    if zone not in set(Zone):
        raise InvalidInput(N_("没有这个温区"), field="zone")
    earliest = clock.today() + NOTICE
    if valid_from < earliest:
        raise InvalidInput(
            N_("收费规则须提前七天公布，最早从 %(day)s 起执行"),
            field="valid_from",
            params={"day": earliest.isoformat()},
        )
    require_between(terms.free_h, 1, MOST_H, "free_h")
    require_between(terms.step_h, 1, MOST_H, "step_h")
    require_between(terms.stay_h, 0, MOST_H, "stay_h")
    require_between(terms.cap_fen, 0, MOST_FEN, "cap_fen")
    require_between(terms.step_fen, 0, terms.cap_fen, "step_fen")
    require_between(len(terms.free_days), 0, MOST_FREE_DAYS, "free_days")


# -- one parcel ----------------------------------------------------------------------------------------------


def terms_for(allocation: Allocation) -> StorageTerms:
    """The rule of the day on which it was left there."""
    return terms_of(allocation.fee_rule, allocation.compartment.zone)


def terms_of_reference(reference: UUID) -> StorageTerms | None:
    """The terms of a parcel that lies in a cabinet."""
    lying = Allocation.objects.select_related("compartment", "fee_rule").filter(
        LIVE_ALLOCATION, reference=reference
    )
    found = lying.first()
    return terms_for(found) if found is not None else None


def due_fen(allocation: Allocation, *, at: datetime) -> int:
    """What its recipient owes for it, less what he has paid. Parcels that share a cell cost as one: the first
    pays.
    """
    if allocation.free_until is None or at <= allocation.free_until:
        return 0
    before = Allocation.objects.filter(
        compartment=allocation.compartment_id,
        group=allocation.group_id,
        free_until=allocation.free_until,
        pk__lt=allocation.pk,
    )
    if before.exists():
        return 0
    fee = fee_fen(terms_for(allocation), free_until=allocation.free_until, at=at)
    return max(0, fee - allocation.fee_paid_fen)


@dataclass(frozen=True, slots=True)
class TermsAsSeen:
    """What its recipient reads: the terms, what is due now, and until when he may pay (None: not now)."""

    free_until: datetime | None
    step_h: int
    step_fen: int
    cap_fen: int
    due_fen: int
    payable_until: datetime | None


def terms_as_seen(allocation: Allocation) -> TermsAsSeen:
    terms, now, free_until = terms_for(allocation), clock.now(), allocation.free_until
    last = None
    if free_until is not None and allocation.parcel_state == ParcelState.EXPIRED:
        last = last_moment(terms, free_until=free_until, keep_until=allocation.keep_until)
    return TermsAsSeen(
        free_until=free_until,
        step_h=terms.step_h,
        step_fen=terms.step_fen,
        cap_fen=terms.cap_fen,
        due_fen=due_fen(allocation, at=now),
        payable_until=last if last is not None and now < last else None,
    )


def fee_to_pay(*, reference: UUID) -> tuple[int, datetime]:
    """What opens an overdue parcel's door again, and until when. Raises NotCollectable when nothing does."""
    allocation = _overdue(reference)
    now = clock.now()
    assert allocation.free_until is not None  # set at the deposit
    terms = terms_for(allocation)
    last = last_moment(terms, free_until=allocation.free_until, keep_until=allocation.keep_until)
    if now >= last:
        raise NotCollectable(field="reference")
    until = paid_until(terms, free_until=allocation.free_until, at=now, last=last)
    return due_fen(allocation, at=now), until


def reopen_paid(*, reference: UUID, paid_fen: int, until: datetime) -> None:
    """The fee is paid: its code opens the door again until then, with all that lies beside it.

    Raises NotCollectable when it was taken out, is being taken out, or the time bought is over.
    """
    with transaction.atomic():
        first = _overdue(reference, lock=True)
        if clock.now() >= until:
            raise NotCollectable(field="reference")
        together = Allocation.objects.select_for_update().filter(
            compartment=first.compartment_id, group=first.group_id, parcel_state=ParcelState.EXPIRED
        )
        for each in together.filter(state=AllocationState.LOADED).order_by("pk"):
            MOVES.check(each.parcel_state, ParcelState.READY)
            each.parcel_state, each.collect_until = ParcelState.READY, until
            if each.keep_until is not None:
                each.collect_until = min(until, each.keep_until)
            each.fee_paid_fen += paid_fen if each.pk == first.pk else 0
            each.save(update_fields=["parcel_state", "collect_until", "fee_paid_fen"])
        touch_config([first.compartment.cabinet_id])


def _overdue(reference: UUID, *, lock: bool = False) -> Allocation:
    rows = Allocation.objects.select_related("compartment", "fee_rule").filter(
        LIVE_ALLOCATION,
        reference=reference,
        state=AllocationState.LOADED,
        parcel_state=ParcelState.EXPIRED,
    )
    found: Allocation | None = (rows.select_for_update(of=("self",)) if lock else rows).first()
    if found is None:
        raise NotCollectable(field="reference")
    return found
