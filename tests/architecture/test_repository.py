"""What a fresh clone must and must not hold."""

import json
import re
import subprocess
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.repository import ROOT, tracked_files

# Assembled, so that this file does not name what it forbids.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("registry", "npmmirror", "com"),
        ("deb", "debian", "org"),
        ("mirrors", "aliyun", "com"),
        ("tuna", "tsinghua", "edu", "cn"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w./~$}:-])/(?:work|root|home|Users)/[\w.]")
LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ]+)")


def _texts() -> dict[str, str]:
    texts = {}
    for file in tracked_files():
        content = (ROOT / file).read_bytes()
        if b"\0" not in content:
            texts[str(file)] = content.decode("utf-8")
    return texts


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    found = [
        f"{file}:{number}: {line.strip()[:120]}"
        for file, text in _texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if any(host in line for host in REGISTRY_HOSTS) or MACHINE_PATH.search(line)
    ]
    assert found == []


def test_nothing_built_or_private_is_committed() -> None:
    tracked = [str(file) for file in tracked_files()]
    unwanted = re.compile(
        r"(^|/)(dist|node_modules|\.venv|\.data|__pycache__)/|\.(mo|pyc|pem|key)$|(^|/)(uv\.lock|pylock\.toml)$"
    )
    assert [file for file in tracked if unwanted.search(file)] == []


def test_requirements_are_locked_by_hash_and_cover_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for file, wanted in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-dev.txt", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
        ("requirements-bench.txt", [*project["dependencies"], *project["optional-dependencies"]["bench"]]),
    ):
        blocks = (ROOT / file).read_text().replace("\\\n", " ").splitlines()
        locked = {}
        for block in blocks:
            if match := LOCKED.match(block):
                assert "--hash=sha256:" in block, f"{file}: {block}"
                locked[canonicalize_name(match["name"])] = match["version"]
            else:
                assert block.lstrip().startswith("#"), f"{file}: {block}"
        for requirement in map(Requirement, wanted):
            version = locked.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement} is not in {file}: run `make requirements`"
            assert requirement.specifier.contains(version), f"{requirement} is locked at {version} in {file}"


def test_package_lock_names_no_address() -> None:
    packages = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_bare_make_lists_every_target_and_does_nothing() -> None:
    answer = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    listed = re.findall(r"^  make ([a-z-]+) +(\S.*)$", answer.stdout, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert sorted(name for name, _ in listed) == sorted(phony[1].split())


def test_ci_only_calls_make_test() -> None:
    commands = [
        line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "CI=true exec make test"]
