"""The gateway that the settings name, opened on first use and shared by the threads of a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from orders.payments.gateways.base import Gateway

#: (setting with the key itself, setting with the file that holds it)
APP_KEY = ("ALIPAY_APP_PRIVATE_KEY", "ALIPAY_APP_PRIVATE_KEY_FILE")
ALIPAY_KEY = ("ALIPAY_PUBLIC_KEY", "ALIPAY_PUBLIC_KEY_FILE")

_lock = Lock()
_opened: Gateway | None = None
_stamp: tuple[object, ...] | None = None
"""What the opened gateway's keys were read from; None for one that `using` put in."""


def gateway() -> Gateway:
    """Opened with the keys as they are now: a replaced key file is read by the next call, without a restart.

    Raises ImproperlyConfigured naming the setting that is missing or wrong.
    """
    global _opened, _stamp
    if _opened is not None and (_stamp is None or _stamp == _stamp_now()):
        return _opened
    with _lock:
        stamp = _stamp_now()
        if _opened is None or (_stamp is not None and _stamp != stamp):
            _opened, _stamp = _open(), stamp
        return _opened


@contextmanager
def using(other: Gateway) -> Iterator[Gateway]:
    """Replace the shared gateway for a while."""
    global _opened, _stamp
    before = _opened, _stamp
    _opened, _stamp = other, None
    try:
        yield other
    finally:
        _opened, _stamp = before


def forget() -> None:
    """Open it anew on next use."""
    global _opened
    _opened = None


def _open() -> Gateway:
    from orders.payments.gateways.alipay import AlipayGateway  # here, so that only users pay for the SDK
    from orders.payments.gateways.signing import BadKey, read_private_key, read_public_keys
    from orders.payments.gateways.wire import AlipayWire

    try:
        wire = AlipayWire(
            url=_setting("ALIPAY_GATEWAY_URL"),
            app_id=_setting("ALIPAY_APP_ID"),
            app_private_key=read_private_key(_key(APP_KEY), name=APP_KEY[0]),
            alipay_public_key=read_public_keys(_key(ALIPAY_KEY), name=ALIPAY_KEY[0]),
        )
    except (OSError, BadKey) as error:
        raise ImproperlyConfigured(f"Alipay keys: {error}") from None
    return AlipayGateway(
        wire=wire,
        seller_id=_setting("ALIPAY_SELLER_ID"),
        pre_auth_product=_optional("ALIPAY_PRE_AUTH_PRODUCT") or "PRE_AUTH_ONLINE",
    )


def _key(names: tuple[str, str]) -> bytes:
    own, file = names
    value = _optional(own)
    return value.encode() if value else Path(_setting(file)).read_bytes()


def _stamp_now() -> tuple[object, ...]:
    """The keys of the settings, and when their files were last written."""
    return tuple(_optional(own) or _written(_optional(file)) for own, file in (APP_KEY, ALIPAY_KEY))


def _written(path: str) -> tuple[str, int, int]:
    try:
        found = Path(path).stat()
    except OSError:  # opening it will say so by name
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_ino


def _optional(name: str) -> str:
    return str(getattr(settings, name, "") or "")


def _setting(name: str) -> str:
    value = _optional(name)
    if not value:
        raise ImproperlyConfigured(f"Set {name}: payments need it.")
    return value
