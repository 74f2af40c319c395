"""Portioning and mixing: grams leave input units and enter one output unit; nothing appears from nowhere."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from marketplace.custody.errors import NotEnough
from marketplace.custody.models import HandlingUnit, Transformation, TransformationInput, UnitContent
from marketplace.custody.services.units import Content
from marketplace.kernel import clock


def transform(
    *,
    kind: str,
    inputs: Sequence[tuple[HandlingUnit, Content]],
    output: HandlingUnit,
    at: datetime | None = None,
    actor_uuid: UUID | None = None,
) -> Transformation:
    """Take `grams` of each content out of its unit; the output's own contents are the caller's.

    The conditional UPDATE is the lock: two packers cannot take the same grams. Raises NotEnough.
    """
    with transaction.atomic():
        done: Transformation = Transformation.objects.create(
            kind=kind, output=output, at=at or clock.now(), actor_uuid=actor_uuid
        )
        for unit, taken in sorted(inputs, key=lambda row: row[0].pk):
            held = UnitContent.objects.filter(unit=unit, kind=taken.kind, content_uuid=taken.uuid)
            if not held.filter(grams__gte=taken.grams).update(grams=F("grams") - taken.grams):
                left = held.values_list("grams", flat=True).first() or 0
                raise NotEnough(field="net_weight_g", params={"code": unit.code, "grams": left})
            TransformationInput.objects.create(
                transformation=done,
                unit=unit,
                content_kind=taken.kind,
                content_uuid=taken.uuid,
                grams=taken.grams,
            )
    return done
