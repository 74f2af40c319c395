"""Parameters that several addresses read: what they may be, and who is told what is wrong with them."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import QuerySet

from orders.payments.stripe_api.errors import invalid, missing
from orders.payments.stripe_api.forms import Params, Reader

URL_MAX = 500
#: until the year 9999, where datetimes end
SECONDS_MAX = 253_402_300_799


def uuid_of(key: str) -> UUID:
    """A call that died after its work finds that work again under its Idempotency-Key."""
    return UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4)


def currency(reader: Reader, *, needed: bool = False) -> None:
    text = reader.text("currency", needed=needed)
    if text and text.lower() != "cny":
        raise invalid(f"Invalid currency: {text}. Only cny is supported here.", param="currency")


def payment_method(reader: Reader) -> str:
    """`alipay` if any of the ways to name it is used; nothing else is offered here."""
    types = reader.texts("payment_method_types")
    if types and types != ["alipay"]:
        raise invalid("payment_method_types must be ['alipay']", param="payment_method_types[0]")
    data, named = reader.object("payment_method_data"), reader.text("payment_method")
    if data and data.get("type") != "alipay":
        raise invalid("payment_method_data[type] must be alipay", param="payment_method_data[type]")
    # Stripe takes the buyer's name with it; a payment by Alipay has no use for it.
    _only(data, "payment_method_data", "type", "alipay", "billing_details")
    _options(reader)
    if named and not named.startswith("pm_"):
        raise missing("payment_method", named, param="payment_method")
    return "alipay" if data or named else ""


def _options(reader: Reader) -> None:
    """What may be said about the method and changes nothing here; the rest is refused by name."""
    options = reader.object("payment_method_options")
    _only(options, "payment_method_options", "alipay")
    alipay = options.get("alipay") or {}
    _only(alipay, "payment_method_options[alipay]", "setup_future_usage")
    if alipay and alipay.get("setup_future_usage") not in (None, "", "none"):
        name = "payment_method_options[alipay][setup_future_usage]"
        raise invalid("Alipay payments are not set up for future use here.", param=name)
    automatic = reader.object("automatic_payment_methods")
    _only(automatic, "automatic_payment_methods", "enabled", "allow_redirects")
    if automatic and automatic.get("enabled") not in ("true", "false"):
        raise invalid("Invalid boolean", param="automatic_payment_methods[enabled]")
    if automatic.get("allow_redirects") == "never":
        name = "automatic_payment_methods[allow_redirects]"
        raise invalid("Alipay payments need a redirect.", param=name)


def _only(given: Params | str, name: str, *known: str) -> None:
    if not isinstance(given, dict):
        raise invalid(f"Invalid object: {name}", param=name)
    for key in given:
        if key not in known:
            param = f"{name}[{key}]"
            raise invalid(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")


def account(outside_id: str | None) -> UUID | None:
    if not outside_id:
        return None
    try:
        return UUID(hex=outside_id.removeprefix("acct_"))
    except ValueError:
        raise missing("account", outside_id, param="on_behalf_of") from None


def url(reader: Reader, name: str, *, needed: bool = False) -> str | None:
    text = reader.text(name, most=URL_MAX, needed=needed)
    if text and not _is_url(text):
        raise invalid(
            f"Invalid URL: {name} must start with http:// or https://", param=name, code="url_invalid"
        )
    return text


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def seconds_between(reader: Reader) -> dict[str, datetime]:
    """`created=<unix seconds>`, or `created[gte]=…` and its siblings, as lookups of a moment."""
    asked = reader.either("created")
    if isinstance(asked, str):
        asked = {"exact": asked} if asked else {}
    found = {}
    for sign, text in asked.items():
        name = "created" if sign == "exact" else f"created[{sign}]"
        if sign not in ("exact", "gt", "gte", "lt", "lte"):
            raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
        if not (isinstance(text, str) and text.isascii() and text.isdigit() and int(text) <= SECONDS_MAX):
            raise invalid(f"Invalid timestamp: {name}", param=name, code="parameter_invalid_integer")
        found[sign] = datetime.fromtimestamp(int(text), UTC)
    return found


def created(rows: "QuerySet[Any]", reader: Reader, *, at: str = "created_at") -> "QuerySet[Any]":
    return between(rows, seconds_between(reader), at=at)


def between(rows: "QuerySet[Any]", asked: dict[str, datetime], *, at: str) -> "QuerySet[Any]":
    """Objects show whole seconds, rows keep finer ones: a bound means the second that is shown."""
    second = timedelta(seconds=1)
    found: dict[str, datetime] = {}
    for sign, moment in asked.items():
        if sign == "exact":
            found |= {f"{at}__gte": moment, f"{at}__lt": moment + second}
        else:
            found[f"{at}__{'gte' if sign in ('gt', 'gte') else 'lt'}"] = (
                moment + second if sign in ("gt", "lte") else moment
            )
    return rows.filter(**found)
