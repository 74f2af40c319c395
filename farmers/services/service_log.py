"""The four services: each use is logged, and counted by station."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Sum

from farmers.kinds import ServiceKind
from farmers.models import ServiceRecord
from farmers.services.access import acting_user, station_for, villager_of
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between

MAX_FEE_FEN = 10_000_000


def log_service(
    *,
    principal: Principal,
    station_uuid: UUID,
    kind: str,
    what: str,
    villager_uuid: UUID | None = None,
    fee_fen: int = 0,
) -> ServiceRecord:
    """One use of a service that the station offers. Raises InvalidInput, NotFound, Forbidden."""
    station = station_for(principal=principal, station_uuid=station_uuid)
    if kind not in ServiceKind.values or kind not in station.services:
        raise InvalidInput(N_("本站没有这种服务"), field="kind")
    if not 1 <= len(what.strip()) <= 120:
        raise InvalidInput(N_("请写明服务内容，最多 %(most)s 个字"), field="what", params={"most": 120})
    record: ServiceRecord = ServiceRecord.objects.create(
        station=station,
        kind=kind,
        what=what.strip(),
        villager=villager_of(station, villager_uuid) if villager_uuid else None,
        fee_fen=require_between(fee_fen, 0, MAX_FEE_FEN, "fee_fen"),
        done_at=clock.now(),
        recorded_by=acting_user(principal),
    )
    return record


def service_totals(*, station_uuid: UUID, start: datetime, end: datetime) -> dict[str, tuple[int, int]]:
    """kind -> (uses, fees in fen) within [start, end), zero where there were none."""
    rows = (
        ServiceRecord.objects.filter(station__uuid=station_uuid, done_at__gte=start, done_at__lt=end)
        .values("kind")
        .annotate(uses=Count("id"), fees=Sum("fee_fen"))
    )
    counted = {row["kind"]: (row["uses"], row["fees"]) for row in rows}
    return {kind: counted.get(kind, (0, 0)) for kind in ServiceKind.values}
