"""The deployment files agree with the specification, with each other and with the product."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from marketplace.launcher.config import read_config
from marketplace.launcher.topology import processes

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SCHEMA = json.loads((Path(__file__).parent / "compose-spec.schema.json").read_text())
#: Other companies' machines and devices: they run beside the product only in the demonstration.
OUTSIDE = {"gateway", "cabinets"}
PRODUCT = {spec.name for spec in processes(read_config({}))} - OUTSIDE


@pytest.fixture
def compose() -> dict[str, Any]:
    # Through JSON, so that what the file says once by an alias is a copy of its own everywhere.
    loaded: dict[str, Any] = json.loads(json.dumps(yaml.safe_load((DEPLOY / "compose.yaml").read_text())))
    return loaded


def test_compose_file_follows_the_specification(compose: dict[str, Any]) -> None:
    errors = [
        f"{list(error.path)}: {error.message}" for error in Draft201909Validator(SCHEMA).iter_errors(compose)
    ]
    assert errors == []


def test_the_schema_finds_a_mistake(compose: dict[str, Any]) -> None:
    compose["services"]["web"]["comand"] = ["granian"]
    compose["services"]["web"]["depends_on"]["postgres"]["condition"] = "soon"
    assert len(list(Draft201909Validator(SCHEMA).iter_errors(compose))) == 2


def test_every_process_of_the_product_is_deployed(compose: dict[str, Any]) -> None:
    services = set(compose["services"])
    assert services == PRODUCT | {"migrate", "postgres", "redis", "mosquitto", "nginx"}
    assert {file.stem.removeprefix("yinong-") for file in DEPLOY.glob("systemd/*.service")} == PRODUCT


def test_everything_that_a_service_names_exists(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("networks", [])) <= set(compose["networks"]), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("./") and not source.startswith("./secrets/"):
                assert (DEPLOY / source).is_file(), f"{name}: {source}"
            elif not source.startswith("."):
                assert source in compose["volumes"], f"{name}: {source}"


def test_a_service_is_waited_for_only_where_it_can_get_ready(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for needed, terms in service.get("depends_on", {}).items():
            if terms["condition"] == "service_healthy":
                assert "healthcheck" in compose["services"][needed], f"{name} waits for {needed}"


def test_no_secret_stands_in_the_deployment_files() -> None:
    for file in DEPLOY.rglob("*"):
        if file.is_file():
            assert "PRIVATE KEY-----" not in file.read_text(), file
    compose_text = (DEPLOY / "compose.yaml").read_text()
    assert re.findall(r"PASSWORD: (?!\$\{)", compose_text) == []


def test_the_database_is_open_to_the_inner_network_only(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert compose["services"][name]["networks"] == ["inside"]
        assert "ports" not in compose["services"][name]


@pytest.mark.parametrize("name", sorted(PRODUCT))
def test_compose_and_systemd_start_the_same_program(compose: dict[str, Any], name: str) -> None:
    unit = (DEPLOY / "systemd" / f"yinong-{name}.service").read_text()
    command = re.search(r"^ExecStart=/srv/yinong/\.venv/bin/(.*)$", unit, re.MULTILINE)
    assert command is not None
    differing = {"0.0.0.0", "127.0.0.1", "8000", "${PORT}"}
    ours = [word for word in compose["services"][name]["command"] if word not in differing]
    assert [word for word in command[1].split() if word not in differing] == ours
