"""`make bench-payments`: intents created and confirmed a second on one web worker (docs/bench-payments.md).

The server is the product's own: granian with one WSGI worker, PostgreSQL, the gateway simulator as a process.
The caller speaks Stripe's form encoding over kept connections, each call with an Idempotency-Key of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

from marketplace.launcher.config import DEMO_STRIPE_KEY, Config, read_config
from marketplace.launcher.processes import Supervisor
from marketplace.launcher.session import require_tool, running_services
from marketplace.launcher.sockets import free_port
from marketplace.launcher.topology import ProcessSpec, processes

CALLERS = 8
WARM_UP, ROUNDS = 200, int(os.environ.get("ROUNDS", "2000"))
GOAL = 100
TICKS = os.sysconf("SC_CLK_TCK")
TABLE = Path(__file__).parents[2] / "docs" / "bench-payments.md"
CONFIRM = {"payment_method_data[type]": "alipay", "return_url": "https://shop.example/back"}
_numbers = count(1)


class Caller:
    """One kept connection."""

    def __init__(self, config: Config) -> None:
        self._line = http.client.HTTPConnection(config.host, config.port, timeout=30)

    def post(self, path: str, **form: object) -> dict[str, object]:
        headers = {
            "Authorization": f"Bearer {DEMO_STRIPE_KEY}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": f"bench-{os.getpid()}-{next(_numbers)}",
        }
        self._line.request("POST", f"/stripe/v1/{path}", body=urlencode(form), headers=headers)
        answer = self._line.getresponse()
        body: dict[str, object] = json.loads(answer.read())
        assert answer.status == 200, body
        return body


def in_one_call(caller: Caller) -> int:
    """`create` with `confirm=true`."""
    made = caller.post("payment_intents", amount=4735, currency="cny", confirm="true", **CONFIRM)
    assert made["status"] == "requires_action", made
    return 1


def in_two_calls(caller: Caller) -> int:
    """`create`, then `confirm`."""
    made = caller.post("payment_intents", amount=4735, currency="cny", description="奉新猕猴桃 5 斤")
    done = caller.post(f"payment_intents/{made['id']}/confirm", **CONFIRM)
    assert done["status"] == "requires_action", done
    return 1


def three_in_one_act(caller: Caller) -> int:
    """Three intents of one `transfer_group`; the last confirm asks the gateway for the merged page."""
    group = f"bench-{next(_numbers)}"
    made = [
        caller.post("payment_intents", amount=1000 + n, currency="cny", transfer_group=group)
        for n in range(3)
    ]
    done = [caller.post(f"payment_intents/{intent['id']}/confirm", **CONFIRM) for intent in made]
    assert done[-1]["next_action"], done[-1]
    return 3


@dataclass
class Measured:
    name: str
    intents: int = 0
    seconds: float = 0.0
    took_ms: list[float] = field(default_factory=list)
    cpu_ms: dict[str, float] = field(default_factory=dict)

    def row(self) -> str:
        cuts = statistics.quantiles(self.took_ms, n=100)
        per_intent = {name: used / self.intents for name, used in self.cpu_ms.items()}
        return (
            f"| {self.name} | {self.intents / self.seconds:.0f} | {cuts[49]:.0f} | {cuts[94]:.0f} "
            f"| {per_intent['web']:.1f} | {per_intent['postgres']:.1f} | {per_intent['gateway']:.1f} |"
        )


def measure(
    name: str, act: Callable[[Caller], int], config: Config, *, pids: dict[str, int], rounds: int
) -> Measured:
    """`act` by CALLERS at once until `rounds` acts are done; a latency is that of one whole act."""
    found, left, lock = Measured(name), iter(range(rounds)), threading.Lock()
    before = cpu_of(pids)

    def run() -> None:
        caller = Caller(config)
        while True:
            with lock:
                if next(left, None) is None:
                    return
            started = time.perf_counter()
            intents = act(caller)
            took = (time.perf_counter() - started) * 1000
            with lock:
                found.intents += intents
                found.took_ms.append(took)

    threads = [threading.Thread(target=run) for _ in range(CALLERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.seconds = time.perf_counter() - began
    assert len(found.took_ms) == rounds, "a caller failed"
    after = cpu_of(pids)
    found.cpu_ms = {name: (after[name] - before[name]) * 1000 for name in pids}
    return found


def cpu_of(pids: dict[str, int]) -> dict[str, float]:
    """CPU seconds so far of each process with its children, as /proc tells."""
    seen: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                seen[int(entry.name)] = int(words[1]), (int(words[11]) + int(words[12])) / TICKS
    return {
        name: sum(cpu for pid, (_, cpu) in seen.items() if _descends(pid, root, seen))
        for name, root in pids.items()
    }


def _descends(pid: int, root: int, seen: dict[int, tuple[int, float]]) -> bool:
    while pid in seen:
        if pid == root:
            return True
        pid = seen[pid][0]
    return False


@contextmanager
def server(folder: Path) -> Iterator[tuple[Config, dict[str, int]]]:
    """Gateway and web server alone, one worker; nothing else takes the two cores."""
    config = read_config(
        {
            **{name: text for name, text in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
            "YINONG_DATA": str(folder), "PORT": str(free_port("127.0.0.1")), "LOG_LEVEL": "WARNING",
        }
    )  # fmt: skip
    with running_services(config) as supervisor:
        require_tool(supervisor, "django", "migrate", "--no-input", quiet=True)
        specs = {spec.name: spec for spec in processes(config)}
        supervisor.start_all([specs["gateway"], _one_worker(specs["web"])])
        _await(config)
        yield config, {name: supervisor.pid(name) for name in ("web", "gateway")} | _database(supervisor)


def _one_worker(web: ProcessSpec) -> ProcessSpec:
    command = list(web.command)
    command[command.index("--workers") + 1] = "1"
    return ProcessSpec(web.name, tuple(command))  # /healthz would miss the drain


def _await(config: Config) -> None:
    for _ in range(300):
        with suppress(OSError):
            socket.create_connection((config.host, config.port), timeout=1).close()
            return
        time.sleep(0.1)
    raise RuntimeError("the web server does not listen")


def _database(supervisor: Supervisor) -> dict[str, int]:
    return {"postgres": int(json.loads(supervisor.pid_file("postgres").read_text())["pid"])}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="yinong-bench-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        with server(Path(root) / "data") as (config, pids):
            measure("warm up", in_two_calls, config, pids=pids, rounds=WARM_UP)
            found = [
                measure("one call: create with confirm", in_one_call, config, pids=pids, rounds=ROUNDS),
                measure("two calls: create, confirm", in_two_calls, config, pids=pids, rounds=ROUNDS),
                measure(
                    "six calls: three intents, one act",
                    three_in_one_act,
                    config,
                    pids=pids,
                    rounds=ROUNDS // 4,
                ),
            ]
    setting = (
        f"`make bench-payments`: {CALLERS} callers, {ROUNDS} acts ({ROUNDS // 4} of three intents), one "
        "granian worker, PostgreSQL with its durable settings, the simulator answering at once; Python "
        f"{platform.python_version()}, {os.cpu_count()} cores that caller, server and database share."
    )
    head = [
        "# Payments: how fast intents are made", "", setting, "",
        f"Goal: {GOAL} intents created and confirmed a second.", "",
        "| act | intents/s | p50 ms | p95 ms | CPU ms web | CPU ms PostgreSQL | CPU ms gateway |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    text = "\n".join([*head, *(one.row() for one in found), ""])
    TABLE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
