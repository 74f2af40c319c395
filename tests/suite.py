"""`make test`: everything that is checked before a change lands, in one table of steps.

What the tests need from Debian is installed first when we are root. What is still missing is named,
and the exit code is then 3 unless ALLOW_SKIPS=1. Four steps run at a time, the longest first; what a step
prints is shown whole when it ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.database import templates_of_this_run

REPOSITORY = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent
SKIPPED = 3
# Two more than the cores that CI has: steps wait for servers, browsers and killed processes in turn.
AT_ONCE = 4

# A package that only brings files must not start a server of its own while it is installed.
SERVICE_POLICY = Path("/usr/sbin/policy-rc.d")
CLUSTER_POLICY = Path("/etc/postgresql-common/createcluster.conf")


@dataclass(frozen=True)
class Need:
    """Something of the machine that a part of the tests cannot do without."""

    packages: tuple[str, ...]
    present: Callable[[], bool]
    suite: str


@dataclass(frozen=True)
class Step:
    """One command; `needs` names the needs without which it is skipped."""

    name: str
    command: tuple[str, ...]
    folder: Path = REPOSITORY
    environment: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


NEEDS = {
    "browser": Need(
        ("chromium", "fonts-noto-cjk"),
        lambda: shutil.which("chromium") is not None and bool(_fonts("NotoSansCJK")),
        "browser tests (Chromium with a Chinese font)",
    ),
    "mosquitto": Need(("mosquitto",), lambda: _mosquitto() is not None, "device tests over MQTT (Mosquitto)"),
    "postgresql-15": Need(
        ("postgresql-15",),
        lambda: Path("/usr/lib/postgresql/15/bin/postgres").exists(),
        "database tests on PostgreSQL 15",
    ),
}

LINT = (
    Step("ruff check", (f"{BIN}/ruff", "check", ".")),
    Step("ruff format", (f"{BIN}/ruff", "format", "--check", ".")),
    Step("lint-imports", (f"{BIN}/lint-imports", "--no-cache")),
    Step("mypy", (f"{BIN}/mypy",)),
)
# The build has made src/gql of the schema; made again here it would change under who reads it beside.
PAGES = tuple(
    Step(f"pages {what}", ("npm", "exec", "--offline", "--", *command), REPOSITORY / "frontend")
    for what, command in (
        ("lint", ("eslint", ".")),
        ("format", ("prettier", "--check", ".")),
        ("typecheck", ("vue-tsc", "--noEmit")),
        ("test", ("vitest", "run")),
    )
)
PYTEST = (PYTHON, "-m", "pytest", "-q", "--durations=15", "--durations-min=2")
# What is typed is refused before a statement is made of it, whichever server stands behind.
TYPED = tuple(f"--ignore=tests/marketplace/rights/test_{name}.py" for name in ("fuzz", "bad_input"))
DATABASE = "django_db and not processes"
MARKETPLACE = "tests/marketplace"
# A whole day on real processes, twenty of which are killed: half of all the time that processes take.
DAY = "tests/marketplace/reports/audit"
# Together these are the whole of pytest, and its database tests twice.
TESTS = (
    Step("tests of the running processes", (*PYTEST, f"--ignore={DAY}", "-m", "processes")),
    Step("tests", (*PYTEST, "-m", "not django_db and not processes")),
    Step("a day with kills and its auditor", (*PYTEST, DAY, "-m", "processes")),
    Step(
        "database tests on PostgreSQL 15",
        (*PYTEST, *TYPED, "-m", DATABASE),
        environment={"YINONG_TEST_PG": "15"},
        needs=("postgresql-15",),
    ),
    Step("database tests of the other parts", (*PYTEST, f"--ignore={MARKETPLACE}", "-m", DATABASE)),
    Step("database tests of the marketplace", (*PYTEST, MARKETPLACE, "-m", DATABASE)),
)
# What a part of the tests needs and a marker names: without it the rest of that step still runs.
MARKED = frozenset({"browser", "mosquitto"})


def main(parts: list[str]) -> int:
    if parts == ["lint"]:
        return 1 if _run_all(LINT, frozenset()) else 0
    missing = _provide()
    for name in sorted(missing):
        print(f"SKIPPED: {NEEDS[name].suite}: install {' '.join(NEEDS[name].packages)}", flush=True)
    tests = tuple(_without(step, missing & MARKED) for step in TESTS)
    with templates_of_this_run():
        failed = _run_all((*tests, *LINT, *PAGES), missing)
    if failed:
        print(f"FAILED: {', '.join(failed)}")
        return 1
    if missing and os.environ.get("ALLOW_SKIPS") != "1":
        print(f"Not all was tested, no {', '.join(sorted(missing))}: exit 3 (ALLOW_SKIPS=1 accepts this).")
        return SKIPPED
    return 0


def _without(step: Step, markers: frozenset[str]) -> Step:
    """The pytest step that leaves out what carries one of the markers."""
    *command, chosen = step.command
    return replace(
        step, command=(*command, " and ".join([chosen, *(f"not {name}" for name in sorted(markers))]))
    )


def _run_all(steps: tuple[Step, ...], missing: frozenset[str]) -> list[str]:
    """Run every step, also after a failure; the names of those that failed."""
    chosen = [step for step in steps if not missing & set(step.needs)]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as lanes:
        codes = list(lanes.map(_run, chosen))
    return [step.name for step, code in zip(chosen, codes, strict=True) if code != 0]


def _run(step: Step) -> int:
    """The step's exit code; what it printed is shown in one piece."""
    began = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=step.folder,
        env={**os.environ, **step.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    seconds = time.monotonic() - began
    printed = done.stdout.decode(errors="replace")
    print(f"== {step.name}\n{printed}-- {step.name}: {seconds:.0f} s, exit {done.returncode}", flush=True)
    return done.returncode


def _provide() -> frozenset[str]:
    """Install what is missing when we may; the names of what is missing still."""
    packages = [package for need in NEEDS.values() if not need.present() for package in need.packages]
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"== apt-get install {' '.join(packages)}", flush=True)
        with _no_servers_started():
            _apt("update")
            for package in packages:  # one by one: a package that this release lacks must not keep the others
                _apt("install", "--yes", "--no-install-recommends", package)
    return frozenset(name for name, need in NEEDS.items() if not need.present())


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-qq", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Use-Pty=0", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        print(f"apt-get {' '.join(arguments)}: {(result.stderr or result.stdout).strip()}", flush=True)


@contextmanager
def _no_servers_started() -> Iterator[None]:
    """While packages are installed, their maintainer scripts start no server and make no cluster."""
    made = []
    for file, content in (
        (SERVICE_POLICY, "#!/bin/sh\nexit 101\n"),
        (CLUSTER_POLICY, "create_main_cluster = false\n"),
    ):
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="ascii")
            file.chmod(0o755)
            made.append(file)
    try:
        yield
    finally:
        if SERVICE_POLICY in made:
            SERVICE_POLICY.unlink()


def _fonts(name: str) -> list[Path]:
    return list(Path("/usr/share/fonts").rglob(f"{name}*"))


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
