"""The decorator of all compiled functions, and where their machine code is kept.

numba notices a change in the file of a function, not in those that it calls. So the code is kept in a folder
named after the contents of all files here: a change anywhere compiles everything anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.compiler import Compiler
from numba.np import arrayobj

Arena = Any
Function = TypeVar("Function", bound=Callable[..., Any])
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


class NoWrap(Compiler):
    """Compiles subscripts as they are.

    numba adds the length to an index below zero, as Python does: a comparison and a choice at each access, a
    quarter of the time of a search. No index of ours is below zero.
    """

    def compile_extra(self, func: Any) -> Any:
        """Compile one function; numba holds its lock meanwhile."""
        usual = arrayobj.fix_integer_index
        arrayobj.fix_integer_index = _as_it_is
        try:
            return super().compile_extra(func)  # type: ignore[no-untyped-call]
        finally:
            arrayobj.fix_integer_index = usual


def _as_it_is(context: Any, builder: Any, kind: Any, index: Any, _size: Any) -> Any:
    """Stands in for numba's own function of the same arguments."""
    return context.cast(builder, index, kind, numba.types.intp)


_keep_machine_code()
#: Nothing is allocated, so nothing is counted either: without `_nrt` each array of a call costs two atomic
#: additions.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "pipeline_class": NoWrap, "_nrt": False}


def compiled(function: Function) -> Function:
    """Compile at the first call, or load what was compiled before; runs without the interpreter's lock."""
    return cast(Function, numba.njit(nogil=True, cache=True, **OPTIONS)(function))
