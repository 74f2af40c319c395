"""Accounts that fees are shared to. The provider wants each bound to us before the first share (分账关系)."""

from collections.abc import Iterable
from uuid import UUID

from marketplace.kernel import clock
from orders.payments.errors import ProviderAway
from orders.payments.gateways.base import GatewayError, Outcome
from orders.payments.gateways.registry import gateway
from orders.payments.models import Merchant, RoyaltyReceiver
from orders.payments.services.calls import record_call
from orders.payments.services.merchants import register_merchant


def bind_receiver(*, owner_uuid: UUID | None, account: str = "", name: str = "") -> RoyaltyReceiver:
    """Binds whom fees are shared to; no owner is the platform. Not in a transaction; repeating is safe.

    Without an `account` the owner's own sub-merchant number is taken, the platform's is the app's seller.
    Another account than before replaces it. Raises MerchantNotRegistered, ProviderAway.
    """
    receiver: RoyaltyReceiver | None = RoyaltyReceiver.objects.filter(owner_uuid=owner_uuid).first()
    if receiver is not None and receiver.bound_at is not None and account in ("", receiver.account):
        return receiver
    wanted = account or (receiver.account if receiver else _own_account(owner_uuid, name))
    answer = gateway().bind_receivers(request_no=f"B{wanted}", receiver_ids=[wanted])
    record_call(operation="bind", number=wanted, result=answer.outcome, reason=answer.sub_code)
    if answer.outcome is not Outcome.DONE:
        raise ProviderAway from GatewayError(answer.message, code=answer.sub_code, permanent=False)
    bound: RoyaltyReceiver
    bound, _ = RoyaltyReceiver.objects.update_or_create(
        owner_uuid=owner_uuid,
        defaults={"account": wanted, "bound_at": clock.now(), **({"name": name[:100]} if name else {})},
    )
    return bound


def accounts_of(owners: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """owner -> bound account, binding those who are not yet. Raises as `bind_receiver`."""
    return {owner: bind_receiver(owner_uuid=owner).account for owner in dict.fromkeys(owners)}


def known_accounts() -> dict[UUID | None, str]:
    return dict(RoyaltyReceiver.objects.values_list("owner_uuid", "account"))


def forget_bindings(owners: Iterable[UUID | None]) -> None:
    """The provider says that they are not bound: the next share binds them again."""
    for owner in set(owners):
        RoyaltyReceiver.objects.filter(owner_uuid=owner).update(bound_at=None)


def _own_account(owner_uuid: UUID | None, name: str) -> str:
    if owner_uuid is None:
        return gateway().seller_id
    known = Merchant.objects.filter(owner_uuid=owner_uuid).values_list("name", flat=True).first()
    return register_merchant(owner_uuid=owner_uuid, name=known or name or "receiver").sub_merchant_id
