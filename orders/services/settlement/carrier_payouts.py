"""Courier firms are paid every Monday what they earned until Sunday night (D6: pay per item).

One row per firm and week, made once whoever is first; what the provider refuses is owed again and goes out
with the next week. The statement of the firm shows it, from the ledger.
"""

import logging
from datetime import date, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from marketplace.kernel.principal import Principal
from marketplace.places.models import Carrier
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerAccount
from orders.ledger.services import balance
from orders.models import CarrierPayout, CarrierPayoutStatus
from orders.payments.services import order_transfer

log = logging.getLogger(__name__)
MAX_SHOWN = 200


def pay_carriers_due() -> int:
    """Every firm whose week is over and was not paid yet; gives how many transfers were ordered."""
    until = this_monday()
    paid = CarrierPayout.objects.filter(until=until).values("carrier__uuid")
    earning = LedgerAccount.objects.filter(kind=AccountKind.COURIER_PAYABLE).exclude(owner_uuid__in=paid)
    count = 0
    for owner in list(earning.order_by("pk").values_list("owner_uuid", flat=True)):
        carrier = Carrier.objects.filter(uuid=owner).first()
        if carrier is None:
            continue
        try:
            count += _pay(carrier, until)
        except IntegrityError:  # another process was first
            continue
        except DomainError as error:
            log.warning("carrier %s is not paid: %s", carrier.uuid, error)
    return count


def this_monday() -> date:
    today = clock.today()
    return today - timedelta(days=today.weekday())


def note_transfer(*, transfer_uuid: UUID, why: str | None) -> None:
    """TransferDone (no `why`), TransferRefused: the row says so."""
    CarrierPayout.objects.filter(transfer_uuid=transfer_uuid, status=CarrierPayoutStatus.ORDERED).update(
        status=CarrierPayoutStatus.DONE if why is None else CarrierPayoutStatus.REFUSED,
        failure=(why or "")[:60],
        ended_at=clock.now(),
    )


def carrier_payouts(*, principal: Principal, first: int) -> list[CarrierPayout]:
    """The newest first: all for the platform, else those of the asker's own firms."""
    rows = CarrierPayout.objects.select_related("carrier").exclude(status=CarrierPayoutStatus.NOTHING)
    if not principal.has("platform"):
        rows = rows.filter(carrier__uuid__in=principal.scopes("courier"))
    return list(rows.order_by("-until", "-pk")[: max(1, min(first, MAX_SHOWN))])


def _pay(carrier: Carrier, until: date) -> bool:
    """Its own transaction: the row's uniqueness lets one process through, the ledger guards the sum."""
    with transaction.atomic():
        earned = -balance(kind=AccountKind.COURIER_PAYABLE, owner=carrier.uuid, at=clock.at(until, 0))
        fen = max(0, min(earned, -balance(kind=AccountKind.COURIER_PAYABLE, owner=carrier.uuid)))
        row = CarrierPayout(
            carrier=carrier,
            until=until,
            amount_fen=fen,
            status=CarrierPayoutStatus.ORDERED if fen else CarrierPayoutStatus.NOTHING,
            ordered_at=clock.now(),
        )
        if fen:
            row.transfer_uuid = order_transfer(
                owner=carrier.uuid,
                payee_name=carrier.name,
                account=AccountKind.COURIER_PAYABLE,
                amount_fen=fen,
                key=f"carrier:{carrier.uuid}:{until.isoformat()}",
                memo=f"配送费 {until.isoformat()}",
            ).uuid
        row.save(force_insert=True)
    return bool(fen)
