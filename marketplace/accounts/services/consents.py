"""Consent to be served at a place: the recipient's own act, standing or for once, withdrawable."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from marketplace.accounts.errors import NoConsent
from marketplace.accounts.models import DeliveryConsent, User
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound, Unauthenticated
from marketplace.kernel.principal import Principal


def give_delivery_consent(
    *, principal: Principal, place_uuid: UUID, standing: bool = True
) -> DeliveryConsent:
    """Idempotent. Whether the place exists is the caller's check: places live above this app."""
    principal.require_signed_in()
    consent, _ = DeliveryConsent.objects.get_or_create(
        user=_user(principal),
        place_uuid=place_uuid,
        withdrawn_at=None,
        defaults={"standing": standing, "granted_at": clock.now()},
    )
    return consent


def withdraw_delivery_consent(*, principal: Principal, place_uuid: UUID) -> DeliveryConsent:
    """Ends the consent for what is not yet delivered; the row stays as proof. Raises NotFound."""
    with transaction.atomic():
        consent: DeliveryConsent | None = (
            DeliveryConsent.objects.select_for_update()
            .filter(user__uuid=principal.user_uuid, place_uuid=place_uuid, withdrawn_at=None)
            .first()
        )
        if consent is None:
            raise NotFound(field="place_id")
        consent.withdrawn_at = clock.now()
        consent.save(update_fields=["withdrawn_at"])
    return consent


def consented_places(user_uuid: UUID) -> set[UUID]:
    live = DeliveryConsent.objects.filter(user__uuid=user_uuid, withdrawn_at=None)
    return set(live.values_list("place_uuid", flat=True))


def has_delivery_consent(user_uuid: UUID, place_uuid: UUID) -> bool:
    return DeliveryConsent.objects.filter(
        user__uuid=user_uuid, place_uuid=place_uuid, withdrawn_at=None
    ).exists()


def require_delivery_consent(*, user_uuid: UUID, place_uuids: Iterable[UUID], field: str) -> None:
    """Raises NoConsent naming `field` unless every place is agreed to."""
    if not set(place_uuids) <= consented_places(user_uuid):
        raise NoConsent(field=field)


def _user(principal: Principal) -> User:
    if principal.user_uuid is None:
        raise Unauthenticated()
    return User.objects.get(uuid=principal.user_uuid)
