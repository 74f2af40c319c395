"""What a person may choose: read once from the environment, refused by name when it makes no sense."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from marketplace.launcher.errors import LauncherError
from marketplace.launcher.sockets import fitting_folder, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
DEVICE_SOCKET_NAME = "devices.sock"
LOOPBACK = "127.0.0.1"
# The simulated gateway's only merchant, as orders.payments.alipay_sim knows him.
GATEWAY_APP_ID, GATEWAY_SELLER_ID = "2021004100000001", "2088100000000001"
#: the secret key of the Stripe-compatible payment API, for `demo` and `up` and nowhere else
DEMO_STRIPE_KEY = "sk_test_yinong_demo"


@dataclass(frozen=True)
class Config:
    """One run of the product on this machine.

    `database_url`, `redis_url` and `mqtt_url` are None where the embedded parts are to be used.
    """

    data: Path
    host: str
    port: int
    gateway_port: int
    control_port: int
    world: str
    seed: int | None
    headless: bool
    reset: bool
    database_url: str | None
    redis_url: str | None
    mqtt_url: str | None
    throw_away: bool
    """The data need not survive a power cut: tests run faster."""
    inherited: Mapping[str, str]

    @property
    def run_folder(self) -> Path:
        return self.data / "run"

    @property
    def log_folder(self) -> Path:
        return self.data / "logs"

    @property
    def gateway_folder(self) -> Path:
        return self.data / "gateway"

    @property
    def cabinets_folder(self) -> Path:
        """The cabinets' own journals: what `make audit` judges the database by."""
        return self.data / "cabinets"

    @property
    def leaflet_file(self) -> Path:
        """What the loaded world tells its visitors: one login per role."""
        return self.data / "world.json"

    @property
    def summary_file(self) -> Path:
        """What the simulated day says of itself."""
        return self.data / "day" / "summary.json"

    @property
    def audit_file(self) -> Path:
        """What the auditor found."""
        return self.data / "day" / "audit.json"

    @property
    def demo_file(self) -> Path:
        """Both together; there is one once a day is finished."""
        return self.data / "day" / "demo.json"

    @property
    def device_socket(self) -> Path:
        return (
            fitting_folder(self.run_folder / "devices", longest_name=DEVICE_SOCKET_NAME) / DEVICE_SOCKET_NAME
        )

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def gateway_url(self) -> str:
        return f"http://{self.address}:{self.gateway_port}"

    @property
    def control_url(self) -> str:
        """Where simulated cabinets take a person's hand: never open to other machines."""
        return f"http://{LOOPBACK}:{self.control_port}"

    @property
    def address(self) -> str:
        """How this machine reaches what listens on `host`."""
        return LOOPBACK if self.host == "0.0.0.0" else self.host


def read_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Raises LauncherError that names the variable when a value is refused."""
    data = Path(environ.get("YINONG_DATA") or REPOSITORY / ".data").expanduser().absolute()
    host = environ.get("HOST") or LOOPBACK
    return Config(
        data=data,
        host=host,
        port=_port(environ, "PORT", 8000),
        gateway_port=_port(environ, "GATEWAY_PORT", None) or free_port(host),
        control_port=_port(environ, "CABINET_CONTROL_PORT", None) or free_port(LOOPBACK),
        world=environ.get("WORLD") or "small",
        seed=_whole_number(environ, "SEED"),
        headless=_switch(environ, "HEADLESS"),
        reset=_switch(environ, "RESET"),
        database_url=environ.get("DATABASE_URL") or None,
        redis_url=environ.get("REDIS_URL") or None,
        mqtt_url=environ.get("MQTT_URL") or None,
        throw_away=_switch(environ, "YINONG_THROW_AWAY"),
        inherited=dict(environ),
    )


def product_environment(config: Config, *, database_url: str, redis_url: str) -> dict[str, str]:
    """The environment of every process of the product; what the caller set himself wins."""
    chosen = {
        "PUBLIC_URL": config.url,
        "TESTER_CONSOLE": "1",
        "ALIPAY_GATEWAY_URL": f"{config.gateway_url}/gateway.do",
        "STRIPE_API_KEY": DEMO_STRIPE_KEY,
        "ALIPAY_APP_ID": GATEWAY_APP_ID,
        "ALIPAY_SELLER_ID": GATEWAY_SELLER_ID,
        "ALIPAY_APP_PRIVATE_KEY_FILE": str(config.gateway_folder / "app_private_key.pem"),
        "ALIPAY_PUBLIC_KEY_FILE": str(config.gateway_folder / "alipay_public_key.pem"),
        "CABINET_CONTROL_URL": config.control_url,
        "DEVICE_SOCKET": str(config.device_socket),
        "PYTHONUNBUFFERED": "1",
        **config.inherited,
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "YINONG_DATA": str(config.data),
        "PORT": str(config.port),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), config.inherited.get("PYTHONPATH")])),
    }
    if "SECRET_KEY" not in chosen:
        chosen["SECRET_KEY"] = _kept_secret(config.data / "secrets" / "secret_key")
    return chosen


def _kept_secret(file: Path) -> str:
    """A random secret that stays the same for as long as the data folder lives."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.parent.chmod(0o700)
        file.write_text(secrets.token_urlsafe(48), encoding="ascii")
        file.chmod(0o600)
    return file.read_text(encoding="ascii")


def _port(environ: Mapping[str, str], name: str, default: int | None) -> int:
    number = _whole_number(environ, name)
    if number is None:
        return default or 0
    if not 0 < number < 65536:
        raise LauncherError(f"{name}={number} is no port: give a number from 1 to 65535.")
    return number


def _whole_number(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise LauncherError(f"{name}={text} is no whole number.")
    return int(text)


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "")
    if text not in {"", "0", "1"}:
        raise LauncherError(f"{name}={text}: give 1 or 0.")
    return text == "1"
