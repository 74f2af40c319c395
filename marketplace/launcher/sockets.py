"""Paths short enough for unix sockets, and TCP ports that are free."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from pathlib import Path

from marketplace.launcher.errors import LauncherError

LONGEST_SOCKET_PATH = 107  # sun_path of sockaddr_un, less the closing zero


def fitting_folder(folder: Path, *, longest_name: str) -> Path:
    """`folder`, or a short stand-in in the temporary folder when a socket in it would have too long a path.

    The stand-in is the same at every start, so whoever knows the folder finds the socket.
    """
    folder = folder.absolute()
    if _fits(folder / longest_name):
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()).absolute() / f"yinong-{digest}"
    if not _fits(short / longest_name):
        raise LauncherError(f"{short} is too long a path for a unix socket: set TMPDIR to a shorter folder.")
    return short


def free_port(host: str) -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def require_free_port(host: str, port: int) -> None:
    """Raises LauncherError when somebody already listens on `port`, or when we may not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise LauncherError(f"Port {port} needs root: choose one above 1023, e.g. PORT=8000.") from error
        except OSError as error:
            raise LauncherError(
                f"Port {port} on {host} is in use: choose another one, e.g. PORT={free_port(host)}."
            ) from error


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
