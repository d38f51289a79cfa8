"""Wait for another execution without sleeping past its end.

dxpy requests the state of the execution, sleeps for two seconds, and requests it again. The server answers
such a request when the execution ends, or after two seconds. So a job makes requests instead of sleeping, for
as long as dxpy would have slept.
"""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

from dxpy.bindings import dxanalysis, dxjob

_ENDED = ("done", "failed", "partially_failed", "terminated")
# If an answer comes sooner, the server did not wait: then sleep, as dxpy would.
_AT_ONCE_SECONDS = 0.2


def install() -> None:
    """Replace `time` in dxpy's waiting loops, which use only its `sleep`."""
    dxjob.time = dxanalysis.time = SimpleNamespace(sleep=wait_for_end)


def wait_for_end(seconds: float) -> None:
    """Wait until the execution whose handler calls this has ended, but no longer than `seconds`."""
    execution = sys._getframe(1).f_locals["self"]  # noqa: SLF001
    end = time.monotonic() + seconds
    while (asked := time.monotonic()) < end:
        if execution._get_state() in _ENDED:  # noqa: SLF001
            return
        if time.monotonic() - asked < _AT_ONCE_SECONDS:
            time.sleep(max(0.0, end - time.monotonic()))
