"""A revocation waits for the act that stands on the consent; without the lock it would slip in between."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction

from farmers.models import AgentConsent, Farmer
from farmers.services.consents import require_agent_consent, revoke_agent_consent
from marketplace.kernel.principal import Principal
from tests.factories.farmers import living_consent, make_farmer

pytestmark = pytest.mark.django_db(transaction=True)


def revoke_impatiently(consent_uuid: UUID) -> str:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '200ms'")
            revoke_agent_consent(principal=Principal.system("test"), consent_uuid=consent_uuid)
    except OperationalError:
        return "had to wait"
    finally:
        connection.close()
    return "revoked"


def while_acting_for(farmer: Farmer, *, lock: bool) -> str:
    """What a revocation sees that comes between the check of the consent and the end of the act."""
    consent = living_consent(farmer)
    assert farmer.station is not None
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        if lock:
            require_agent_consent(kind="agent_sale", party_uuid=farmer.uuid, station=farmer.station)
        else:
            assert AgentConsent.objects.filter(pk=consent.pk, revoked_at=None).exists()
        return pool.submit(revoke_impatiently, consent.uuid).result()


def test_with_the_lock_off_a_revocation_slips_in() -> None:
    assert while_acting_for(make_farmer(), lock=False) == "revoked"


def test_a_revocation_waits_for_the_act() -> None:
    farmer = make_farmer()
    assert while_acting_for(farmer, lock=True) == "had to wait"
    assert living_consent(farmer).revoked_at is None
