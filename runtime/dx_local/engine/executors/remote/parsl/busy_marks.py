"""Marks of workers that run a job, as files by which their pool's parent process distinguishes them.

The folder of the marks is the temporary folder of the pool as well, so that nothing else of Parsl and of
Python's multiprocessing is left on a node. Jobs have the usual one.

A worker that is killed while it waits for work may hold a lock of the queue of its pool, so that no other
worker of the pool ever gets work again. A worker that is killed while it runs a job holds none.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_VARIABLE = "BUSY_WORKERS_FOLDER"
"""Environment variable of workers: the folder of the marks."""

_VARIABLE = "TMPDIR"
_USUAL_VARIABLE = "USUAL_TMPDIR"


def hide_temporary_folder(folder: Path) -> None:
    """Let `folder` be the temporary folder of the processes that this one starts, until they run a job."""
    os.environ |= {_USUAL_VARIABLE: os.environ.get(_VARIABLE, ""), _VARIABLE: str(folder)}


def _show_temporary_folder() -> None:
    """Have this process use the temporary folder that was hidden."""
    usual = os.environ.pop(_USUAL_VARIABLE, None)
    if usual is None:
        return  # done already
    if usual:
        os.environ[_VARIABLE] = usual
    else:
        del os.environ[_VARIABLE]
    tempfile.tempdir = None  # so that it is looked up again


def run_marked(assignment: Mapping[str, Any]) -> dict[str, Any]:
    """Run an assignment in a worker, with a mark meanwhile."""
    from dx_local.engine.executors.remote.node import run_assignment

    _show_temporary_folder()
    mark = Path(os.environ[FOLDER_VARIABLE]) / str(os.getpid())
    mark.touch()
    try:
        return run_assignment(assignment)
    finally:
        mark.unlink(missing_ok=True)


def is_busy(folder: Path, worker: int) -> bool:
    """Return whether a worker was running a job when it ended."""
    return (folder / str(worker)).exists()
