"""The launcher's commands: each takes the configuration and gives an exit code."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

from marketplace.launcher import folder, postgres, report
from marketplace.launcher.config import Config
from marketplace.launcher.errors import LauncherError
from marketplace.launcher.processes import Supervisor
from marketplace.launcher.product import running_product
from marketplace.launcher.session import require_tool, run_tool, running_services

STARTED = time.monotonic()
WATCH_POLL_S = 0.5
SHELL_VARIABLES = (
    "DATABASE_URL", "REDIS_URL", "YINONG_DATA", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "TESTER_CONSOLE",
    "DEVICE_SOCKET", "ALIPAY_APP_PRIVATE_KEY_FILE", "ALIPAY_PUBLIC_KEY_FILE",
)  # fmt: skip


def up(config: Config) -> int:
    with running_product(config) as supervisor:
        report.show_address(config)
        _serve(supervisor)
    return 0


def demo(config: Config) -> int:
    """The day runs once per data folder; a later demo serves what it left. RESET=1 starts over."""
    with running_product(config) as supervisor:
        if not config.demo_file.exists():
            _run_day(config, supervisor)
        result = json.loads(config.demo_file.read_text(encoding="utf-8"))
        report.show_day(result)
        if not config.headless:
            report.show_address(config)
            _serve(supervisor)
    print(config.demo_file)
    return 0 if result["audit"]["passed"] else 1


def services(config: Config) -> int:
    with folder.hold(config), running_services(config) as supervisor:
        for name in SHELL_VARIABLES:
            print(f"export {name}={shlex.quote(supervisor.environment[name])}", flush=True)
        print("# PostgreSQL and Redis serve until Ctrl-C.", flush=True)
        _serve(supervisor)
    return 0


def audit(config: Config) -> int:
    """Judge the day that `demo` left; works beside a running product and without one."""
    if folder.is_held(config):
        return _audit(config, config.database_url or postgres.plan_cluster(root=config.data).url)
    with folder.hold(config), running_services(config) as supervisor:
        return _audit(config, supervisor.environment["DATABASE_URL"])


def stop(config: Config) -> int:
    print(folder.stop_holder(config))
    return 0


def _audit(config: Config, database_url: str) -> int:
    """The auditor's exit code. It knows nothing of the product, so it gets only our own environment."""
    config.audit_file.parent.mkdir(parents=True, exist_ok=True)
    return run_tool(
        config.inherited,
        "marketplace.reports.audit",
        *("--database-url", database_url),
        *("--journals", str(config.cabinets_folder)),
        *("--json", str(config.audit_file)),
    )


def _read_json(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise LauncherError(f"{file} holds no JSON object.")
    return content


def _run_day(config: Config, supervisor: Supervisor) -> None:
    """The day through the public API and the device wire, then the judgement; both into one file."""
    config.demo_file.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    require_tool(
        supervisor,
        "marketplace.simulation",
        "day",
        *("--base-url", config.url),
        *("--summary", str(config.summary_file)),
    )
    day_s = time.monotonic() - began
    verdict = _audit(config, supervisor.environment["DATABASE_URL"])
    result = {
        **_read_json(config.summary_file),
        "seconds": {"day": round(day_s, 1), "since_start": round(time.monotonic() - STARTED, 1)},
        "audit": {**_read_json(config.audit_file), "passed": verdict == 0},
    }
    unfinished = config.demo_file.with_suffix(".part")
    unfinished.write_text(json.dumps(result, ensure_ascii=False, indent=2), encoding="utf-8")
    unfinished.replace(config.demo_file)


def _serve(supervisor: Supervisor) -> None:
    """Until Ctrl-C, which is how a person ends it and no error."""
    try:
        while True:
            for name in supervisor.revive():
                report.say(f"{name} had died and was started again (its log: {supervisor.log(name)})")
            time.sleep(WATCH_POLL_S)
    except KeyboardInterrupt:
        report.say("stopping")
