"""The contract between the driver and an executor, which is free to run jobs on another machine.

An executor does not depend on the platform: a job reaches the platform over HTTP, by its DX_* variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dx_local.engine.executors.terminal.callbacks import TerminalCallbacks
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.execution.job_usage import JobUsage


@dataclass(frozen=True)
class Launch:
    """A job to start, as plain data: `Launch(**json.loads(json.dumps(asdict(launch))))` starts the same job.

    Paths are absolute.
    """

    job_id: str
    function: str
    interpreter: str
    """`bash`, or `python3` and the like."""
    folder: str
    """The job folder, with code and input in place; see `job_folder.JobFolder`."""
    python: str
    """Python of the worker environment."""
    programs: str
    """Folder with dxpy's programs: dx, dx-jobutil-…"""
    variables: Mapping[str, str]
    """The DX_* variables: API server, security context, job, workspace, project."""
    tool_client: str | None = None
    """Compiled client by which jobs call dxpy's programs, if there is one."""
    source: str | None = None
    """The author's own file from which the code was taken, for error messages."""
    layers: Sequence[str] = ()
    """Folders to overlay on `/`, the topmost first: the app's resources/ and its dependencies."""
    visible_paths: Sequence[str] = ()
    """Paths of this machine that the job can read at their own place."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`JobSettings` as a dictionary, for options that the process of the job reads."""
    memory_limit: int | None = None
    """Bytes of memory that the job may use; None for no limit."""
    has_network: bool = True
    """False if the job may reach nothing but the API."""
    git_depends: Sequence[Mapping[str, Any]] = ()
    """Repositories to clone and build before the code runs.

    Each has the fields of `exec_depends.GitDependency`, and `mirror`, the path of a clone on this machine.
    """
    is_killed: bool = False
    """True if its process is to be killed as it starts, which is a fault that the user injects."""
    shows_changes: bool = False
    """True if the job can read its changes to the sandbox, from which it builds an asset."""


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log.

    `source` is STDOUT, STDERR, or the source named in a log message (DX_APP, DX_APP_STREAM).
    `level` is one of EMERG ALERT CRITICAL ERROR WARNING NOTICE INFO DEBUG STDOUT STDERR. Lines longer than
    64 KiB come in pieces.
    """

    job_id: str
    source: str
    level: str
    message: str
    timestamp_ms: int


@dataclass(frozen=True)
class JobExit:
    """The end of a job's process."""

    exit_code: int | None
    """Negative for a signal; None if the worker was lost, so that the code is unknown."""
    usage: JobUsage | None = None
    """None if it was not measured."""
    memory_limit: int | None = None
    """The limit of the launch."""
    killed_for_memory: int = 0
    """Number of processes that the kernel killed because of the limit."""
    remark: str | None = None
    """A remark that was added to the log because it may explain a failure."""


class Api(Protocol):
    """The API server, for jobs that can reach nothing else."""

    port: int

    def answer_at(self, listener: socket.socket) -> None:
        """Serve another socket too, which listens on the same port of another network."""


@dataclass(frozen=True)
class Callbacks:
    """Functions that an executor calls in its event loop."""

    on_log: Callable[[LogLine], None]
    """Called with every line of every job."""
    on_exit: Callable[[str, JobExit], None]
    """Called with the job ID after the last line of a job."""
    announce: Callable[[str], None] = lambda _: None
    """Called with messages for the user."""
    on_folder: Callable[[Path], None] = lambda _: None
    """Called before the first job with the folder of temporary files, if jobs share one with this machine."""
    images: Path | None = None
    """The cache of container images, if jobs have one."""
    terminal: TerminalCallbacks | None = None
    """None if jobs get no terminal."""


class Executor(Protocol):
    """Starts jobs and reports on them, in the asyncio loop in which it was first used."""

    async def start(self, launch: Launch) -> None:
        """Start a job. Raises OSError if that is impossible."""

    def kill(self, job_id: str) -> None:
        """Terminate all processes of a job, and kill those that are left after a second.

        The exit is reported as any other. A job that has ended already is ignored.
        """

    async def close(self) -> None:
        """Kill all jobs, report their exits, and leave no process behind."""


class ExecutorFactory(Protocol):
    """A function or class that makes an executor."""

    def __call__(self, settings: JobSettings, api: Api, callbacks: Callbacks) -> Executor:
        """Return an executor for the jobs of one platform."""
