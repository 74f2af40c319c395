"""Our rows in Stripe's words: JSON objects of version `API_VERSION`, ids included. Reads, never writes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from orders.payments.models import Attempt, Event, PaymentIntent, Refund, WebhookEndpoint
from orders.payments.states import AttemptStatus, GroupStatus, IntentStatus, RefundStatus

API_VERSION = "2026-10-28.endive"
Json = dict[str, Any]


def outside_id(prefix: str, uuid: UUID) -> str:
    return f"{prefix}_{uuid.hex}"


def seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


def charged_attempt(intent: PaymentIntent) -> Attempt | None:
    """The attempt that paid; prefetched attempts are used where they are."""
    return next((a for a in intent.attempts.all() if a.status == AttemptStatus.SUCCEEDED), None)


def intent_object(intent: PaymentIntent) -> Json:
    """A PaymentIntent. While the provider is being asked to close, the intent shows as processing."""
    attempt = charged_attempt(intent) if intent.status == IntentStatus.SUCCEEDED else None
    closing = intent.group.status == GroupStatus.CLOSING and intent.status == IntentStatus.REQUIRES_ACTION
    frozen = intent.status == IntentStatus.REQUIRES_CAPTURE
    return {
        "id": outside_id("pi", intent.uuid),
        "object": "payment_intent",
        "amount": intent.amount_fen,
        "amount_capturable": intent.amount_fen if frozen else 0,
        "amount_details": {"tip": {}},
        "amount_received": intent.captured_fen,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": seconds(intent.canceled_at),
        "cancellation_reason": intent.cancellation_reason or None,
        "capture_method": intent.capture_method,
        "client_secret": f"{outside_id('pi', intent.uuid)}_secret_{intent.group.uuid.hex}",
        "confirmation_method": "automatic",
        "created": seconds(intent.created_at),
        "currency": intent.group.currency,
        "customer": None,
        "customer_account": None,
        "description": intent.description or None,
        "excluded_payment_method_types": None,
        "last_payment_error": _last_error(intent),
        "latest_charge": outside_id("ch", attempt.uuid) if attempt else None,
        "livemode": is_live(),
        "managed_payments": None,
        "metadata": intent.metadata,
        "next_action": _next_action(intent) if not closing else None,
        "on_behalf_of": outside_id("acct", intent.merchant_uuid) if intent.merchant_uuid else None,
        "payment_method": outside_id("pm", intent.uuid) if intent.payment_method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"alipay": {}},
        "payment_method_types": ["alipay"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "processing" if closing else intent.status,
        "transfer_data": None,
        "transfer_group": intent.group.label or None,
    }


#: what Stripe's Charge has and a payment by Alipay has not
_CHARGE_HAS_NO = (
    "application",
    "application_fee",
    "application_fee_amount",
    "calculated_statement_descriptor",
    "customer",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "outcome",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
)


def charge_object(attempt: Attempt) -> Json:
    """The Charge of a paid attempt; a late payment's charge is one that is given back in full."""
    intent = attempt.intent
    refunded = sum(r.amount_fen for r in attempt.refunds.all() if r.status != RefundStatus.FAILED)
    return {
        "id": outside_id("ch", attempt.uuid),
        "object": "charge",
        **dict.fromkeys(_CHARGE_HAS_NO),
        "amount": attempt.amount_fen,
        "amount_captured": attempt.amount_fen,
        "amount_refunded": refunded,
        "balance_transaction": f"txn_{attempt.uuid.hex}",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "captured": True,
        "created": seconds(attempt.paid_at),
        "currency": intent.group.currency,
        "description": intent.description or None,
        "disputed": False,
        "fraud_details": {},
        "livemode": is_live(),
        "metadata": intent.metadata,
        "on_behalf_of": outside_id("acct", intent.merchant_uuid) if intent.merchant_uuid else None,
        "paid": True,
        "payment_intent": outside_id("pi", intent.uuid),
        "payment_method": outside_id("pm", intent.uuid),
        "payment_method_details": {
            "type": "alipay",
            "alipay": {
                "buyer_id": attempt.buyer_id,
                "fingerprint": None,
                "transaction_id": attempt.trade_no,
            },
        },
        "refunded": refunded == attempt.amount_fen,
        "status": "succeeded",
        "transfer_group": intent.group.label or None,
    }


