"""States of everything that money passes through, and the moves between them. No Django.

group      open -> closing -> closed            open | closing -> succeeded
intent     requires_confirmation -> requires_action -> succeeded | canceled        (Stripe's names)
attempt    open -> succeeded | closed           closed -> late (paid after all, and given back in full)
refund     pending -> succeeded | failed
freeze     waiting -> frozen -> captured        waiting | frozen -> releasing <-> released
settlement ordered -> confirmed -> done         ordered | confirmed -> refused
transfer   ordered -> done | refused
"""

from enum import StrEnum

from marketplace.kernel.transitions import Transitions


class GroupStatus(StrEnum):
    OPEN = "open"
    CLOSING = "closing"
    """No new attempt may start; the provider is being asked to close, and may still say that it is paid."""
    SUCCEEDED = "succeeded"
    CLOSED = "closed"


class IntentStatus(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class AttemptStatus(StrEnum):
    OPEN = "open"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    LATE = "late"


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class FreezeStatus(StrEnum):
    WAITING = "waiting"
    FROZEN = "frozen"
    RELEASING = "releasing"
    """Given up: whatever is frozen, or will be, is released."""
    CAPTURED = "captured"
    RELEASED = "released"


class SettlementStatus(StrEnum):
    ORDERED = "ordered"
    """The provider was not asked yet, or has not said clearly that it released the money."""
    CONFIRMED = "confirmed"
    """The money is released to the merchant; the fees are still to be shared out of it."""
    DONE = "done"
    REFUSED = "refused"
    """A person has to look: what was not carried out is owed again."""


class TransferStatus(StrEnum):
    ORDERED = "ordered"
    DONE = "done"
    REFUSED = "refused"


GROUP_MOVES = Transitions(
    {
        GroupStatus.OPEN: {GroupStatus.CLOSING, GroupStatus.SUCCEEDED},
        GroupStatus.CLOSING: {GroupStatus.CLOSED, GroupStatus.SUCCEEDED},
        GroupStatus.SUCCEEDED: set(),
        GroupStatus.CLOSED: set(),
    }
)

INTENT_MOVES = Transitions(
    {
        IntentStatus.REQUIRES_PAYMENT_METHOD: {
            IntentStatus.REQUIRES_CONFIRMATION,
            IntentStatus.REQUIRES_ACTION,
            IntentStatus.SUCCEEDED,
            IntentStatus.CANCELED,
        },
        IntentStatus.REQUIRES_CONFIRMATION: {
            IntentStatus.REQUIRES_PAYMENT_METHOD,
            IntentStatus.REQUIRES_ACTION,
            IntentStatus.SUCCEEDED,
            IntentStatus.CANCELED,
        },
        IntentStatus.REQUIRES_ACTION: {
            IntentStatus.REQUIRES_PAYMENT_METHOD,
            IntentStatus.PROCESSING,
            IntentStatus.REQUIRES_CAPTURE,
            IntentStatus.SUCCEEDED,
            IntentStatus.CANCELED,
        },
        IntentStatus.PROCESSING: {
            IntentStatus.REQUIRES_PAYMENT_METHOD,
            IntentStatus.SUCCEEDED,
            IntentStatus.CANCELED,
        },
        IntentStatus.REQUIRES_CAPTURE: {IntentStatus.SUCCEEDED, IntentStatus.CANCELED},
        IntentStatus.SUCCEEDED: set(),
        IntentStatus.CANCELED: set(),
    }
)

ATTEMPT_MOVES = Transitions(
    {
        AttemptStatus.OPEN: {AttemptStatus.SUCCEEDED, AttemptStatus.CLOSED, AttemptStatus.LATE},
        AttemptStatus.CLOSED: {AttemptStatus.LATE},
        AttemptStatus.SUCCEEDED: set(),
        AttemptStatus.LATE: set(),
    }
)

FREEZE_MOVES = Transitions(
    {
        FreezeStatus.WAITING: {FreezeStatus.FROZEN, FreezeStatus.RELEASING},
        FreezeStatus.FROZEN: {FreezeStatus.CAPTURED, FreezeStatus.RELEASING},
        FreezeStatus.RELEASING: {FreezeStatus.RELEASED},
        FreezeStatus.CAPTURED: set(),
        FreezeStatus.RELEASED: {FreezeStatus.RELEASING},
    }
)

REFUND_MOVES = Transitions(
    {
        RefundStatus.PENDING: {RefundStatus.SUCCEEDED, RefundStatus.FAILED},
        RefundStatus.SUCCEEDED: set(),
        RefundStatus.FAILED: set(),
    }
)

SETTLEMENT_MOVES = Transitions(
    {
        SettlementStatus.ORDERED: {SettlementStatus.CONFIRMED, SettlementStatus.REFUSED},
        SettlementStatus.CONFIRMED: {SettlementStatus.DONE, SettlementStatus.REFUSED},
        SettlementStatus.DONE: set(),
        SettlementStatus.REFUSED: set(),
    }
)

TRANSFER_MOVES = Transitions(
    {
        TransferStatus.ORDERED: {TransferStatus.DONE, TransferStatus.REFUSED},
        TransferStatus.DONE: set(),
        TransferStatus.REFUSED: set(),
    }
)
