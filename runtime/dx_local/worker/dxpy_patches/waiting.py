"""Waiting for another execution without sleeping through its end.

dxpy asks for the state of what it waits for, sleeps two seconds, and asks again. The server answers such a
question when the execution ends, or else after two seconds; so a job asks instead of sleeping as well, for
as long as dxpy would have slept.
"""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

from dxpy.bindings import dxanalysis, dxjob

_ENDED = ("done", "failed", "partially_failed", "terminated")
# An answer that comes sooner was not waited with: then sleep, as dxpy would.
_AT_ONCE = 0.2


def install() -> None:
    """Give dxpy's waiting loops, which use nothing else of `time`, this sleep."""
    dxjob.time = dxanalysis.time = SimpleNamespace(sleep=ask)


def ask(seconds: float) -> None:
    """Wait, on behalf of the execution's handler that calls this, until it has ended or the time is over."""
    execution = sys._getframe(1).f_locals["self"]  # noqa: SLF001
    end = time.monotonic() + seconds
    while (asked := time.monotonic()) < end:
        if execution._get_state() in _ENDED:  # noqa: SLF001
            return
        if time.monotonic() - asked < _AT_ONCE:
            time.sleep(max(0.0, end - time.monotonic()))
