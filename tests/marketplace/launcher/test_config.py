"""The launcher's choices: defaults, what the environment decides, what is refused by name."""

from pathlib import Path

import pytest

from marketplace.launcher.config import REPOSITORY, product_environment, read_config
from marketplace.launcher.errors import LauncherError
from marketplace.launcher.topology import processes


def test_defaults() -> None:
    config = read_config({})
    assert (config.data, config.host, config.port) == (REPOSITORY / ".data", "127.0.0.1", 8000)
    assert (config.world, config.seed, config.headless, config.reset) == ("small", None, False, False)
    assert (config.database_url, config.redis_url, config.mqtt_url) == (None, None, None)
    assert len({config.port, config.gateway_port, config.control_port}) == 3


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"PORT": "http"}, "PORT=http is no whole number."),
        ({"PORT": "-1"}, "PORT=-1 is no whole number."),
        ({"PORT": "0"}, "PORT=0 is no port: give a number from 1 to 65535."),
        ({"PORT": "65536"}, "PORT=65536 is no port: give a number from 1 to 65535."),
        ({"PORT": "８０００"}, "PORT=８０００ is no whole number."),
        ({"SEED": "1.5"}, "SEED=1.5 is no whole number."),
        ({"HEADLESS": "yes"}, "HEADLESS=yes: give 1 or 0."),
        ({"RESET": "true"}, "RESET=true: give 1 or 0."),
    ],
)
def test_nonsense_is_refused_by_name(environ: dict[str, str], message: str) -> None:
    with pytest.raises(LauncherError) as refusal:
        read_config(environ)
    assert str(refusal.value) == message


def test_what_the_person_set_wins_over_what_the_launcher_chooses(tmp_path: Path) -> None:
    environ = {"YINONG_DATA": str(tmp_path), "TESTER_CONSOLE": "0", "PORT": "8123", "SECRET_KEY": "mine"}
    environment = product_environment(
        read_config(environ), database_url="postgresql:///a", redis_url="redis:///b"
    )
    assert environment["TESTER_CONSOLE"] == "0"
    assert environment["SECRET_KEY"] == "mine"
    assert environment["PUBLIC_URL"] == "http://127.0.0.1:8123"
    assert (environment["DATABASE_URL"], environment["REDIS_URL"]) == ("postgresql:///a", "redis:///b")


def test_the_secret_is_random_kept_and_private(tmp_path: Path) -> None:
    config = read_config({"YINONG_DATA": str(tmp_path / "one")})
    other = read_config({"YINONG_DATA": str(tmp_path / "two")})
    first, second, third = (
        product_environment(chosen, database_url="", redis_url="")["SECRET_KEY"]
        for chosen in (config, config, other)
    )
    assert first == second
    assert first != third
    assert len(first) == 64
    assert (tmp_path / "one" / "secrets" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_every_process_has_its_own_name() -> None:
    names = [spec.name for spec in processes(read_config({}))]
    assert sorted(set(names)) == sorted(names)
    assert set(names) == {"gateway", "drain", "ingest", "worker", "web", "cabinets"}
