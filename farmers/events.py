"""What this app tells the rest of the product."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AgentConsentRecorded:
    """`kind` is agent_sale or agent_purchase; `party` the farmer or villager."""

    type: ClassVar[str] = "farmers.AgentConsentRecorded"
    consent: UUID
    kind: str
    party: UUID
    station: UUID


@dataclass(frozen=True, slots=True)
class AgentConsentRevoked:
    type: ClassVar[str] = "farmers.AgentConsentRevoked"
    consent: UUID
    kind: str
    party: UUID
    station: UUID