def refund_object(refund: Refund) -> Json:
    reasons = ("duplicate", "fraudulent", "requested_by_customer")
    shown: Json = {
        "id": outside_id("re", refund.uuid),
        "object": "refund",
        "amount": refund.amount_fen,
        "balance_transaction": f"txn_{refund.uuid.hex}" if refund.status == RefundStatus.SUCCEEDED else None,
        "charge": outside_id("ch", refund.attempt.uuid) if refund.attempt else None,
        "created": seconds(refund.created_at),
        "currency": refund.intent.group.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": None,
        "metadata": refund.metadata,
        "payment_intent": outside_id("pi", refund.intent.uuid),
        "payment_method": outside_id("pm", refund.intent.uuid),
        "reason": refund.reason if refund.reason in reasons else None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.status,
        "transfer_reversal": None,
    }
    if refund.status == RefundStatus.FAILED:
        shown["failure_reason"] = "unknown"
    return shown


def event_object(event: Event, *, pending: int) -> Json:
    return {
        "id": outside_id("evt", event.uuid),
        "object": "event",
        "api_version": API_VERSION,
        "created": seconds(event.created_at),
        "data": {"object": event.data},
        "livemode": is_live(),
        "pending_webhooks": pending,
        "request": {"id": event.request_id or None, "idempotency_key": event.idempotency_key or None},
        "type": event.type,
    }


def endpoint_object(endpoint: WebhookEndpoint, *, with_secret: bool = False) -> Json:
    shown: Json = {
        "id": outside_id("we", endpoint.uuid),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": seconds(endpoint.created_at),
        "description": endpoint.description or None,
        "enabled_events": endpoint.enabled_events,
        "livemode": is_live(),
        "metadata": endpoint.metadata,
        "status": endpoint.status,
        "url": endpoint.url,
    }
    return shown | ({"secret": endpoint.secret} if with_secret else {})


def method_object(intent: PaymentIntent) -> Json:
    """The method of one payment: nothing of the buyer's account is kept beyond it."""
    return {
        "id": outside_id("pm", intent.uuid),
        "object": "payment_method",
        "alipay": {},
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "created": seconds(intent.created_at),
        "customer": None,
        "livemode": is_live(),
        "metadata": {},
        "type": "alipay",
    }


def charge_balance(attempt: Attempt) -> Json:
    return _balance_transaction(
        attempt.uuid,
        attempt.amount_fen,
        attempt.paid_at,
        kind="charge",
        source=outside_id("ch", attempt.uuid),
    )


def refund_balance(refund: Refund) -> Json:
    return _balance_transaction(
        refund.uuid, -refund.amount_fen, refund.moved_at, kind="refund", source=outside_id("re", refund.uuid)
    )


def _balance_transaction(uuid: UUID, amount: int, at: datetime | None, *, kind: str, source: str) -> Json:
    """The provider's fee is known from its bill only, and booked there."""
    return {
        "id": f"txn_{uuid.hex}",
        "object": "balance_transaction",
        "amount": amount,
        "available_on": seconds(at),
        "balance_type": "payments",
        "created": seconds(at),
        "currency": "cny",
        "description": None,
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": amount,
        "reporting_category": kind,
        "source": source,
        "status": "available",
        "type": kind,
    }


def is_live() -> bool:
    return str(getattr(settings, "STRIPE_API_KEY", "")).startswith("sk_live_")


def _next_action(intent: PaymentIntent) -> Json | None:
    if intent.status != IntentStatus.REQUIRES_ACTION:
        return None
    freeze = getattr(intent, "pre_authorisation", None) if intent.capture_method == "manual" else None
    url = freeze.link if freeze is not None else intent.group.pay_url
    if not url:
        return None
    redirect = {
        "native_data": None,
        "native_url": None,
        "return_url": intent.group.return_url or None,
        "url": url,
    }
    return {"type": "alipay_handle_redirect", "alipay_handle_redirect": redirect}


def _last_error(intent: PaymentIntent) -> Json | None:
    if not intent.last_payment_error:
        return None
    return {
        "type": "invalid_request_error",
        "code": "payment_intent_payment_attempt_failed",
        "message": f"The payment was not completed: {intent.last_payment_error}",
    }
