"""What payments tell of themselves. Payloads are ids as text once published; amounts in fen."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class IntentSucceeded:
    """One seller's part is paid: the money stands in the ledger under `held`."""

    type: ClassVar[str] = "payments.IntentSucceeded"
    intent: UUID
    group: UUID
    group_reference: UUID
    reference: UUID
    amount_fen: int


@dataclass(frozen=True, slots=True)
class GroupSucceeded:
    """Every intent of the group is paid."""

    type: ClassVar[str] = "payments.GroupSucceeded"
    group: UUID
    reference: UUID


@dataclass(frozen=True, slots=True)
class GroupClosed:
    """Nothing of the group is kept: unpaid, or given back. `why`: expired, cancelled, or the caller's."""

    type: ClassVar[str] = "payments.GroupClosed"
    group: UUID
    reference: UUID
    why: str


@dataclass(frozen=True, slots=True)
class LatePaymentReturned:
    """A payment arrived after the group was closed; a refund in full has been ordered."""

    type: ClassVar[str] = "payments.LatePaymentReturned"
    intent: UUID
    group_reference: UUID
    refund: UUID
    amount_fen: int


@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    type: ClassVar[str] = "payments.RefundSucceeded"
    refund: UUID
    intent_reference: UUID
    amount_fen: int


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """The provider refused for good; the money is back under `held`, and a person has to look."""

    type: ClassVar[str] = "payments.RefundFailed"
    refund: UUID
    intent_reference: UUID
    amount_fen: int
    why: str


@dataclass(frozen=True, slots=True)
class SettlementDone:
    """The merchant has his money and every fee is shared. `key` is the caller's."""

    type: ClassVar[str] = "payments.SettlementDone"
    settlement: UUID
    intent_reference: UUID
    key: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class SettlementRefused:
    """The provider refused for good; what was not paid out is owed again, and a person has to look."""

    type: ClassVar[str] = "payments.SettlementRefused"
    settlement: UUID
    intent_reference: UUID
    key: str
    amount_fen: int
    why: str


@dataclass(frozen=True, slots=True)
class TransferDone:
    """What the platform owed `owner` was paid out of its own money. `key` is the caller's."""

    type: ClassVar[str] = "payments.TransferDone"
    transfer: UUID
    owner: UUID
    key: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class TransferRefused:
    """The provider refused for good; the sum is owed again, and a person has to look."""

    type: ClassVar[str] = "payments.TransferRefused"
    transfer: UUID
    owner: UUID
    key: str
    amount_fen: int
    why: str
