"""How the cabinets are: heard of, on time, shut, cold; and what their doors did."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count

from lockers.models import Allocation, Cabinet, Compartment, DeviceAlarm, DeviceMessage
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.models.devices import AlarmKind
from lockers.services.access import operated_cabinet, operated_cabinets
from lockers.services.sites.cabinets import silent
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.telemetry.models import Probe

#: alarms that count as faults of a door
DOOR_FAULTS = (AlarmKind.FORCED, AlarmKind.JAMMED, AlarmKind.AJAR, AlarmKind.UNREADABLE)
FAULTS_OVER = timedelta(days=7)


@dataclass(slots=True)
class CabinetHealth:
    """`problems` names what needs a hand: silent, clock, door, cold_proof, battery, backlog, config."""

    cabinet: Cabinet
    silent: bool
    cells: int = 0
    taken: int = 0
    blocked: int = 0
    open_alarms: list[DeviceAlarm] = field(default_factory=list)
    faults: Mapping[str, int] = field(default_factory=dict)
    uncalibrated: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        device = self.cabinet.device
        kinds = {alarm.kind for alarm in self.open_alarms}
        told = {
            "silent": self.silent,
            "door": bool(kinds & {kind.value for kind in DOOR_FAULTS}),
            "clock": AlarmKind.CLOCK.value in kinds,
            "identity": AlarmKind.DUPLICATE.value in kinds,
            "conflict": AlarmKind.CONFLICT.value in kinds,
            "battery": device.battery_pct is not None and device.battery_pct < 20,
            "config": not self.silent and device.unconfirmed,
            "cold_proof": bool(self.uncalibrated),
        }
        return [name for name, is_so in told.items() if is_so]


def fleet(*, principal: Principal) -> list[CabinetHealth]:
    """All cabinets that the asker operates, those that need a hand first. A fixed number of queries."""
    cabinets = list(
        operated_cabinets(principal=principal)
        .select_related("device", "site__place__county")
        .order_by("site__place__county__code", "name", "pk")
    )
    quiet = set(Cabinet.objects.filter(silent()).values_list("pk", flat=True))
    health = {each.pk: CabinetHealth(cabinet=each, silent=each.pk in quiet) for each in cabinets}
    _count_cells(health)
    _add_alarms(health)
    _add_probes(health)
    return sorted(health.values(), key=lambda each: -len(each.problems))


def _count_cells(health: Mapping[int, CabinetHealth]) -> None:
    cells = Compartment.objects.filter(cabinet__in=health)
    for cabinet, count, blocked in cells.values_list("cabinet").annotate(Count("pk"), Count("blocked_at")):
        health[cabinet].cells, health[cabinet].blocked = count, blocked
    live = Allocation.objects.filter(LIVE_ALLOCATION, compartment__cabinet__in=health)
    taken = live.values_list("compartment__cabinet").annotate(Count("compartment", distinct=True))
    for cabinet, count in taken:
        health[cabinet].taken = count


def _add_alarms(health: Mapping[int, CabinetHealth]) -> None:
    alarms = DeviceAlarm.objects.filter(device__cabinet__in=health).select_related("device", "compartment")
    for alarm in alarms.filter(cleared_at=None).order_by("-raised_at"):
        health[alarm.device.cabinet_id].open_alarms.append(alarm)
    recent = alarms.filter(raised_at__gte=clock.now() - FAULTS_OVER, kind__in=DOOR_FAULTS)
    faults: dict[int, Counter[str]] = {}
    for cabinet, kind, count in recent.values_list("device__cabinet", "kind").annotate(Count("pk")):
        faults.setdefault(cabinet, Counter())[kind] += count
    for cabinet, counted in faults.items():
        health[cabinet].faults = counted


def _add_probes(health: Mapping[int, CabinetHealth]) -> None:
    now, by_uuid = clock.now(), {each.cabinet.uuid: each for each in health.values()}
    for probe in Probe.objects.filter(asset_uuid__in=by_uuid).order_by("pk"):
        if not probe.calibrated_at(now):
            by_uuid[probe.asset_uuid].uncalibrated.append(probe.label)


@dataclass(frozen=True, slots=True)
class DoorEvent:
    """`camera`: where the recorder has the picture, as `channel@UTC` of the device's clock."""

    at: datetime
    type: str
    door: int
    label: str
    purpose: str
    camera: str


def door_events(*, principal: Principal, cabinet_uuid: UUID, first: int) -> Sequence[DoorEvent]:
    """The last movements of a cabinet's doors, newest first. Raises NotFound, Forbidden."""
    cabinet = operated_cabinet(principal=principal, cabinet_uuid=cabinet_uuid)
    labels = dict(cabinet.compartments.values_list("door", "label"))
    said = DeviceMessage.objects.filter(device=cabinet.device, type__startswith="door.").order_by("-pk")
    return [
        DoorEvent(
            at=message.at,
            type=message.type.removeprefix("door."),
            door=int(message.body["door"]),
            label=labels.get(message.body["door"], "?"),
            purpose=str(message.body.get("purpose") or ""),
            camera=f"{cabinet.camera}@{message.ts:%Y%m%dT%H%M%SZ}" if cabinet.camera else "",
        )
        for message in said[:first]
        if isinstance(message.body.get("door"), int)
    ]
