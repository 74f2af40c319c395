"""A Mosquitto of a test's own: started, killed as a power cut would, started again on the same store."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lockers.transports.mosquitto import SERVER_USER, SIMULATION_USER, Tls, write_configuration
from lockers.transports.mqtt import Broker

BINARY = shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Mosquitto:
    folder: Path
    passwords: Mapping[str, str]
    tls: Tls | None = None
    autosave_s: int = 30
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.users = {SERVER_USER: "server", SIMULATION_USER: "simulation", **self.passwords}
        self.conf = write_configuration(self.folder, port=self.port, passwords=self.users, tls=self.tls)
        with self.conf.open("a") as conf:
            conf.write(f"autosave_interval {self.autosave_s}\n")
        if os.geteuid() == 0:  # else it becomes another user, who may not read a test's folder
            with self.conf.open("a") as conf:
                conf.write("user root\n")

    def start(self) -> "Mosquitto":
        assert BINARY is not None
        self.process = subprocess.Popen(
            [BINARY, "-c", str(self.conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert self.process.poll() is None, "Mosquitto ended at once"
                assert time.monotonic() < until, "Mosquitto did not start"
                time.sleep(0.02)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def broker(self, user: str = SERVER_USER) -> Broker:
        ca = str(self.tls.ca) if self.tls else None
        return Broker(host="127.0.0.1", port=self.port, user=user, password=self.users[user], ca=ca)
