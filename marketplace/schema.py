"""Composes the apps' Query and Mutation, nothing else."""

from importlib import import_module

import graphene
from django.conf import settings

from marketplace.api.guard import require_rules

APPS = [
    "marketplace.api",
    "marketplace.messages",
    "marketplace.accounts",
    "marketplace.places",
    "marketplace.custody",
    "marketplace.telemetry",
    "farmers",
    "catalog",
    "lockers",
    "routing",
    "orders",
]
if settings.TESTER_CONSOLE:
    APPS.append("marketplace.simulation")

_modules = [import_module(f"{app}.schema") for app in APPS]
Query = type("Query", tuple(module.Query for module in _modules), {})
Mutation = type("Mutation", tuple(module.Mutation for module in _modules), {})

schema = graphene.Schema(query=Query, mutation=Mutation)
require_rules(schema)
