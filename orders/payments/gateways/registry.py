"""The gateway that the settings name, opened on first use and shared by the threads of a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from orders.payments.gateways.base import Gateway

_lock = Lock()
_opened: Gateway | None = None


def gateway() -> Gateway:
    """Raises ImproperlyConfigured naming the setting that is missing or wrong."""
    global _opened
    if _opened is None:
        with _lock:
            if _opened is None:
                _opened = _open()
    return _opened


@contextmanager
def using(other: Gateway) -> Iterator[Gateway]:
    """Replace the shared gateway for a while: tests, and a rotation of keys."""
    global _opened
    before, _opened = _opened, other
    try:
        yield other
    finally:
        _opened = before


def forget() -> None:
    """Open it anew on next use: after the keys have been rotated."""
    global _opened
    _opened = None


def _open() -> Gateway:
    from orders.payments.gateways.alipay import AlipayGateway  # here, so that only users pay for the SDK
    from orders.payments.gateways.signing import BadKey, load_private_key, load_public_key
    from orders.payments.gateways.wire import AlipayWire

    try:
        wire = AlipayWire(
            url=_setting("ALIPAY_GATEWAY_URL"),
            app_id=_setting("ALIPAY_APP_ID"),
            app_private_key=load_private_key(Path(_setting("ALIPAY_APP_PRIVATE_KEY_FILE"))),
            alipay_public_key=load_public_key(Path(_setting("ALIPAY_PUBLIC_KEY_FILE"))),
        )
    except (OSError, BadKey) as error:
        raise ImproperlyConfigured(f"Alipay keys: {error}") from None
    return AlipayGateway(wire=wire, seller_id=_setting("ALIPAY_SELLER_ID"))


def _setting(name: str) -> str:
    value = str(getattr(settings, name, "") or "")
    if not value:
        raise ImproperlyConfigured(f"Set {name}: payments need it.")
    return value
