"""send(): the one door for telling somebody something."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext

from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.messages.models import Channel, Notice, Receipt
from marketplace.messages.templates import TEMPLATES


class ChannelAdapter(Protocol):
    """Carries one notice out of the house; returns the partner's id for it. Raises TryAgain when away."""

    channel: Channel

    def carry(self, notice: Notice) -> str: ...


class InboxAdapter:
    """The embedded default: the notice row is the inbox."""

    channel = Channel.INBOX

    def carry(self, notice: Notice) -> str:
        return str(notice.uuid)


#: filled by deployments that have SMS, WeChat or voice partners
ADAPTERS: list[ChannelAdapter] = [InboxAdapter()]


def send(
    *,
    template: str,
    params: Mapping[str, Any],
    to_user_uuid: UUID | None = None,
    to_phone: str = "",
    reference: UUID | None = None,
) -> Notice:
    """Record the notice and carry it over every adapter; each attempt leaves a receipt.

    Raises KeyError for an unknown template and ValueError for missing params: both are our own mistakes.
    """
    wanted = TEMPLATES[template].params
    if wanted - set(params):
        raise ValueError(f"{template} lacks {sorted(wanted - set(params))}")
    notice: Notice = Notice.objects.create(
        to_user_uuid=to_user_uuid,
        to_phone=to_phone,
        template=template,
        params={name: str(params[name]) for name in wanted},
        reference=reference,
        created_at=clock.now(),
    )
    for adapter in ADAPTERS:
        partner_id = adapter.carry(notice)
        Receipt.objects.create(
            notice=notice, channel=adapter.channel, sent_at=clock.wall(), partner_id=partner_id
        )
    return notice


def title_of(notice: Notice) -> str:
    return gettext(TEMPLATES[notice.template].title)


def body_of(notice: Notice) -> str:
    return gettext(TEMPLATES[notice.template].body).format(**notice.params)


def mark_read(*, principal: Principal, notice_uuid: UUID) -> Notice:
    """Raises NotFound for somebody else's notice."""
    notice: Notice | None = Notice.objects.filter(uuid=notice_uuid, to_user_uuid=principal.user_uuid).first()
    if notice is None:
        raise NotFound(field="id")
    if notice.read_at is None:
        notice.read_at = clock.now()
        notice.save(update_fields=["read_at"])
    return notice
