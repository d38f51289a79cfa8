"""Executors: what starts a job's process somewhere, passes on what it prints, and says how it ended.

An executor knows nothing of the platform; a job reaches that over HTTP, by its DX_* variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

    from dx_local.engine.environments.python_environments import WorkerEnvironment
    from dx_local.engine.executors.job_folder import JobFolder
    from dx_local.platform.execution.job_usage import JobUsage


class Isolation(Enum):
    """Whether jobs get worlds of their own that look like workers: where possible, always, or never."""

    AUTO = "auto"
    NAMESPACE = "namespace"
    NONE = "none"


ISOLATION_VARIABLE = "DX_LOCAL_ISOLATION"
"""The environment variable that says which, for commands and tests that do not."""

NETWORK_VARIABLE = "DX_LOCAL_NETWORK"
"""The same for `auto` or `allow`: whether all jobs have the network, or only those whose app asks for it."""


@dataclass(frozen=True)
class Launch:
    """All that an executor has to know to start a job."""

    job_id: str
    function: str
    interpreter: str
    """`bash`, or `python3` and the like."""
    folder: JobFolder
    environment: WorkerEnvironment
    variables: Mapping[str, str]
    """The DX_* variables: API server, security context, job, workspace, project."""
    source: Path | None = None
    """The author's own file that the code was taken from, so that error messages can name it."""
    layers: tuple[Path, ...] = ()
    """Folders that are laid over `/`, the topmost first: the app's resources/, and what it depends on."""
    shown: tuple[Path, ...] = ()
    """Folders of this machine that the job finds at their own paths, wherever they lie."""
    xtrace: bool = False
    """Whether bash prints each command before it runs it."""
    memory_limit: int | None = None
    """How many bytes of memory the job may use; None for all that there is."""
    has_network: bool = True
    """Whether the job may reach more than the API."""


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log.

    `source` is STDOUT, STDERR, or what the sender of a log message calls itself (DX_APP, DX_APP_STREAM).
    `level` is one of EMERG ALERT CRITICAL ERROR WARNING NOTICE INFO DEBUG STDOUT STDERR. Lines longer than
    64 KiB come in pieces.
    """

    job_id: str
    source: str
    level: str
    message: str
    timestamp_ms: int


@dataclass(frozen=True)
class End:
    """How a job's process ended."""

    exit_code: int | None
    """Negative for a signal; None where the worker was lost, and nobody knows."""
    usage: JobUsage | None = None
    """None where nobody measured it."""
    memory_limit: int | None = None
    """That of its launch."""
    killed_for_memory: int = 0
    """How many of its processes the kernel has killed because of the limit."""
    remark: str | None = None
    """What was added to its log, and may be why it failed."""


class Api(Protocol):
    """The API server, as jobs reach it that reach nothing else."""

    port: int

    def answer_at(self, listener: socket.socket) -> None:
        """Answer at another socket too, which listens at the same port in another network."""


class Executor(Protocol):
    """Starts jobs and reports on them, in the asyncio loop in which it was first used."""

    async def start(self, launch: Launch) -> None:
        """Start a job; its lines and its end go to the callbacks that the executor was made with."""

    def kill(self, job_id: str) -> None:
        """Ask all processes of a job to end, and end them by force when they have not after a second.

        The end is reported as any other. A job that has ended already is left alone.
        """

    async def close(self) -> None:
        """End all jobs by force, report their ends, and leave no process behind."""
