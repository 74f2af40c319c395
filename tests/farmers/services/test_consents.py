from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from farmers.errors import EvidenceMissing, NoAgentConsent
from farmers.models import AgentConsent, EvidenceFile
from farmers.services.consents import (
    create_consent,
    record_agent_consent,
    require_agent_consent,
    revoke_agent_consent,
)
from marketplace.accounts.models import User
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, Forbidden, InvalidInput, NotFound
from marketplace.outbox.models import OutboxEvent
from tests.factories.accounts import make_principal, make_user
from tests.factories.farmers import living_consent, make_farmer, make_officer, make_station, make_villager

pytestmark = pytest.mark.django_db


def make_file(owner: User) -> EvidenceFile:
    return EvidenceFile.objects.create(
        name=f"consent/{uuid4()}.jpg",
        purpose="consent",
        sha256="0" * 64,
        uploaded_by=owner,
        uploaded_at=clock.now(),
    )


def test_a_signature_on_the_glass_becomes_a_consent() -> None:
    farmer = make_farmer(consent=False)
    assert farmer.station is not None
    officer = make_officer(farmer.station)
    file = make_file(User.objects.get(uuid=officer.user_uuid))
    form: dict[str, Any] = {
        "principal": officer,
        "kind": "agent_sale",
        "station_uuid": farmer.station.uuid,
        "farmer_uuid": farmer.uuid,
        "evidence_kind": "signature",
        "evidence_file_uuid": file.uuid,
    }
    consent = record_agent_consent(**form)
    assert (consent.farmer, consent.evidence_file) == (farmer, file)
    assert record_agent_consent(**form) == consent
    event = OutboxEvent.objects.get(type="farmers.AgentConsentRecorded")
    assert event.payload == {
        "consent": str(consent.uuid),
        "kind": "agent_sale",
        "party": str(farmer.uuid),
        "station": str(farmer.station.uuid),
    }
    assert require_agent_consent(kind="agent_sale", party_uuid=farmer.uuid, station=farmer.station) == consent


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"kind": "agent_of_chaos"}, InvalidInput, "kind"),
        ({"kind": "agent_purchase"}, InvalidInput, "villager_id"),
        ({"farmer_uuid": None}, InvalidInput, "farmer_id"),
        ({"farmer_uuid": uuid4()}, NotFound, "farmer_id"),
        ({"evidence_kind": "hearsay"}, InvalidInput, "evidence_kind"),
        ({"evidence_kind": "signature"}, EvidenceMissing, "evidence_file_id"),
        ({"evidence_kind": "photo"}, EvidenceMissing, "evidence_file_id"),
        ({"evidence_file_uuid": uuid4()}, NotFound, "evidence_file_id"),
    ],
)
def test_bad_forms_are_refused_by_field(
    changes: dict[str, Any], error: type[DomainError], field: str
) -> None:
    farmer = make_farmer(consent=False)
    assert farmer.station is not None
    form: dict[str, Any] = {
        "kind": "agent_sale",
        "station_uuid": farmer.station.uuid,
        "farmer_uuid": farmer.uuid,
        "evidence_kind": "printed_form",
    }
    with pytest.raises(error) as refused:
        record_agent_consent(principal=make_officer(farmer.station), **{**form, **changes})
    assert refused.value.field == field
    assert AgentConsent.objects.count() == 0


def test_evidence_is_ones_own_file() -> None:
    villager = make_villager(consent=False)
    file = make_file(make_user())
    with pytest.raises(NotFound) as refused:
        record_agent_consent(
            principal=make_officer(villager.station),
            kind="agent_purchase",
            station_uuid=villager.station.uuid,
            villager_uuid=villager.uuid,
            evidence_kind="photo",
            evidence_file_uuid=file.uuid,
        )
    assert refused.value.field == "evidence_file_id"


def test_a_consent_holds_for_its_kind_and_station_only() -> None:
    farmer, villager = make_farmer(), make_villager()
    for kind, party, station in (
        ("agent_purchase", farmer.uuid, farmer.station),
        ("agent_sale", farmer.uuid, villager.station),
        ("agent_sale", villager.uuid, villager.station),
        ("agent_purchase", uuid4(), villager.station),
    ):
        assert station is not None
        with pytest.raises(NoAgentConsent):
            require_agent_consent(kind=kind, party_uuid=party, station=station)
    require_agent_consent(kind="agent_purchase", party_uuid=villager.uuid, station=villager.station.uuid)


def test_the_farmer_himself_the_officer_and_nobody_else_may_revoke() -> None:
    user = make_user()
    farmer = make_farmer(user=user)
    assert farmer.station is not None
    consent = living_consent(farmer)
    for stranger in (
        make_officer(make_station()),
        make_principal(),
        make_principal("farmer", "farmer", uuid4()),
    ):
        with pytest.raises(Forbidden):
            revoke_agent_consent(principal=stranger, consent_uuid=consent.uuid)
    assert living_consent(farmer) == consent
    himself = make_principal(user=user)
    revoked = revoke_agent_consent(principal=himself, consent_uuid=consent.uuid)
    again = revoke_agent_consent(principal=make_officer(farmer.station), consent_uuid=consent.uuid)
    assert (again.revoked_at, again.revoked_by) == (revoked.revoked_at, user)
    assert OutboxEvent.objects.filter(type="farmers.AgentConsentRevoked").count() == 1
    with pytest.raises(NoAgentConsent) as refused:
        require_agent_consent(kind="agent_sale", party_uuid=farmer.uuid, station=farmer.station)
    assert (refused.value.field, refused.value.params) == ("farmer_id", {"party": farmer.name})


def test_a_new_consent_may_follow_a_revoked_one() -> None:
    farmer = make_farmer()
    assert farmer.station is not None
    officer = make_officer(farmer.station)
    first = living_consent(farmer)
    revoke_agent_consent(principal=officer, consent_uuid=first.uuid)
    create_consent(station=farmer.station, farmer=farmer, evidence_kind="witness")
    assert living_consent(farmer) != first


def test_the_database_holds_who_a_consent_is_from() -> None:
    farmer = make_farmer(consent=False)
    fields = {"station": farmer.station, "evidence_kind": "witness", "recorded_at": clock.now()}
    with pytest.raises(IntegrityError), transaction.atomic():
        AgentConsent.objects.create(kind="agent_purchase", farmer=farmer, **fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        AgentConsent.objects.create(kind="agent_sale", **fields)


@pytest.mark.django_db(transaction=True)
def test_two_officers_at_once_record_one_consent() -> None:
    farmer = make_farmer(consent=False)
    assert farmer.station is not None

    def record(_: int) -> int:
        try:
            assert farmer.station is not None
            return create_consent(station=farmer.station, farmer=farmer, evidence_kind="witness").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(record, range(4)))) == 1
    assert AgentConsent.objects.count() == 1
