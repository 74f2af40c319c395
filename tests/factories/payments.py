"""Groups to pay, and a buyer who pays them."""

from datetime import datetime, timedelta
from uuid import UUID

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from orders.payments.models import Attempt, PaymentGroup
from orders.payments.services import IntentSpec, open_group


def make_group(
    *amounts_fen: int,
    reference: UUID | None = None,
    merchants: bool = True,
    expires_at: datetime | None = None,
) -> PaymentGroup:
    """One intent per amount, each of a seller of its own; without `merchants` all are the platform's."""
    return open_group(
        reference=reference or uuid7(),
        expires_at=expires_at or clock.now() + timedelta(minutes=15),
        intents=[
            IntentSpec(
                merchant=uuid7() if merchants else None,
                merchant_name="罗市镇果业合作社",
                amount_fen=amount,
                description="奉新猕猴桃 5 斤",
                reference=uuid7(),
            )
            for amount in amounts_fen or (1000,)
        ],
    )


def attempts_of(group: PaymentGroup) -> list[Attempt]:
    return list(Attempt.objects.filter(intent__group=group).order_by("pk"))
