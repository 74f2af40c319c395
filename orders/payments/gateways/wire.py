"""Calls of the Alipay gateway: signed requests out over a pooled connection, verified answers back.

Requests are the SDK's own request objects; their parameters are signed and encoded here exactly as the SDK's
`sdk_execute` does it. Nothing but an `Answer` leaves `call`: no exception of the SDK, of httpx or of JSON.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote_plus

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from marketplace.kernel import clock
from orders.payments.gateways.base import Answer, Outcome
from orders.payments.gateways.signing import is_signed, sign, signed_content

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it would write whole signed requests

UNKNOWN_SUB_CODES = frozenset({"ACQ.SYSTEM_ERROR", "SYSTEM_ERROR", "ACQ.TRADE_SETTLE_ERROR"})
COMMON_FIELDS = (
    "timestamp", "app_id", "method", "charset", "format", "version", "sign_type",
    "app_auth_token", "auth_token", "notify_url", "return_url",
)  # fmt: skip
SIGNED_ANSWER = re.compile(
    r'\{\s*"([a-z_]+_response)"\s*:\s*(\{.*\})\s*,\s*"sign"\s*:\s*"([A-Za-z0-9+/=]+)"\s*\}', re.S
)


class SdkRequest(Protocol):
    """What every request class of alipay-sdk-python offers."""

    def get_params(self) -> dict[str, Any]: ...


class AlipayWire:
    """One app's signed line to the gateway; safe to share between threads.

    Several `alipay_public_key`s are all trusted: the old and the new one while the provider rotates.
    `timeout_s` bounds connect, each read and each write, so that a hanging gateway becomes UNKNOWN in time.
    """

    def __init__(
        self,
        *,
        url: str,
        app_id: str,
        app_private_key: RSAPrivateKey,
        alipay_public_key: RSAPublicKey | Sequence[RSAPublicKey],
        timeout_s: float = 3.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, self.app_id = url, app_id
        self._private_key = app_private_key
        self._public_keys = (
            (alipay_public_key,) if isinstance(alipay_public_key, RSAPublicKey) else tuple(alipay_public_key)
        )
        # Environment proxies are not consulted: the gateway is named by settings alone.
        self._http = httpx.Client(
            timeout=timeout_s,
            trust_env=False,
            transport=transport,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
        )

    def signed_fields(self, request: SdkRequest) -> tuple[dict[str, str], dict[str, str]]:
        """(common fields with `sign` last, business fields), in the order in which the SDK sends them."""
        fields = {name: _text(value) for name, value in request.get_params().items()}
        fields |= {
            "timestamp": clock.wall().astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
            "app_id": self.app_id,
            "charset": "utf-8",
            "format": "json",
            "sign_type": "RSA2",
        }
        fields = {name: value for name, value in fields.items() if value}
        common = {name: fields.pop(name) for name in COMMON_FIELDS if name in fields}
        common["sign"] = sign(self._private_key, signed_content(common | fields))
        return common, fields

    def link(self, request: SdkRequest) -> str:
        """The signed GET address of a page method."""
        common, business = self.signed_fields(request)
        return f"{self.url}?{_encode(common | business)}"

    def call(self, request: SdkRequest) -> Answer:
        """Sends and verifies; every odd answer is UNKNOWN."""
        common, business = self.signed_fields(request)
        method = common["method"]
        try:
            response = self._http.post(
                f"{self.url}?{_encode(common)}",
                content=_encode(business),
                headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
            )
        except httpx.HTTPError as error:
            return self._unknown(method, why=type(error).__name__)
        if response.status_code != 200:
            return self._unknown(method, why=f"HTTP {response.status_code}")
        answer = self.read_answer(response.content, method=method)
        log.info("alipay %s -> %s %s %s", method, answer.outcome, answer.code, answer.sub_code)
        return answer

    def read_answer(self, raw: bytes, *, method: str) -> Answer:
        """Shape, then signature over the exact text of the node, then JSON, then the code."""
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            return self._unknown(method, why="answer is not UTF-8")
        match = SIGNED_ANSWER.fullmatch(text.strip())
        if match is None:
            return self._unknown(method, why="answer has an unknown shape")
        name, node_text, signature = match.groups()
        if name not in (method.replace(".", "_") + "_response", "error_response"):
            return self._unknown(method, why="answer to another method")
        if not self._is_signed(node_text.encode(), signature):
            return self._unknown(method, why="signature does not fit")
        try:
            node = json.loads(node_text)
        except ValueError:
            return self._unknown(method, why="answer is no JSON")
        return _classify(node, text=node_text)

    def verify(self, fields: Mapping[str, str]) -> bool:
        """Whether the form fields of a notification or a return carry the gateway's signature."""
        return fields.get("sign_type") == "RSA2" and self._is_signed(
            signed_content(fields, leave_out=("sign", "sign_type")), fields.get("sign", "")
        )

    def _is_signed(self, content: bytes, signature: str) -> bool:
        return any(is_signed(key, content, signature) for key in self._public_keys)

    def get(self, url: str) -> bytes | None:
        """A file behind a link that the gateway gave us; None if it does not come."""
        try:
            response = self._http.get(url)
        except httpx.HTTPError as error:
            log.warning("download failed: %s", type(error).__name__)
            return None
        return response.content if response.status_code == 200 else None

    def close(self) -> None:
        self._http.close()

    def _unknown(self, method: str, *, why: str) -> Answer:
        log.warning("alipay %s -> unknown: %s", method, why)
        return Answer(outcome=Outcome.UNKNOWN, message=why)


def _classify(node: Mapping[str, Any], *, text: str) -> Answer:
    code, sub_code = str(node.get("code", "")), str(node.get("sub_code", ""))
    message = str(node.get("sub_msg") or node.get("msg") or "")
    if code == "10000":
        outcome = Outcome.DONE
    elif code == "10003":
        outcome = Outcome.WAITING
    elif code in ("40002", "40006"):
        outcome = Outcome.REFUSED
        log.error("alipay refused our request as malformed: %s %s %s", code, sub_code, message)
    elif code == "40004" and sub_code not in UNKNOWN_SUB_CODES:
        outcome = Outcome.REFUSED
    else:
        outcome = Outcome.UNKNOWN
    return Answer(outcome=outcome, code=code, sub_code=sub_code, message=message, text=text)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _encode(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items())
