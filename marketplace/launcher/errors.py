"""One error for all that can go wrong at start: its text is the one line that a person reads."""

from __future__ import annotations

import errno


class LauncherError(Exception):
    """The product cannot start or go on; the message says why and what to do, in one line."""


FULL_DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})


def full_disk(folder: object) -> LauncherError:
    return LauncherError(f"The disk that holds {folder} is full: free some space and try again.")
