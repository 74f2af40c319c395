"""The station's counter: an item leaves the shelf for its recipient, and the proof stays (domain.md rule 9).

Proof is the pickup code, or the last four digits of the recipient's phone together with a signature; somebody
without a phone signs. Wrong tries are counted outside this transaction, by the edge, per unit.
"""

import hmac
from uuid import UUID

from django.db import transaction

from farmers.models import Station
from farmers.services.access import station_for
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, close_unit, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from orders.errors import WrongHandOutProof
from orders.models import Fulfilment, Order
from orders.services import road
from orders.services.fulfilment.arrivals import collect, make_ready
from orders.services.locking import lock_order_of_fulfilment
from orders.services.notices import recipient_phone, recipient_uuid
from orders.states import FulfilmentStatus

MAX_SIGNATURE = 4000


def hand_out(
    *,
    principal: Principal,
    station_uuid: UUID,
    unit_uuid: UUID,
    code: str | None = None,
    last4: str | None = None,
    signature: str | None = None,
) -> Fulfilment:
    """Check the proof -> custody to the person -> unit closed -> collected, settled, told.

    Handing out what was handed out is the same. Raises Forbidden, NotFound for a unit that is not on this
    station's shelf, Conflict for a held parcel, InvalidInput without any proof, WrongHandOutProof.
    """
    station = station_for(principal=principal, station_uuid=station_uuid)
    unit = HandlingUnit.objects.filter(uuid=unit_uuid).first()
    part = Fulfilment.objects.filter(unit_uuid=unit_uuid, destination=station.place).first()
    if unit is None or part is None:
        raise NotFound(field="unit_id")
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=part.uuid, field="unit_id")
        part = locked.fulfilment(part.uuid)
        if part.status == FulfilmentStatus.COLLECTED:
            return part
        if part.status == FulfilmentStatus.PACKED and _stands_here(unit, station):
            # The van was here, the news is not: goods on the shelf may be given out.
            make_ready(locked, part, place_uuid=station.place.uuid, at=clock.now(), in_cabinet=False)
        if part.status != FulfilmentStatus.READY:
            raise Conflict(N_("这件货还没有到站点货架"), field="unit_id")
        if part.held:
            raise Conflict(N_("这件货已封存待检，不能交付"), code="held", field="unit_id")
        proof = _proof(locked.order, part, code=code, last4=last4, signature=signature)
        hand_over(
            unit=unit,
            to=Holder("person", recipient_uuid(locked.order)),
            place_uuid=station.place.uuid,
            expected_from=Holder("station", station.uuid),
            actor_uuid=principal.user_uuid,
            proof=proof,
        )
        close_unit(unit=unit)
        collect(locked, part, at=clock.now())
    return part


def _stands_here(unit: HandlingUnit, station: Station) -> bool:
    return (unit.holder_kind, unit.holder_uuid) == ("station", station.uuid)


def _proof(
    order: Order, part: Fulfilment, *, code: str | None, last4: str | None, signature: str | None
) -> dict[str, str]:
    if code:
        if not _same(code, road.code_of(part)):
            raise WrongHandOutProof(field="code")
        return {"kind": "code"}
    if not signature or len(signature) > MAX_SIGNATURE:
        raise InvalidInput(N_("请输入取件码，或手机尾号加签名"), field="signature" if last4 else "code")
    phone = recipient_phone(order)
    if phone and not _same(last4 or "", phone[-4:]):
        raise WrongHandOutProof(field="last4")
    return {"kind": "last4_and_signature" if phone else "signature", "signature": signature}


def _same(given: str, wanted: str) -> bool:
    """In constant time; as bytes, since `compare_digest` fails on letters outside ASCII."""
    return hmac.compare_digest(given.strip().encode(), wanted.encode())
