"""One key, one effect: the result is stored in the transaction of the effect and replayed on a repeat."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
from django.apps import apps
from django.db import models

from marketplace.api.models import IdempotencyRecord
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, InvalidInput


class KeyReused(Conflict):
    code = "idempotency_key_reused"
    message = N_("这个重复提交标识已用于另一个请求")


def once(
    *,
    actor_uuid: UUID,
    operation: str,
    key: str,
    arguments: Mapping[str, Any],
    act: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run `act` at most once for (actor, operation, key); must run inside a transaction.

    A second request with the key waits on the unique index until the first commits, then gets the stored
    result. If `act` raises, the key is not used up. Raises KeyReused when the arguments differ.
    """
    if not 1 <= len(key) <= 255:
        raise InvalidInput(N_("重复提交标识应为 1 到 255 个字符"), field="idempotency_key")
    fingerprint = hashlib.sha256(
        orjson.dumps(arguments, default=str, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()
    record, fresh = IdempotencyRecord.objects.get_or_create(
        actor_uuid=actor_uuid,
        operation=operation,
        key=key,
        defaults={"fingerprint": fingerprint, "created_at": clock.wall()},
    )
    if not fresh:
        if record.fingerprint != fingerprint:
            raise KeyReused(field="idempotency_key")
        return {name: _thaw(value) for name, value in (record.result or {}).items()}
    result = act()
    record.result = {name: _freeze(value) for name, value in result.items()}
    record.save(update_fields=["result"])
    return result


def _freeze(value: Any) -> dict[str, Any]:
    if isinstance(value, models.Model):
        return {"model": value._meta.label, "pk": value.pk}
    if isinstance(value, list | tuple) and value and all(isinstance(item, models.Model) for item in value):
        return {"models": value[0]._meta.label, "pks": [item.pk for item in value]}
    return {"json": value}


def _thaw(frozen: Mapping[str, Any]) -> Any:
    if "model" in frozen:
        return apps.get_model(frozen["model"])._default_manager.get(pk=frozen["pk"])
    if "models" in frozen:
        rows = apps.get_model(frozen["models"])._default_manager.in_bulk(frozen["pks"])
        return [rows[pk] for pk in frozen["pks"]]
    return frozen["json"]
