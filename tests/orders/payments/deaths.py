"""A process that dies right behind a durable step: a commit, a lone write, or a call to the provider.

Between two durable steps nothing lasts, so dying behind each of them is dying everywhere. The steps are not
listed: they are counted while the work runs, so that a new one is found by itself.
"""

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.db import connection

from orders.payments.gateways import registry
from orders.payments.gateways.base import Answer
from orders.payments.gateways.wire import AlipayWire, SdkRequest
from tests.orders.payments.helpers import Simulator

WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")
_kept: list[object] = []  # the parent's connection must not be closed by a child that lets go of it


def steps_of(work: Callable[[], object], *, simulator: Simulator) -> list[str]:
    """The names of all durable steps of `work`, run to its end in a process of its own."""
    read, write = os.pipe()
    child = _fork(work, simulator=simulator, die_after=0, report=write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        raw = pipe.read()
    assert os.waitpid(child, 0)[1] == 0, "the work failed without being killed"
    steps: list[str] = pickle.loads(raw)
    return steps


def die_after(step: int, work: Callable[[], object], *, simulator: Simulator) -> None:
    """Runs `work` in a process of its own, which is killed (SIGKILL) behind its `step`-th durable step."""
    child = _fork(work, simulator=simulator, die_after=step)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status), f"step {step} was never reached"
    assert os.WTERMSIG(status) == signal.SIGKILL


def _fork(work: Callable[[], object], *, simulator: Simulator, die_after: int, report: int = -1) -> int:
    child = os.fork()
    if child:
        return child
    try:
        _kept.append(connection.connection)
        connection.connection = None
        steps: list[str] = []
        gateway = simulator.gateway()  # a line of its own, not the parent's open connection
        with registry.using(gateway), _counted(steps, die_after=die_after):
            work()
        if report >= 0:
            os.write(report, pickle.dumps(steps))
    except BaseException as error:  # noqa: BLE001  the child never returns into the test run
        os.write(2, f"in the child: {error!r}\n".encode())
        os._exit(1)
    os._exit(0)


@contextmanager
def _counted(steps: list[str], *, die_after: int) -> Iterator[None]:
    def done(what: str) -> None:
        steps.append(f"{what} in {_place()}")
        if len(steps) == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    connection.ensure_connection()
    commit, call = connection._commit, AlipayWire.call

    def commit_then_tell() -> None:
        commit()
        done("commit")

    def call_then_tell(self: AlipayWire, request: SdkRequest) -> Answer:
        answer = call(self, request)
        done(str(request.get_params()["method"]))
        return answer

    def write_then_tell(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if not connection.in_atomic_block and sql.lstrip().upper().startswith(WRITES):
            done(sql.split()[0].lower())
        return result

    connection._commit = commit_then_tell
    AlipayWire.call = call_then_tell  # type: ignore[method-assign]
    with connection.execute_wrapper(write_then_tell):
        yield


def _place() -> str:
    """The innermost function of the product on the stack."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if "/orders/" in frame.f_code.co_filename and "/tests/" not in frame.f_code.co_filename:
            return frame.f_code.co_name
        frame = frame.f_back
    return "the caller"
