"""Rules about the source text that no ready-made linter checks."""

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from tests.architecture.repository import PACKAGES, ROOT, imported_packages, source_files, strings, tree

# Package -> where alone it may be imported.
ONLY_IN = {
    "graphene": ("*/schema.py", "*/schema/*.py", "marketplace/api/*"),
    "graphene_django": ("*/schema.py", "*/schema/*.py", "marketplace/api/*"),
    "ortools": ("routing/solver/*",),
    "alipay": ("orders/payments/gateways/*",),
    "paho": ("lockers/transports/*", "lockers/simulator/*"),
}
LONGEST_FILE = 400
LONGEST_FUNCTION = 50

# PostgreSQL's clocks: business time is moved by testers, and the database would not know.
SQL_CLOCK = re.compile(
    r"(?<![\w.])(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)"
    r"|\b(?:current_timestamp|current_date|current_time|localtimestamp|localtime)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_stays_where_it_belongs(package: str) -> None:
    strays = [
        f"{file}:{line}"
        for file in source_files()
        if not any(fnmatch(str(file), allowed) for allowed in ONLY_IN[package])
        for name, line in imported_packages(file)
        if name == package
    ]
    assert strays == []


def test_no_sql_asks_the_servers_clock() -> None:
    found = [
        f"{file}:{string.lineno}: {string.value!r}"
        for file in source_files()
        for string in strings(file)
        if SQL_CLOCK.search(str(string.value))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("UPDATE t SET at = now()", True),
        ("DEFAULT CURRENT_TIMESTAMP", True),
        ("select clock_timestamp ( )", True),
        ("use clock.now() instead", False),
        ("nowhere()", False),
    ],
)
def test_the_pattern_for_sql_clocks_itself(text: str, found: bool) -> None:
    assert bool(SQL_CLOCK.search(text)) is found


def test_no_model_field_reads_the_system_clock() -> None:
    ours = [model for model in apps.get_models() if model.__module__.partition(".")[0] in PACKAGES]
    assert ours
    found = [
        f"{model._meta.label}.{field.name}"
        for model in ours
        for field in model._meta.get_fields()
        if isinstance(field, models.DateField | models.TimeField)
        and (field.auto_now or field.auto_now_add or _module_of(field.default) == "django.utils.timezone")
    ]
    assert found == []


def _module_of(default: object) -> str | None:
    return getattr(default, "__module__", None)


def _own_files() -> list[Path]:
    return [file for file in source_files() if "migrations" not in file.parts]


#: numba compiles each function by itself: a scan that is cut in two loses its registers, so it may be longer
COMPILED, COMPILED_FUNCTION = Path("routing/solver/engines/yinong"), 80


def test_files_stay_readable() -> None:
    lengths = {str(file): len((ROOT / file).read_text("utf-8").splitlines()) for file in _own_files()}
    assert {file: count for file, count in lengths.items() if count > LONGEST_FILE} == {}


def test_functions_stay_readable() -> None:
    found = {}
    for file in _own_files():
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > (COMPILED_FUNCTION if COMPILED in file.parents else LONGEST_FUNCTION):
                    found[f"{file}:{node.name}"] = length
    assert found == {}
