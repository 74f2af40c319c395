"""Which processes the product is made of: one table."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from marketplace.launcher.config import Config

PYTHON = sys.executable


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is started, and how one sees that it does its work."""

    name: str
    command: tuple[str, ...]
    health_url: str | None = None
    socket: str | None = None


# fmt: off
def processes(config: Config) -> tuple[ProcessSpec, ...]:
    """In starting order."""
    gateway_port, gateway_folder = str(config.gateway_port), str(config.gateway_folder)
    control_port = str(config.control_port)
    device_socket = str(config.device_socket)
    return (
        # The payment gateway: another company's machine in real life, another process here. It issues
        # the key files that the web server and the worker read.
        ProcessSpec(
            "gateway",
            _module(
                "orders.payments.alipay_sim", "--host", config.host, "--port", gateway_port,
                "--data", gateway_folder,
            ),
            health_url=f"{config.gateway_url}/healthz",
        ),
        # Delivers the outbox in order and polls due work; needs only PostgreSQL.
        ProcessSpec("drain", _module("django", "drain")),
        # Owns the devices' wire: commits what they report, then acknowledges.
        ProcessSpec(
            "ingest", _module("django", "ingest"), socket=None if config.mqtt_url else device_socket
        ),
        # Heavy and remote work: planning, gateway queries, messages.
        ProcessSpec(
            "worker",
            _module(
                "celery", "--app", "marketplace.celery", "worker", "--loglevel", "INFO", "--concurrency", "2",
                "--without-gossip", "--without-mingle", "--without-heartbeat",
            ),
        ),
        # GraphQL, callbacks and the built pages.
        ProcessSpec(
            "web",
            _module(
                "granian", "--interface", "wsgi", "--host", config.host, "--port", str(config.port),
                "--workers", "2", "--no-ws", "marketplace.wsgi:application",
            ),
            health_url=f"{config.url}/healthz",
        ),
        # Every parcel locker and cold cabinet of the world, each with its own flash and clock.
        ProcessSpec(
            "cabinets",
            _module(
                "lockers.simulator",
                *(("--mqtt", config.mqtt_url) if config.mqtt_url else ("--socket", device_socket)),
                "--data", str(config.cabinets_folder), "--control", control_port,
            ),
            health_url=f"{config.control_url}/clock",
        ),
    )
# fmt: on


def _module(*arguments: str) -> tuple[str, ...]:
    return (PYTHON, "-m", *arguments)
