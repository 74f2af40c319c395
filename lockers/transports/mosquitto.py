"""Mosquitto's configuration for our devices: one identity each, access to its own prefix only.

Device id = user name = client id. The broker's store is no outbox: what it must not lose is in the devices'
journals, so it may be killed at any time.
"""

import base64
import hashlib
import hmac
import os
import secrets
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVER_USER = "ingest"
SIMULATION_USER = "cabinets"
PASSWORD_FILE, PID_FILE = "passwords", "mosquitto.pid"
_ITERATIONS = 101

ACL = f"""\
# the server
user {SERVER_USER}
topic readwrite lk/#
topic readwrite sim/#

# the process of simulated cabinets hears what they are
user {SIMULATION_USER}
topic read sim/#

# a device: its own prefix, each topic in its own direction
pattern write lk/%u/up/+
pattern write lk/%u/state/+
pattern read lk/%u/down/+
"""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files. With `require_certificate` a device shows a certificate of `ca` besides its password: that one
    says who it is and can be taken away within seconds; `revoked` is a CRL, read at the broker's start.
    """

    ca: Path
    certificate: Path
    key: Path
    require_certificate: bool = False
    revoked: Path | None = None


def write_configuration(
    folder: Path, *, port: int, passwords: Mapping[str, str], host: str = "127.0.0.1", tls: Tls | None = None
) -> Path:
    """Write mosquitto.conf, acl and passwords (hashed) into `folder`; the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    acl, users, conf = folder / "acl", folder / PASSWORD_FILE, folder / "mosquitto.conf"
    acl.write_text(ACL)
    acl.chmod(0o600)
    write_passwords(folder, passwords)
    lines = [
        "per_listener_settings false",
        "allow_anonymous false",
        f"password_file {users}",
        f"acl_file {acl}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 30",
        "# the broker's own limits are too small for a backlog of days",
        "max_queued_messages 0",
        "max_inflight_messages 0",
        "message_size_limit 65536",
        f"pid_file {folder / PID_FILE}",
        f"listener {port} {host}",
    ]
    if tls is not None:
        lines += [f"cafile {tls.ca}", f"certfile {tls.certificate}", f"keyfile {tls.key}"]
        if tls.require_certificate:
            lines += ["require_certificate true"]
        if tls.revoked is not None:
            lines += [f"crlfile {tls.revoked}"]
    conf.write_text("\n".join(lines) + "\n")
    return conf


def write_passwords(folder: Path, passwords: Mapping[str, str]) -> bool:
    """Replace the password file where somebody came, went or has another password; whether it changed.

    Entries that still hold stay as they are, so that `reload` throws out nobody else.
    """
    file = folder / PASSWORD_FILE
    known = dict(line.split(":", 1) for line in file.read_text().splitlines()) if file.exists() else {}
    entries = {
        user: known[user] if user in known and _matches(known[user], password) else _hashed(password)
        for user, password in passwords.items()
    }
    if entries == known:
        return False
    scratch = file.with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_text("".join(f"{user}:{entry}\n" for user, entry in entries.items()))
    scratch.replace(file)
    return True


def reload(folder: Path) -> bool:
    """Let the running broker read its files again and throw out who is not in them. False: none runs."""
    try:
        os.kill(int((folder / PID_FILE).read_text()), signal.SIGHUP)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    return True


def _matches(entry: str, password: str) -> bool:
    try:
        _, kind, iterations, salt, digest = entry.split("$")
        computed = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations))
        return kind == "7" and hmac.compare_digest(computed, base64.b64decode(digest))
    except ValueError:
        return False


def _hashed(password: str) -> str:
    """The format of mosquitto_passwd: $7$ is PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    encoded = (base64.b64encode(each).decode() for each in (salt, digest))
    return f"$7${_ITERATIONS}${'$'.join(encoded)}"
