"""Requests in, signed answers out: section "gateway protocol" of the payment design."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from orders.payments.alipay_sim.clock import SimClock, from_wire
from orders.payments.alipay_sim.errors import GatewayRefusal, bad_request
from orders.payments.alipay_sim.keys import SimKeys, sign_content

BUYER_ID, BUYER_LOGON = "2088102177846880", "yin***@example.cn"
TIMESTAMP_TOLERANCE = timedelta(minutes=10)
AMOUNT = re.compile(r"(0|[1-9]\d{0,8})(?:\.(\d{1,2}))?\Z")
OUT_NO = re.compile(r"[0-9A-Za-z_\-|*]{1,64}\Z")


@dataclass(frozen=True, kw_only=True)
class GatewayRequest:
    method: str
    app_id: str
    notify_url: str
    return_url: str
    terms: dict[str, Any]
    """The parsed `biz_content`."""

    def text(self, name: str, *, needed: bool = True) -> str:
        value = self.terms.get(name, "")
        if not isinstance(value, str):
            raise bad_request("isv.invalid-parameter", f"{name} must be a string")
        if needed and not value:
            raise bad_request("isv.missing-parameter", f"{name} is missing")
        return value

    def amount(self, name: str) -> int:
        """Fen."""
        return fen(self.text(name), name=name)

    def out_no(self, name: str) -> str:
        value = self.text(name)
        if not OUT_NO.match(value):
            raise bad_request("isv.invalid-parameter", f"{name} has characters that are not allowed")
        return value


def fen(text: object, *, name: str) -> int:
    match = AMOUNT.match(text) if isinstance(text, str) else None
    if match is None:
        raise bad_request("isv.invalid-parameter", f"{name} is no amount in yuan with at most two decimals")
    value = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
    if value == 0:
        raise bad_request("isv.invalid-parameter", f"{name} must be at least 0.01")
    return value


def yuan(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02d}"


def read_request(*, query: str, body: bytes, app_id: str, clock: SimClock, keys: SimKeys) -> GatewayRequest:
    """Merges query string and form body, then checks in the gateway's order: fields, signature, time."""
    fields = dict(parse_qsl(query, keep_blank_values=True, encoding="utf-8"))
    fields.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, encoding="utf-8"))
    for name in ("app_id", "method", "timestamp", "version", "sign_type", "sign", "charset"):
        if not fields.get(name):
            raise bad_request(f"isv.missing-{name.replace('_', '-')}", f"缺少{name}参数")
    if fields["app_id"] != app_id:
        raise bad_request("isv.invalid-app-id", "无效的AppID参数")
    if fields["sign_type"] != "RSA2":
        raise bad_request("isv.invalid-signature-type", "无效的签名类型")
    if fields["charset"].lower() != "utf-8" or fields["version"] != "1.0":
        raise bad_request("isv.invalid-parameter", "charset must be utf-8, version 1.0")
    if fields.get("format", "JSON").lower() != "json":
        raise bad_request("isv.invalid-format", "无效的数据格式")
    if not keys.verify_app(sign_content(fields, leave_out=("sign",)), fields["sign"]):
        raise bad_request("isv.invalid-signature", "验签出错，请检查密钥及签名方式")
    _check_time(fields["timestamp"], clock=clock)
    return GatewayRequest(
        method=fields["method"],
        app_id=app_id,
        notify_url=fields.get("notify_url", ""),
        return_url=fields.get("return_url", ""),
        terms=_terms(fields.get("biz_content", "")),
    )


def _check_time(text: str, *, clock: SimClock) -> None:
    try:
        moment = from_wire(text)
    except ValueError:
        raise bad_request("isv.invalid-timestamp", "非法的时间戳参数") from None
    if abs(clock.wall() - moment) > TIMESTAMP_TOLERANCE:
        raise bad_request("isv.invalid-timestamp", "时间戳超出允许范围")


def _terms(text: str) -> dict[str, Any]:
    try:
        terms = json.loads(text)
    except ValueError:
        terms = None
    if not isinstance(terms, dict):
        raise bad_request("isv.invalid-parameter", "biz_content is no JSON object")
    return terms


def success(**fields: Any) -> dict[str, Any]:
    """A 10000 node; empty values are left out, as the gateway does."""
    return {"code": "10000", "msg": "Success", **{k: v for k, v in fields.items() if v not in ("", None)}}


def unknown_error() -> GatewayRefusal:
    return GatewayRefusal("isp.unknow-error", "系统繁忙", code="20000", msg="Service Currently Unavailable")


def node_name(method: str) -> str:
    """An unknown or missing method is answered in `error_response`."""
    if re.fullmatch(r"[a-z]+(\.[a-z]+)+", method):
        return method.replace(".", "_") + "_response"
    return "error_response"


def serialise(node: dict[str, Any]) -> str:
    """Serialised once: this text is signed and this text is sent."""
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))


def wrap(*, method: str, node_text: str, sign: str) -> str:
    return f'{{"{node_name(method)}":{node_text},"sign":"{sign}"}}'
