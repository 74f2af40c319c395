"""Ids: UUIDv7 outside (sortable by time, made by server or offline client), bigint inside."""

from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7

from marketplace.kernel.errors import N_, InvalidInput


def uuid7() -> UUID:
    """A fresh UUIDv7 as the standard library's UUID."""
    return UUID(int=_uuid7().int)


def parse_uuid(text: object, field: str) -> UUID:
    """The UUID in a text that came from outside. Raises InvalidInput naming `field`."""
    if isinstance(text, UUID):
        return text
    try:
        return UUID(str(text))
    except ValueError:
        raise InvalidInput(N_("编号格式不正确"), field=field) from None
