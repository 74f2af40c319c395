"""The command that loads a world: a leaflet of logins, and one clear line for what cannot be."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketplace.accounts.services.sign_in import sign_in_with_pin
from marketplace.places.models import Hub

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.TESTER_CONSOLE = True
    settings.DATA_DIR = tmp_path


def test_the_command_leaves_a_leaflet_with_one_login_per_role(tmp_path: Path) -> None:
    call_command("load_world", "test", "--seed", "3")
    leaflet = json.loads((tmp_path / "world.json").read_text(encoding="utf-8"))
    assert (leaflet["world"], leaflet["seed"], leaflet["day"]) == ("test", 3, "2026-11-12")
    roles = [login["role"] for login in leaflet["logins"]]
    assert sorted(roles) == [
        "buyer", "cabinet_operator", "city_viewer", "county_reviewer", "courier", "dispatcher", "farmer",
        "hub_operator", "information_officer", "platform", "tester",
    ]  # fmt: skip
    for login in leaflet["logins"]:
        assert sign_in_with_pin(phone=login["phone"], pin=login["pin"])[1].name == login["name"]


def test_without_the_testers_console_no_world_is_loaded(settings) -> None:
    settings.TESTER_CONSOLE = False
    with pytest.raises(CommandError, match="TESTER_CONSOLE"):
        call_command("load_world", "test")
    assert not Hub.objects.exists()


def test_an_unknown_world_is_one_clear_line() -> None:
    with pytest.raises(CommandError, match="county-plain"):
        call_command("load_world", "paris")
    assert not Hub.objects.exists()
