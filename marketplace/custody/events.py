from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class HandedOver:
    type: ClassVar[str] = "custody.HandedOver"
    unit: UUID
    reference: UUID | None
    from_kind: str
    from_uuid: UUID | None
    to_kind: str
    to_uuid: UUID
    place: UUID | None
    at: datetime
