"""`expand`: ids replaced by the objects that they name, `latest_charge` or `data.latest_charge.refunds`.

Paths are checked before anything is done: a call that asks for what cannot be shown makes nothing.
"""

from collections.abc import Callable, Mapping, Sequence

from orders.payments.stripe_api.balance import retrieve_balance_transaction
from orders.payments.stripe_api.errors import ApiError, invalid
from orders.payments.stripe_api.resources import CHARGES, INTENTS, METHODS, REFUNDS, Resource, find
from orders.payments.stripe_objects import Json

DEPTH, REFUNDS_SHOWN = 4, 10
#: kind -> field -> kinds that it may name; none for what is always null here
FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "payment_intent": {
        "latest_charge": ("charge",),
        "payment_method": ("payment_method",),
        **dict.fromkeys(("application", "customer", "review", "source"), ()),
    },
    "charge": {
        "balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
        "refunds": ("refunds",),
        **dict.fromkeys(
            ("application", "customer", "failure_balance_transaction", "review", "source_transfer"), ()
        ),
    },
    "refunds": {"data": ("refund",)},
    "refund": {
        "balance_transaction": ("balance_transaction",),
        "charge": ("charge",),
        "payment_intent": ("payment_intent",),
        **dict.fromkeys(("source_transfer_reversal", "transfer_reversal"), ()),
    },
    "balance_transaction": {"source": ("charge", "refund")},
    "payment_method": {"customer": ()},
}


def _of(resource: Resource) -> Callable[[str], Json]:
    return lambda outside_id: resource.show(find(resource, outside_id))


LOAD: Mapping[str, Callable[[str], Json]] = {
    "ch": _of(CHARGES),
    "pi": _of(INTENTS),
    "pm": _of(METHODS),
    "re": _of(REFUNDS),
    "txn": retrieve_balance_transaction,
}


def check_paths(kind: str, paths: Sequence[str], *, many: bool = False) -> None:
    """Raises 400 naming the first path that leads nowhere from a `kind`, or from a list of them."""
    for path in paths:
        parts = path.split(".")
        if many and parts.pop(0) != "data":
            raise _cannot(path)
        if len(parts) > DEPTH:
            raise invalid(f"You cannot expand more than {DEPTH} levels ({path}).", param="expand")
        kinds = {kind}
        for part in parts:
            known = [FIELDS[one][part] for one in kinds if part in FIELDS.get(one, {})]
            if not known:
                raise _cannot(path)
            kinds = {target for targets in known for target in targets}


def expand(shown: Json, paths: Sequence[str]) -> Json:
    """By paths that `check_paths` let pass."""
    for path in paths:
        _expand(shown, path.split("."))
    return shown


def _expand(shown: Json, parts: Sequence[str]) -> None:
    head, rest = parts[0], parts[1:]
    value = shown.get(head)
    if isinstance(value, list):
        for item in value if rest else ():
            _expand(item, rest)
        return
    if (shown["object"], head, value) == ("charge", "refunds", None):
        value = shown[head] = _refunds_of(shown["id"])
    elif isinstance(value, str):
        value = shown[head] = LOAD[value.partition("_")[0]](value)
    if rest and isinstance(value, dict):
        _expand(value, rest)


def _refunds_of(charge_id: str) -> Json:
    """A charge does not carry its refunds; Stripe's list of the newest ten is shown when it is asked for."""
    rows = list(REFUNDS.rows().filter(attempt=find(CHARGES, charge_id)).order_by("-pk")[: REFUNDS_SHOWN + 1])
    return {
        "object": "list",
        "url": f"/v1/charges/{charge_id}/refunds",
        "has_more": len(rows) > REFUNDS_SHOWN,
        "data": [REFUNDS.show(row) for row in rows[:REFUNDS_SHOWN]],
    }


def _cannot(path: str) -> ApiError:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")
