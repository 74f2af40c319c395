"""The one lock of payments and the one way to change a state under it."""

from typing import Any

from django.db import connection, models

from marketplace.database.locks import lock_rows
from marketplace.kernel.transitions import Transitions
from orders.payments.models import (
    Attempt,
    PaymentGroup,
    PaymentIntent,
    PreAuthorisation,
    Refund,
    SettlementInstruction,
    Transfer,
)
from orders.payments.states import (
    ATTEMPT_MOVES,
    FREEZE_MOVES,
    GROUP_MOVES,
    INTENT_MOVES,
    REFUND_MOVES,
    SETTLEMENT_MOVES,
    TRANSFER_MOVES,
)

MOVES: dict[type[models.Model], Transitions] = {
    PaymentGroup: GROUP_MOVES,
    PaymentIntent: INTENT_MOVES,
    Attempt: ATTEMPT_MOVES,
    PreAuthorisation: FREEZE_MOVES,
    Refund: REFUND_MOVES,
    SettlementInstruction: SETTLEMENT_MOVES,
    Transfer: TRANSFER_MOVES,
}


def lock_group(group_id: int) -> PaymentGroup:
    """The group, locked until the transaction ends; read its parts only after this.

    The race: the notifications of two intents of one group, each blind to the other's uncommitted success,
    would both find the group unfinished; and a refund would not see the refund beside it.
    """
    group: PaymentGroup = lock_rows(PaymentGroup.objects.filter(pk=group_id))[0]
    return group


def hold_group(group_id: int) -> None:
    """`lock_group` for those who read the group together with its parts afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM payments_paymentgroup WHERE id = %s FOR UPDATE", [group_id])


def move(row: models.Model, to: str, **changes: Any) -> bool:
    """Guarded update: False, and nothing changed, unless `to` is allowed from where the row stands."""
    model = type(row)
    touched = model._default_manager.filter(pk=row.pk, status__in=MOVES[model].sources(to)).update(
        status=to, **changes
    )
    if touched:
        for name, value in {"status": to, **changes}.items():
            setattr(row, name, value)
    return bool(touched)
