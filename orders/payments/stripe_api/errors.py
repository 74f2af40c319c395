"""Refusals in Stripe's words. Never 402: the client would call every one of them a card error."""

from typing import Any

from django.utils.translation import gettext, override

from marketplace.kernel.errors import DomainError, TryAgain
from orders.payments.errors import KeyReused, MerchantNotRegistered, NoSuchPayment, NotPayable, RefundTooLarge


class ApiError(Exception):
    """One error object with its HTTP status. `burns_key`: the answer is kept under the Idempotency-Key."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        burns_key: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.burns_key = status, burns_key
        error = {"type": type, "code": code, "message": message, "param": param, **(extra or {})}
        self.body = {"error": {name: value for name, value in error.items() if value not in ("", None)}}


def invalid(message: str, *, param: str, code: str = "parameter_invalid") -> ApiError:
    return ApiError(400, message, param=param, code=code)


def needed(name: str) -> ApiError:
    return invalid(f"A `{name}` is required to confirm.", param=name, code="parameter_missing")


def missing(what: str, outside_id: str, *, param: str = "id") -> ApiError:
    return ApiError(404, f"No such {what}: '{outside_id}'", code="resource_missing", param=param)


def _english(error: DomainError) -> str:
    """Developers read this API in Stripe's language, whatever the shop speaks."""
    with override("en"):
        return error.render(gettext)


def translated(error: DomainError, *, intent: dict[str, Any] | None = None) -> ApiError:
    """A refusal of the services; those that depend on the state carry the intent as it is now."""
    extra = {"payment_intent": intent} if intent else None
    if isinstance(error, TryAgain):
        return ApiError(503, _english(error), type="api_error", code="provider_unavailable")
    if isinstance(error, NotPayable):
        state = f"This PaymentIntent has a status of {intent['status']}: " if intent else ""
        return ApiError(
            400, state + _english(error), code="payment_intent_unexpected_state", extra=extra, burns_key=True
        )
    if isinstance(error, RefundTooLarge):
        empty = error.params.get("left_yuan") == "0.00"
        code = "charge_already_refunded" if empty else "amount_too_large"
        return ApiError(400, _english(error), code=code, param="amount", burns_key=True)
    if isinstance(error, MerchantNotRegistered):
        return ApiError(400, _english(error), code="account_invalid", param="on_behalf_of", burns_key=True)
    if isinstance(error, NoSuchPayment | KeyReused):
        return ApiError(400, _english(error), code="resource_missing", burns_key=True)
    return ApiError(400, _english(error), code="parameter_invalid", param=error.field or "", burns_key=True)
