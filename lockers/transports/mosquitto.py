"""Mosquitto's configuration for our devices: one identity each, access to its own prefix only.

Device id = user name = client id. The broker's store is no outbox: what it must not lose is in the devices'
journals, so it may be killed at any time.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVER_USER = "ingest"
SIMULATION_USER = "cabinets"
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
    """Files. With `require_certificate` a device shows a certificate whose common name is its id."""

    ca: Path
    certificate: Path
    key: Path
    require_certificate: bool = False


def write_configuration(
    folder: Path, *, port: int, passwords: Mapping[str, str], host: str = "127.0.0.1", tls: Tls | None = None
) -> Path:
    """Write mosquitto.conf, acl and passwords (hashed) into `folder`; the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    acl, users, conf = folder / "acl", folder / "passwords", folder / "mosquitto.conf"
    acl.write_text(ACL)
    users.write_text("".join(f"{user}:{_hashed(password)}\n" for user, password in passwords.items()))
    for private in (acl, users):
        private.chmod(0o600)
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
        f"listener {port} {host}",
    ]
    if tls is not None:
        lines += [f"cafile {tls.ca}", f"certfile {tls.certificate}", f"keyfile {tls.key}"]
        if tls.require_certificate:
            lines += ["require_certificate true", "use_identity_as_username true"]
    conf.write_text("\n".join(lines) + "\n")
    return conf


def _hashed(password: str) -> str:
    """The format of mosquitto_passwd: $7$ is PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    encoded = (base64.b64encode(each).decode() for each in (salt, digest))
    return f"$7${_ITERATIONS}${'$'.join(encoded)}"
