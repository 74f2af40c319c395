"""代办授权: recording, revoking and asking for the consent that an agent act stands on."""

from uuid import UUID

from django.db import transaction

from farmers.errors import EvidenceMissing, NoAgentConsent
from farmers.events import AgentConsentRecorded, AgentConsentRevoked
from farmers.kinds import FILED_EVIDENCE, ConsentKind, EvidenceKind
from farmers.models import AgentConsent, EvidenceFile, Farmer, Station, Villager
from farmers.services.access import OFFICER, acting_user, farmer_of, station_for, villager_of
from farmers.services.files import own_file
from marketplace.accounts.models import User
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish


def record_agent_consent(
    *,
    principal: Principal,
    kind: str,
    station_uuid: UUID,
    farmer_uuid: UUID | None = None,
    villager_uuid: UUID | None = None,
    evidence_kind: str,
    evidence_file_uuid: UUID | None = None,
) -> AgentConsent:
    """Record that a farmer (agent_sale) or a villager (agent_purchase) lets the station act for him.

    A consent that lives already is given back unchanged. Raises InvalidInput, EvidenceMissing, NotFound.
    """
    station = station_for(principal=principal, station_uuid=station_uuid)
    farmer, villager = _party(station, kind, farmer_uuid, villager_uuid)
    file = _evidence(principal, evidence_kind, evidence_file_uuid)
    return create_consent(
        station=station,
        farmer=farmer,
        villager=villager,
        evidence_kind=evidence_kind,
        evidence_file=file,
        recorded_by=acting_user(principal),
    )


def create_consent(
    *,
    station: Station,
    farmer: Farmer | None = None,
    villager: Villager | None = None,
    evidence_kind: str,
    evidence_file: EvidenceFile | None = None,
    recorded_by: User | None = None,
) -> AgentConsent:
    """The row and its event. Two officers at once: the unique index lets one row live, both get that one."""
    kind = ConsentKind.AGENT_SALE if farmer else ConsentKind.AGENT_PURCHASE
    with transaction.atomic():
        consent, fresh = AgentConsent.objects.get_or_create(
            kind=kind,
            station=station,
            farmer=farmer,
            villager=villager,
            revoked_at=None,
            defaults={
                "evidence_kind": evidence_kind,
                "evidence_file": evidence_file,
                "recorded_by": recorded_by,
                "recorded_at": clock.now(),
            },
        )
        if fresh:
            _tell(AgentConsentRecorded, consent, recorded_by)
    found: AgentConsent = consent
    return found


def revoke_agent_consent(*, principal: Principal, consent_uuid: UUID) -> AgentConsent:
    """End a consent, by the station's officer or by the person who gave it; revoking twice is the same.

    What was listed under it is withdrawn by whoever hears AgentConsentRevoked. Raises NotFound, Forbidden.
    """
    principal.require_signed_in()
    with transaction.atomic():
        consent: AgentConsent | None = (
            AgentConsent.objects.select_related("station", "farmer", "villager")
            .select_for_update(of=("self",))
            .filter(uuid=consent_uuid)
            .first()
        )
        if consent is None:
            raise NotFound(field="id")
        if not _may_revoke(principal, consent):
            raise Forbidden(field="id")
        if consent.revoked_at is None:
            user = acting_user(principal)
            consent.revoked_at, consent.revoked_by = clock.now(), user
            consent.save(update_fields=["revoked_at", "revoked_by"])
            _tell(AgentConsentRevoked, consent, user)
    return consent


def require_agent_consent(*, kind: str, party_uuid: UUID, station: Station | UUID) -> AgentConsent:
    """The living consent, locked against revocation until the caller's transaction ends.

    The race: a revocation between this check and the act that stands on it. Must run in a transaction.
    Raises NoAgentConsent naming `farmer_id` or `villager_id`.
    """
    station_uuid = station.uuid if isinstance(station, Station) else station
    sale = kind == ConsentKind.AGENT_SALE
    party = {"farmer__uuid": party_uuid} if sale else {"villager__uuid": party_uuid}
    consent: AgentConsent | None = (
        AgentConsent.objects.select_for_update(of=("self",), no_key=True)
        .filter(kind=kind, station__uuid=station_uuid, revoked_at=None, **party)
        .first()
    )
    if consent is None:
        people = Farmer if sale else Villager
        name = people.objects.filter(uuid=party_uuid).values_list("name", flat=True).first()
        raise NoAgentConsent(
            field="farmer_id" if sale else "villager_id", params={"party": name or str(party_uuid)}
        )
    return consent


def _party(
    station: Station, kind: str, farmer_uuid: UUID | None, villager_uuid: UUID | None
) -> tuple[Farmer | None, Villager | None]:
    if kind not in ConsentKind.values:
        raise InvalidInput(N_("没有这种授权"), field="kind")
    if kind == ConsentKind.AGENT_SALE:
        if farmer_uuid is None or villager_uuid is not None:
            raise InvalidInput(N_("代卖授权须指明农户"), field="farmer_id")
        return farmer_of(station, farmer_uuid), None
    if villager_uuid is None or farmer_uuid is not None:
        raise InvalidInput(N_("代买授权须指明村民"), field="villager_id")
    return None, villager_of(station, villager_uuid)


def _evidence(principal: Principal, evidence_kind: str, file_uuid: UUID | None) -> EvidenceFile | None:
    if evidence_kind not in EvidenceKind.values:
        raise InvalidInput(N_("没有这种证明方式"), field="evidence_kind")
    if file_uuid is not None:
        return own_file(principal=principal, file_uuid=file_uuid, field="evidence_file_id")
    if evidence_kind in FILED_EVIDENCE:
        raise EvidenceMissing(field="evidence_file_id")
    return None


def _may_revoke(principal: Principal, consent: AgentConsent) -> bool:
    if principal.has(OFFICER, consent.station.uuid):
        return True
    if consent.farmer is not None:
        return principal.has("farmer", consent.farmer.uuid)
    user = consent.party.user
    return user is not None and user.uuid == principal.user_uuid


def _tell(
    event: type[AgentConsentRecorded | AgentConsentRevoked], consent: AgentConsent, user: User | None
) -> None:
    publish(
        event(
            consent=consent.uuid,
            kind=consent.kind,
            party=consent.party.uuid,
            station=consent.station.uuid,
        ),
        aggregate_kind="agent_consent",
        aggregate_uuid=consent.uuid,
        actor_uuid=user.uuid if user else None,
    )
