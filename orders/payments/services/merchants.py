"""Sellers as the provider knows them. No money is pooled: an unregistered seller cannot be paid."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from marketplace.kernel import clock
from orders.payments.errors import MerchantNotRegistered, ProviderAway
from orders.payments.gateways.base import GatewayError
from orders.payments.gateways.registry import gateway
from orders.payments.models import Merchant
from orders.payments.services.calls import record_call


def remember_merchants(names: Mapping[UUID | None, str]) -> None:
    Merchant.objects.bulk_create(
        [Merchant(owner_uuid=owner, name=name[:100]) for owner, name in names.items() if owner is not None],
        ignore_conflicts=True,
    )


def register_merchant(*, owner_uuid: UUID, name: str) -> Merchant:
    """Registers a seller as sub-merchant (二级商户). Never inside a transaction; repeating it is safe.

    Raises MerchantNotRegistered while the provider still reviews him, ProviderAway without a clear answer.
    """
    remember_merchants({owner_uuid: name})
    merchant: Merchant = Merchant.objects.get(owner_uuid=owner_uuid)
    if merchant.sub_merchant_id:
        return merchant
    try:
        smid = gateway().register_merchant(external_id=merchant.uuid.hex, name=merchant.name)
    except GatewayError as error:
        record_call(operation="register", number=merchant.uuid.hex, result="unknown", reason=str(error))
        raise ProviderAway from error
    record_call(operation="register", number=merchant.uuid.hex, result="done" if smid else "waiting")
    if not smid:
        raise MerchantNotRegistered(params={"name": merchant.name})
    Merchant.objects.filter(pk=merchant.pk).update(sub_merchant_id=smid, registered_at=clock.now())
    merchant.sub_merchant_id = smid
    return merchant


def registered_ids(owners: Iterable[UUID | None]) -> dict[UUID, str]:
    """owner -> sub-merchant number, registering those who have none yet. Never inside a transaction."""
    wanted = {owner for owner in owners if owner is not None}
    found: dict[UUID, str] = {}
    if not wanted:
        return found
    for merchant in Merchant.objects.filter(owner_uuid__in=wanted):
        ready = (
            merchant
            if merchant.sub_merchant_id
            else register_merchant(owner_uuid=merchant.owner_uuid, name=merchant.name)
        )
        found[merchant.owner_uuid] = ready.sub_merchant_id
    return found
