"""Marks of workers that run a job, as files by which their pool's parent process distinguishes them.

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

TEMPORARY_VARIABLE = "DX_LOCAL_NODE_TMPDIR"
"""Environment variable of workers: the folder for temporary files of jobs, if it is not that of the pool."""


def run_marked(assignment: Mapping[str, Any]) -> dict[str, Any]:
    """Run an assignment in a worker, with a mark meanwhile."""
    from dx_local.engine.executors.remote.node import run_assignment

    if folder := os.environ.pop(TEMPORARY_VARIABLE, None):
        os.environ["TMPDIR"] = folder
        tempfile.tempdir = None  # so that it is read again
    mark = Path(os.environ[FOLDER_VARIABLE]) / str(os.getpid())
    mark.touch()
    try:
        return run_assignment(assignment)
    finally:
        mark.unlink(missing_ok=True)


def is_busy(folder: Path, worker: int) -> bool:
    """Return whether a worker was running a job when it ended."""
    return (folder / str(worker)).exists()
