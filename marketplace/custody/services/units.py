"""Units and their hand-overs. Liability, trace and settlement read what is written here and nowhere else."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from marketplace.custody.chain import custody_hash
from marketplace.custody.errors import CodeTaken, UnitBlocked, UnitClosed, WrongHolder
from marketplace.custody.events import HandedOver
from marketplace.custody.models import CustodyEvent, HandlingUnit, UnitContent, UnitStatus
from marketplace.kernel import clock, ids
from marketplace.outbox.publishing import publish


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has goods: a kind of models.HolderKind and the uuid of that thing."""

    kind: str
    uuid: UUID


@dataclass(frozen=True, slots=True)
class Content:
    kind: str
    uuid: UUID
    grams: int


def create_unit(
    *,
    kind: str,
    zone: str,
    gross_g: int,
    volume_ml: int,
    size: str,
    holder: Holder,
    tare_g: int = 0,
    reference: UUID | None = None,
    contents: Iterable[Content] = (),
    place_uuid: UUID | None = None,
    at: datetime | None = None,
    code: str | None = None,
    actor_uuid: UUID | None = None,
) -> HandlingUnit:
    """A new unit, its contents and its first custody event. Raises CodeTaken for a code in use."""
    moment = at or clock.now()
    with transaction.atomic():
        if code is not None and HandlingUnit.objects.filter(code=code).exists():
            raise CodeTaken(field="crate_code", params={"code": code})
        uuid = ids.uuid7()
        unit: HandlingUnit = HandlingUnit.objects.create(
            uuid=uuid,
            code=code or f"{kind[0].upper()}{uuid.hex[-12:].upper()}",
            kind=kind,
            zone=zone,
            gross_g=gross_g,
            tare_g=tare_g,
            volume_ml=volume_ml,
            size=size,
            reference=reference,
            holder_kind=holder.kind,
            holder_uuid=holder.uuid,
            created_at=moment,
        )
        UnitContent.objects.bulk_create(
            UnitContent(unit=unit, kind=item.kind, content_uuid=item.uuid, grams=item.grams)
            for item in contents
        )
        _append(unit, None, holder, place_uuid, moment, actor_uuid, None, {})
    return unit


def hand_over(
    *,
    unit: HandlingUnit,
    to: Holder,
    place_uuid: UUID | None,
    at: datetime | None = None,
    actor_uuid: UUID | None = None,
    expected_from: Holder | None = None,
    temperature_c: float | None = None,
    proof: Mapping[str, Any] | None = None,
) -> CustodyEvent:
    """Move a unit to another holder: lock it, check, append the event, publish HandedOver.

    Handing to the present holder is a repeat and gives the last event. Raises WrongHolder when
    `expected_from` does not hold it, UnitBlocked, UnitClosed.
    """
    with transaction.atomic():
        # Race: two couriers scan one crate; the row lock lets the second see the first one's hand-over.
        unit = HandlingUnit.objects.select_for_update().get(pk=unit.pk)
        holder = Holder(unit.holder_kind, unit.holder_uuid)
        if holder == to:
            last: CustodyEvent = unit.custody.latest("seq")
            return last
        if unit.status == UnitStatus.CLOSED:
            raise UnitClosed(field="unit_id", params={"code": unit.code})
        if unit.status == UnitStatus.BLOCKED:
            raise UnitBlocked(field="unit_id", params={"code": unit.code})
        if expected_from is not None and holder != expected_from:
            raise WrongHolder(field="unit_id", params={"code": unit.code})
        unit.holder_kind, unit.holder_uuid = to.kind, to.uuid
        unit.save(update_fields=["holder_kind", "holder_uuid"])
        return _append(
            unit, holder, to, place_uuid, at or clock.now(), actor_uuid, temperature_c, dict(proof or {})
        )


def _append(
    unit: HandlingUnit,
    from_: Holder | None,
    to: Holder,
    place_uuid: UUID | None,
    at: datetime,
    actor_uuid: UUID | None,
    temperature_c: float | None,
    proof: dict[str, Any],
) -> CustodyEvent:
    last = unit.custody.order_by("-seq").first()
    facts: dict[str, Any] = {
        "seq": last.seq + 1 if last else 1,
        "from_kind": from_.kind if from_ else "",
        "from_uuid": from_.uuid if from_ else None,
        "to_kind": to.kind,
        "to_uuid": to.uuid,
        "place_uuid": place_uuid,
        "at": at,
        "temperature_c": temperature_c,
        "proof": proof,
        "prev_hash": last.hash if last else "",
    }
    event: CustodyEvent = CustodyEvent.objects.create(
        unit=unit,
        recorded_at=clock.wall(),
        actor_uuid=actor_uuid,
        hash=custody_hash(unit_uuid=unit.uuid, **facts),
        **facts,
    )
    publish(
        HandedOver(
            unit=unit.uuid,
            reference=unit.reference,
            from_kind=facts["from_kind"],
            from_uuid=facts["from_uuid"],
            to_kind=to.kind,
            to_uuid=to.uuid,
            place=place_uuid,
            at=at,
        ),
        aggregate_kind="handling_unit",
        aggregate_uuid=unit.uuid,
        actor_uuid=actor_uuid,
        occurred_at=at,
    )
    return event


def units_held_by(holder: Holder, kinds: Collection[str] | None = None) -> QuerySet[HandlingUnit]:
    """Units that are with the holder now and not closed."""
    units: QuerySet[HandlingUnit] = HandlingUnit.objects.filter(
        holder_kind=holder.kind, holder_uuid=holder.uuid
    ).exclude(status=UnitStatus.CLOSED)
    return units.filter(kind__in=kinds) if kinds else units


def block_units(*, uuids: Collection[UUID]) -> int:
    """Stop hand-overs of these units (a breach, a recall); closed ones stay closed."""
    return HandlingUnit.objects.filter(uuid__in=uuids, status=UnitStatus.ACTIVE).update(
        status=UnitStatus.BLOCKED
    )


def unblock_units(*, uuids: Collection[UUID]) -> int:
    return HandlingUnit.objects.filter(uuid__in=uuids, status=UnitStatus.BLOCKED).update(
        status=UnitStatus.ACTIVE
    )


def close_unit(*, unit: HandlingUnit) -> None:
    """The unit's journey ended: emptied, or with the person it was for."""
    HandlingUnit.objects.filter(pk=unit.pk).update(status=UnitStatus.CLOSED)
