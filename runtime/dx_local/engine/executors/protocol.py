"""The contract between the driver and an executor, which is free to run jobs on another machine.

An executor does not depend on the platform: a job reaches the platform over HTTP, by its DX_* variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.routing import BaseRoute

    from dx_local.engine.environments.job_environments import RequiredEnvironment
    from dx_local.engine.executors.job_folder import JobFolder, JobOutcome
    from dx_local.engine.executors.terminal.callbacks import TerminalCallbacks
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.execution.job_usage import JobUsage


class Instance(NamedTuple):
    """An instance type: its name, cores, and memory in bytes."""

    name: str
    cores: int
    memory: int


@dataclass(frozen=True)
class JobDescription:
    """A job for an executor to run, before anything has been done for it."""

    job_id: str
    try_number: int
    """The number of restarts before this try."""
    function: str
    interpreter: str
    """`bash`, or `python3` and the like."""
    folder: JobFolder
    """The folder of this try on the platform, which exists. The log is there, wherever the job runs."""
    home: Mapping[str, str]
    """The texts of the files in the job's home by name: code, input, descriptions."""
    environment: RequiredEnvironment
    variables: Mapping[str, str]
    """The DX_* variables: API server, security context, job, workspace, project."""
    source: str | None = None
    """The author's own file from which the code was taken, for error messages."""
    visible_paths: Sequence[str] = ()
    """Paths of this machine that the job can read at their own place."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`JobSettings` as a dictionary, for options that the process of the job reads."""
    memory_limit: int | None = None
    """Bytes of memory that the job may use; None for no limit."""
    has_network: bool = True
    """False if the job may reach nothing but the API."""
    shows_changes: bool = False
    """True if the job can read its changes to the sandbox, from which it builds an asset."""
    instance: Instance | None = None
    """The job's instance type, if it takes as much of a node and is known."""
    instances: Mapping[str, Instance] = field(default_factory=dict)
    """Those that its subjobs will have, by entry point, as far as its app and its run request them."""


@dataclass(frozen=True)
class Launch:
    """A process to start on this machine, as plain data that JSON can hold. Paths are absolute."""

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
    own_network_variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of a job that has a network of its own, in place of others of the same names."""
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
    outcome: JobOutcome | None = None
    """Output or failure of the job. Every exit that an executor reports has one."""
    disk_is_full: bool = False
    """True if the job failed, and the disk of its home has no space."""
    node: str | None = None
    """The node on which the job ran, None for this machine."""
    memory_ran_out: bool = False
    """True if the kernel of that node killed processes a moment ago because memory ran out."""
    is_final: bool = False
    """True if another try would fail in the same way, because the executor can run no job any more."""


class Api(Protocol):
    """The API server, for jobs that can reach nothing else."""

    port: int

    def answer_at(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve another socket too, which is listening already, encrypted or not."""

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Also serve these routes, which come before those of the API."""

    def accept_host(self, host: str) -> None:
        """Also serve clients that reach the server as `HOST:PORT`."""


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
    on_node: Callable[[str, str], None] = lambda _job_id, _node: None
    """Called with the ID of a job that begins on another machine, and the name of that node."""
    on_slots: Callable[[], None] = lambda: None
    """Called when the number of slots has changed."""


class PreparedJob(Protocol):
    """A job for which everything is in place that its start needs."""

    dxpy_version: str

    async def start(self, *, is_killed: bool = False) -> None:
        """Start the job; with `is_killed`, its process is killed as it starts. Raises OSError."""

    def explain(self, exit_code: int | None, message: str) -> str:
        """Return the message of a failure, with a hint if its environment may be the reason."""
        ...


class Executor(Protocol):
    """Starts jobs and reports on them, in the asyncio loop in which it was first used."""

    def slots(self) -> int:
        """Return the number of jobs to run at once, without those that wait for other jobs."""
        ...

    def capacity(self) -> int | None:
        """Return the number of jobs that can be there at once, waiting ones included; None if any number."""
        ...

    def expect(self, jobs: int) -> None:
        """Remember the number of jobs that run or could run now, without those that wait for others."""

    def check(self, instances: Mapping[str, Instance]) -> None:
        """Raise UsageError if a job with one of these instance types, by entry point, could never run."""

    async def prepare(self, job: JobDescription) -> PreparedJob:
        """Put everything in place that a job needs.

        Raises JobEnvironmentError, or another DxLocalError or OSError, if that is impossible.
        """
        ...

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
