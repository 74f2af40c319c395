"""The decorator of all compiled functions, and where their machine code is kept.

numba notices a change in the file of a function, not in those that it calls. So the code is kept in a folder
named after the contents of all files here: a change anywhere compiles everything anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numba

Arena = Any
#: Seconds, metres and fen by which a sum of floating-point numbers may miss.
EPS = 1e-7
DELIVER, PICK_UP, COLLECT, DROP, TERMINAL = range(5)


def _keep_machine_code() -> None:
    """Point numba's cache at a folder of this very version; beside the sources where that can be written."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(here.glob("*.py")))).hexdigest()[
        :16
    ]
    for folder in (here / "__pycache__", Path(tempfile.gettempdir()) / f"yinong-solver-{os.getuid()}"):
        try:
            (folder / digest).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder / digest, os.W_OK):
            numba.config.CACHE_DIR = str(folder / digest)  # type: ignore[attr-defined]
            return


_keep_machine_code()
compiled = numba.njit(nogil=True, cache=True, error_model="numpy")
