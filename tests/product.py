"""The real product for tests that need its processes: services, web, worker, drain, ingest, cabinets.

with running_product(tmp_path) as product:
    httpx.post(f"{product.url}/graphql", ...)
    product.supervisor.kill("drain")       # as a power cut would
    product.supervisor.restart("drain")
    product.supervisor.await_ready("web")
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from marketplace.launcher import postgres
from marketplace.launcher import product as launcher
from marketplace.launcher.config import Config, read_config
from marketplace.launcher.processes import Supervisor
from marketplace.launcher.sockets import free_port
from tests.database import copy_migrated

# What tests/conftest.py decides for the test process is not for the product's processes.
OF_THE_TEST_PROCESS = ("DATABASE_URL", "REDIS_URL", "MQTT_URL", "YINONG_TEST_PG", "DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True)
class Product:
    """A running product of a test's own."""

    config: Config
    supervisor: Supervisor

    @property
    def url(self) -> str:
        return self.config.url

    @property
    def database_url(self) -> str:
        return self.supervisor.environment["DATABASE_URL"]


@contextmanager
def running_product(
    folder: Path, *, world: str = "test", environment: Mapping[str, str] | None = None
) -> Iterator[Product]:
    """Everything is up and healthy on free ports, with its data under `folder`."""
    inherited = {name: value for name, value in os.environ.items() if name not in OF_THE_TEST_PROCESS}
    config = read_config(
        {
            **inherited,
            "YINONG_DATA": str(folder),
            "YINONG_THROW_AWAY": "1",
            "PORT": str(free_port("127.0.0.1")),
            "WORLD": world,
            **(environment or {}),
        }
    )
    copy_migrated(postgres.plan_cluster(root=config.data, settings=postgres.THROW_AWAY))
    with launcher.running_product(config) as supervisor:
        yield Product(config=config, supervisor=supervisor)
