"""Crates that pass a reader: reads become sightings, believed sightings of known crates become custody.

Order of effects of a batch, in one transaction: sightings are joined with what was sighted before, then each
believed one whose crate is known hands it over to where the reader stands, unless a later event says where it
is by now. A batch that comes twice, late or in pieces leaves the same rows.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import orjson
import structlog
from django.db import connection, transaction
from django.db.models import QuerySet

from farmers.models import Station
from lockers.models import CrateTag, Device, Reader, Sighting
from lockers.protocol import rfid
from lockers.protocol.envelope import is_device_id
from lockers.protocol.errors import Malformed
from lockers.services.access import counties_of
from marketplace.custody.errors import UnitBlocked, UnitClosed
from marketplace.custody.models import HandlingUnit, HolderKind, UnitKind
from marketplace.custody.services import Holder, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub
from marketplace.telemetry.models import AssetKind

log = structlog.get_logger()
MOST_READS = 2_000
#: after it was handed on from here a crate is still heard at the gate for so long
LEAVES_WITHIN = timedelta(minutes=15)
#: whose people may say which crate carries a tag, by who holds it
_KEEPERS = {HolderKind.STATION: "information_officer", HolderKind.HUB: "hub_operator"}
_STORE = """
INSERT INTO lockers_sighting
    (reader_id, epc, antenna, "window", seconds, first_at, last_at, dbm, outcome)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '')
ON CONFLICT (reader_id, epc, antenna, "window") DO UPDATE SET
    seconds = lockers_sighting.seconds | excluded.seconds,
    first_at = least(lockers_sighting.first_at, excluded.first_at),
    last_at = greatest(lockers_sighting.last_at, excluded.last_at),
    dbm = greatest(lockers_sighting.dbm, excluded.dbm)
RETURNING id
"""


def register_reader(*, principal: Principal, device: str, holder_kind: str, holder_uuid: UUID) -> Reader:
    """A reader at the door of a hub or station. Raises InvalidInput, NotFound, Forbidden, Conflict."""
    if not is_device_id(device):
        raise InvalidInput(N_("设备编号只能用字母、数字、- 和 _"), field="device")
    county_uuid, place_uuid = _stands_at(holder_kind, holder_uuid)
    principal.require("cabinet_operator", county_uuid)
    asset = AssetKind.HUB_ROOM if holder_kind == HolderKind.HUB else AssetKind.FRIDGE
    with transaction.atomic():
        made, fresh = Device.objects.get_or_create(
            device=device, defaults={"asset_kind": asset, "asset_uuid": holder_uuid}
        )
        if not fresh:
            raise Conflict(N_("设备编号已被使用"), field="device", code="device_taken")
        reader: Reader = Reader.objects.create(
            device=made, holder_kind=holder_kind, holder_uuid=holder_uuid, place_uuid=place_uuid,
            county_uuid=county_uuid,
        )  # fmt: skip
    return reader


def _stands_at(kind: str, uuid: UUID) -> tuple[UUID, UUID]:
    """(county, place) of a hub or station. Readers in vans are not supported: a van is in no county."""
    if kind == HolderKind.HUB:
        found = Hub.objects.filter(uuid=uuid).values_list("county__uuid", "place__uuid").first()
    elif kind == HolderKind.STATION:
        found = Station.objects.filter(uuid=uuid).values_list("county__uuid", "place__uuid").first()
    else:
        raise InvalidInput(N_("读写器只能装在共配中心或信息社门口"), field="holder_kind")
    if found is None:
        raise NotFound(field="holder_id")
    return found[0], found[1]


def bind_tag(*, principal: Principal, epc: str, unit_uuid: UUID) -> CrateTag:
    """The crate that carries this tag is this unit now; a tag hangs on one crate, so an older bond ends.

    Raises InvalidInput, NotFound, Forbidden (only the people of who holds the crate may).
    """
    try:
        number = rfid.epc_of(epc)
    except Malformed:
        raise InvalidInput(N_("标签号是 24 位十六进制数"), field="epc") from None
    with transaction.atomic():
        unit = HandlingUnit.objects.select_for_update().filter(uuid=unit_uuid, kind=UnitKind.CRATE).first()
        if unit is None:
            raise NotFound(field="unit_id")
        principal.require(_KEEPERS.get(HolderKind(unit.holder_kind), "platform"), unit.holder_uuid)
        tag: CrateTag
        tag, _ = CrateTag.objects.update_or_create(
            epc=number,
            defaults={"unit": unit, "bound_at": clock.now(), "bound_by": principal.user_uuid},
        )
    return tag


def unknown_tags(*, principal: Principal) -> QuerySet[Sighting]:
    """Believed sightings of tags that no crate carries, at the asker's readers, the latest first."""
    sightings: QuerySet[Sighting] = Sighting.objects.filter(outcome="unknown").select_related(
        "reader__device"
    )
    counties = counties_of(principal)
    if counties is not None:
        sightings = sightings.filter(reader__county_uuid__in=counties)
    return sightings.exclude(epc__in=CrateTag.objects.values("epc")).order_by("-last_at", "-pk")


