"""Cash at a station: the whole group is paid at the counter, and the station owes it to the platform."""

from uuid import UUID

from django.db import transaction

from marketplace.kernel import clock
from orders.ledger.accounts import AccountKind
from orders.payments.errors import NotPayable
from orders.payments.models import Attempt, CashReceipt, PaymentGroup
from orders.payments.services.locking import lock_group
from orders.payments.services.outcomes import capture, finish_if_ended
from orders.payments.states import AttemptStatus, GroupStatus

PROVIDER = "cash"


def record_cash(*, group: PaymentGroup, station_uuid: UUID, taken_by_uuid: UUID) -> CashReceipt:
    """Every intent is paid; the station's float grows by the sum. Runs in the caller's transaction.

    A repeat returns the first receipt. Raises NotPayable for a group that is over, or open at the provider.
    """
    with transaction.atomic():
        locked = lock_group(group.pk)
        earlier = CashReceipt.objects.filter(group=locked).first()
        if earlier is not None:
            found: CashReceipt = earlier
            return found
        tried = Attempt.objects.filter(intent__group=locked, status=AttemptStatus.OPEN).exists()
        if locked.status != GroupStatus.OPEN or tried:
            raise NotPayable
        intents = list(locked.intents.order_by("pk"))
        PaymentGroup.objects.filter(pk=locked.pk).update(provider=PROVIDER)
        locked.provider = PROVIDER
        receipt: CashReceipt = CashReceipt.objects.create(
            group=locked,
            station_uuid=station_uuid,
            amount_fen=sum(intent.amount_fen for intent in intents),
            taken_by_uuid=taken_by_uuid,
            taken_at=clock.now(),
        )
        for intent in intents:
            capture(
                locked,
                intent,
                amount_fen=intent.amount_fen,
                entry_kind=AccountKind.STATION_CASH,
                source=PROVIDER,
                key=intent.uuid.hex,
            )
        finish_if_ended(locked)
    return receipt
