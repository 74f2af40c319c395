"""alipay-sdk-python's request, model and response classes by the name of their API, imported on first use.

The SDK has 36,604 modules; only those named here are ever loaded. Its client is not used: see `wire`.
"""

from functools import cache
from importlib import import_module
from typing import Any

from orders.payments.gateways.base import Answer


class DroppedTerms(ValueError):
    """The SDK's model lost a term: it drops zeros and names that it does not know."""


@cache
def _sdk_class(package: str, name: str) -> Any:
    return getattr(import_module(f"alipay.aop.api.{package}.{name}"), name)


def request(api: str, terms: dict[str, Any], *, notify_url: str = "", return_url: str = "") -> Any:
    """A request object, for example `request("AlipayTradeQuery", {"out_trade_no": "1"})`.

    Empty terms are left out. Raises DroppedTerms if the SDK would send something else than `terms`.
    """
    wanted = _without_empty(terms)
    model = _sdk_class("domain", f"{api}Model").from_alipay_dict(wanted)
    built = _sdk_class("request", f"{api}Request")(biz_model=model)
    if model.to_alipay_dict() != wanted:
        raise DroppedTerms(f"{api}: {wanted} became {model.to_alipay_dict()}")
    if notify_url:
        built.notify_url = notify_url
    if return_url:
        built.return_url = return_url
    return built


def response(api: str, answer: Answer) -> Any:
    """The SDK's response object; a field that the gateway left out is None."""
    parsed = _sdk_class("response", f"{api}Response")()
    parsed.parse_response_content(answer.text)
    return parsed


def _without_empty(terms: dict[str, Any]) -> dict[str, Any]:
    """The gateway leaves empty values out of what it signs, so they may not be sent."""
    kept = {}
    for name, value in terms.items():
        if isinstance(value, dict):
            value = _without_empty(value)
        elif isinstance(value, list):
            value = [_without_empty(item) if isinstance(item, dict) else item for item in value]
        if value not in ("", None, [], {}):
            kept[name] = value
    return kept