def read_reads(body: bytes) -> list[rfid.Read]:
    """{"reads": [{epc, antenna, at, dbm}]}; raises Malformed."""
    try:
        plain = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
    reads = plain.get("reads") if isinstance(plain, dict) else None
    if not isinstance(reads, list) or len(reads) > MOST_READS:
        raise Malformed(f"reads is a list of at most {MOST_READS}")
    return [rfid.read_from(each) for each in reads]


def take_reads(*, reader: Reader, reads: Sequence[rfid.Read]) -> dict[str, int]:
    """How many sightings came of these reads, by outcome; "" for those that are not believed yet."""
    counts: dict[str, int] = {}
    with transaction.atomic():
        Reader.objects.select_for_update().get(pk=reader.pk)  # one batch of a reader at a time
        for each in _stored(reader, rfid.fold(reads)):
            if each.outcome in ("", "unknown"):
                _judge(reader, each)
            counts[each.outcome] = counts.get(each.outcome, 0) + 1
    return counts


def _stored(reader: Reader, sightings: Sequence[rfid.Sighting]) -> list[Sighting]:
    ids = []
    with connection.cursor() as cursor:
        for each in sightings:
            about = (each.epc, each.antenna, each.window, each.seconds, each.first_at, each.last_at, each.dbm)
            cursor.execute(_STORE, [reader.pk, *about])
            ids.append(cursor.fetchone()[0])
    return list(Sighting.objects.filter(pk__in=ids).order_by("first_at", "pk"))


def _judge(reader: Reader, sighting: Sighting) -> None:
    """What follows from a sighting: nothing yet, an unknown tag, or where the crate is."""
    if sighting.seconds.bit_count() < rfid.BELIEVED_SECONDS:
        return
    tag = CrateTag.objects.filter(epc=sighting.epc, unit__isnull=False).select_related("unit").first()
    if tag is None or tag.unit is None:
        sighting.outcome = "unknown"
    elif sighting.first_at < tag.bound_at:
        sighting.outcome = "before_bond"  # the crate's earlier load; this unit was not there
    else:
        _follow(reader, sighting, tag.unit)
    sighting.save(update_fields=["outcome", "custody"])


def _follow(reader: Reader, sighting: Sighting, unit: HandlingUnit) -> None:
    holder = Holder(reader.holder_kind, reader.holder_uuid)
    # Race: a person scans the crate elsewhere at this moment; under the row lock the later event counts.
    unit = HandlingUnit.objects.select_for_update().get(pk=unit.pk)
    last = unit.custody.latest("seq")
    left_from = (last.from_kind, last.from_uuid)
    if Holder(unit.holder_kind, unit.holder_uuid) == holder:
        sighting.outcome = "present"
    elif last.at >= sighting.first_at:
        sighting.outcome = "late"
    elif left_from == (holder.kind, holder.uuid) and sighting.first_at - last.at < LEAVES_WITHIN:
        sighting.outcome = "leaving"  # scanned out at the dock a moment ago, and still heard there
    else:
        proof = {"rfid": sighting.epc, "reader": reader.device.device, "antenna": sighting.antenna}
        try:
            sighting.custody = hand_over(
                unit=unit, to=holder, place_uuid=reader.place_uuid, at=sighting.first_at, proof=proof
            )
            sighting.outcome = "handed_over"
        except (UnitBlocked, UnitClosed) as refused:
            sighting.outcome = refused.error_code[:20]
            log.warning("rfid.refused", reader=reader.device.device, unit=unit.code, code=refused.error_code)
