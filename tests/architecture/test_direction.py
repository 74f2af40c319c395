"""String foreign keys and migration dependencies hold the direction that import-linter holds for imports."""

import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from tests.architecture.repository import ROOT

# Inside one layer of the contract: who may point to whom below him.
INSIDE_ORDERS = {"orders": {"orders.payments", "orders.ledger"}}
NOT_DOWNWARDS = {("catalog", "lockers"), ("catalog", "routing")}


def _layers() -> list[list[str]]:
    """The layers of the first import-linter contract, the top one first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = contracts[0]["layers"]
    return [[module.strip(" ()") for module in layer.replace("|", ":").split(":")] for layer in layers]


def _rank(module: str) -> int | None:
    """0 is the top layer; None for what is not ours."""
    for rank, modules in enumerate(_layers()):
        if any(module == known or module.startswith(f"{known}.") for known in modules):
            return rank
    return None


def may_point(source: str, target: str) -> bool:
    """Whether a model or migration of the app module `source` may point to one of `target`."""
    if source == target:
        return True
    above, below = _rank(source), _rank(target)
    if above is None or below is None:
        return below is None  # nothing of ours may be known to a foreign app
    if above == below:
        return target in INSIDE_ORDERS.get(source, set())
    return above < below and (source, target) not in NOT_DOWNWARDS


def _foreign_keys() -> Iterator[tuple[str, str, str]]:
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            if field.is_relation and field.related_model and not field.auto_created:
                assert not isinstance(field.related_model, str), f"{model._meta.label}.{field.name}"
                yield (
                    f"{model._meta.label}.{field.name}",
                    apps.get_app_config(model._meta.app_label).name,
                    apps.get_app_config(field.related_model._meta.app_label).name,
                )


def _migration_dependencies() -> Iterator[tuple[str, str, str]]:
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    for node in graph.nodes:
        for parent in graph.node_map[node].parents:
            label, parent_label = node[0], parent.key[0]
            yield (
                f"{label}.{node[1]}",
                apps.get_app_config(label).name,
                apps.get_app_config(parent_label).name,
            )


@pytest.mark.parametrize("edges", [_foreign_keys, _migration_dependencies])
def test_models_and_migrations_point_downwards_only(
    edges: Callable[[], Iterator[tuple[str, str, str]]],
) -> None:
    ours = [edge for edge in edges() if _rank(edge[1]) is not None]
    assert ours
    assert [edge for edge in ours if not may_point(edge[1], edge[2])] == []


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        ("orders", "catalog", True),
        ("orders", "orders.ledger", True),
        ("orders.ledger", "orders", False),
        ("orders.payments", "orders.ledger", False),
        ("catalog", "orders", False),
        ("catalog", "lockers", False),
        ("routing", "catalog", False),
        ("routing", "lockers", True),
        ("marketplace.outbox", "marketplace.api", False),
        ("marketplace.accounts", "django.contrib.auth", True),
        ("django.contrib.admin", "marketplace.accounts", False),
    ],
)
def test_the_rule_itself(source: str, target: str, allowed: bool) -> None:
    assert may_point(source, target) is allowed


def test_the_layers_are_read_from_the_contract() -> None:
    ranks = [_rank(name) for name in ("orders", "catalog", "lockers", "farmers", "marketplace.kernel")]
    assert all(above is not None and below is not None and above < below for above, below in pairwise(ranks))
