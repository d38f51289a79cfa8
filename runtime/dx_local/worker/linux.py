"""What only Linux offers to look after processes; elsewhere these functions do nothing or find nothing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends, however that ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none is lost from sight."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Return the process IDs of this process's children, adopted ones too."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


def job_of(pid: int) -> str | None:
    """Return the DX_JOB_ID that a process was started with, or None when it cannot be told."""
    with contextlib.suppress(OSError):
        for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if variable.startswith(b"DX_JOB_ID="):
                return variable.partition(b"=")[2].decode("utf-8", "replace")
    return None


def _prctl(option: int, argument: int) -> None:
    if sys.platform == "linux":
        _libc.prctl(option, argument, 0, 0, 0)
