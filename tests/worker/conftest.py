"""The workshop: a real executor in an event loop of its own, which runs jobs without a platform."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import TEST_ISOLATION

import dx_local.worker
from dx_local.engine.environments.tool_client import native_client
from dx_local.engine.executors.job_folder import JobFolder, deliver_home, home_files, make_job_folder
from dx_local.engine.executors.local import LocalExecutor
from dx_local.engine.executors.protocol import Callbacks, JobExit, Launch, LogLine
from dx_local.engine.settings import Isolation, JobSettings
from dx_local.worker.sandbox.host_folders import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import ServedPlatform

    from dx_local.engine.environments.python_environments import WorkerEnvironment

WITHOUT_PLATFORM = "\ndxpy.utils.exec_utils.RUN_COUNT = 1\n"
"""Python code that keeps the template from calling dxpy.run(), which sends requests to the API server."""


@dataclass
class Ended:
    """A job that has ended."""

    job_id: str
    code: int | None
    folder: JobFolder
    lines: list[LogLine]
    end: JobExit
    home: str
    """The path of its home as the job sees it."""

    def said(self, level: str = "STDOUT") -> list[str]:
        return [line.message for line in self.lines if line.level == level]


class Workshop:
    """Starts jobs on one executor and waits for them."""

    def __init__(
        self,
        folder: Path,
        environment: WorkerEnvironment,
        **settings: Any,
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = folder
        self.environment = environment
        self.announced: list[str] = []
        self._isolation = settings.setdefault("isolation", TEST_ISOLATION)
        self.executor = self.make_executor(
            JobSettings(**settings), Callbacks(self._on_log, self._on_exit, self.announced.append)
        )
        self._lines: list[LogLine] = []
        self._news = asyncio.Event()
        self._ends: dict[str, asyncio.Future[JobExit]] = {}
        self._numbers = count(1)

    def make_executor(self, settings: JobSettings, callbacks: Callbacks) -> Any:
        return LocalExecutor(settings, None, callbacks)

    @property
    def is_isolated(self) -> bool:
        """True if the jobs so far ran in sandboxes."""
        return self._isolation is not Isolation.NONE and not self.announced

    @property
    def no_sandbox_reason(self) -> str:
        """The reason why jobs ran without sandboxes."""
        return next(iter(self.announced), "sandboxes are turned off")

    def start(
        self,
        code: str,
        interpreter: str = "python3",
        *,
        function: str = "main",
        job_input: dict[str, Any] | None = None,
        executable: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        environment: WorkerEnvironment | None = None,
        platform: bool = False,
        layers: Sequence[Path] = (),
        visible_paths: Sequence[Path] = (),
        source: Path | None = None,
        **more: Any,
    ) -> str:
        job_id = (variables or {}).get("DX_JOB_ID") or f"job-{next(self._numbers):024d}"
        code += WITHOUT_PLATFORM if interpreter == "python3" and not platform else ""
        folder = make_job_folder(self.folder, f"{function}-{job_id}")
        files = home_files(
            job={"id": job_id, "function": function},
            executable=json.dumps(executable or {"id": "applet-xxxx"}),
            job_input=job_input or {},
            run_spec={"code": code, "interpreter": interpreter},
        )
        deliver_home(folder, files)
        worker = environment or self.environment
        launch = Launch(
            job_id,
            function,
            interpreter,
            str(folder.path),
            str(worker.python),
            str(worker.bin),
            {"DX_JOB_ID": job_id, **(variables or {})},
            tool_client=str(worker.tool_client) if worker.tool_client else None,
            source=str(source) if source else None,
            layers=tuple(map(str, layers)),
            visible_paths=tuple(map(str, visible_paths)),
            **more,
        )
        self._ends[job_id] = self.loop.create_future()
        self.loop.run_until_complete(self.begin_launch(launch))
        return job_id

    async def begin_launch(self, launch: Launch) -> None:
        await self.executor.start(launch)

    def wait(self, job_id: str) -> Ended:
        end = self.loop.run_until_complete(asyncio.wait_for(self._ends[job_id], 60))
        (path,) = self.folder.glob(f"*{job_id}")
        lines = [line for line in self._lines if line.job_id == job_id]
        home = HOME if self.is_isolated else str(path / "home")
        return Ended(job_id, end.exit_code, JobFolder(path), lines, end, home)

    def wait_for_line(self, job_id: str, text: str) -> None:
        """Run the loop until the job has printed a line."""

        async def said() -> None:
            while not any(line.job_id == job_id and line.message == text for line in self._lines):
                self._news.clear()
                await self._news.wait()

        self.loop.run_until_complete(asyncio.wait_for(said(), 60))

    def run(self, code: str, interpreter: str = "python3", **more: Any) -> Ended:
        return self.wait(self.start(code, interpreter, **more))

    def run_on(self, served: ServedPlatform, code: str, interpreter: str = "python3", **more: Any) -> Ended:
        """Run code as a job of a served platform, with a new job unless the caller passes `job_id`."""
        job_id = more.pop("job_id", None) or served.job()
        names = served.variables(job_id)
        variables = {name: value for name, value in names.items() if name.startswith("DX_")}
        return self.run(code, interpreter, platform=True, variables=variables, **more)

    def close(self) -> None:
        self.loop.run_until_complete(asyncio.wait_for(self.executor.close(), 60))

    def _on_log(self, line: LogLine) -> None:
        self._lines.append(line)
        self._news.set()

    def _on_exit(self, job_id: str, end: JobExit) -> None:
        self._ends[job_id].set_result(end)


@pytest.fixture(scope="session")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[Workshop]:
    """One executor for all tests that do not damage it."""
    shop = Workshop(tmp_path_factory.mktemp("jobs"), worker_environment)
    yield shop
    shop.close()
    shop.loop.close()


@pytest.fixture
def isolated(workshop: Workshop) -> Workshop:
    """The workshop, if this machine supports sandboxes."""
    workshop.run("main() { :; }", "bash")
    if not workshop.is_isolated:
        pytest.skip(workshop.no_sandbox_reason)
    return workshop


@pytest.fixture(scope="session")
def bare_workshop(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[Workshop]:
    """A workshop whose jobs run without a sandbox."""
    shop = Workshop(tmp_path_factory.mktemp("jobs"), worker_environment, isolation=Isolation.NONE)
    yield shop
    shop.close()
    shop.loop.close()


@pytest.fixture(scope="session")
def forking_workshop(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[Workshop]:
    """A workshop whose bash jobs are forked by the zygote, as jobs in Python are."""
    shop = Workshop(tmp_path_factory.mktemp("jobs"), worker_environment)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DX_LOCAL_JOB_START", "fork")
        shop.run("main() { :; }", "bash")  # the first job starts the zygote
    yield shop
    shop.close()
    shop.loop.close()


@pytest.fixture
def own_workshop(tmp_path: Path, worker_environment: WorkerEnvironment) -> Iterator[Workshop]:
    """An executor for tests that break or close it."""
    shop = Workshop(tmp_path, worker_environment)
    yield shop
    shop.close()
    shop.loop.close()


def zygotes_of(shop: Workshop) -> list[int]:
    """Return the zygote's process, preceded by the one that the executor started if that is another."""
    (zygote,) = shop.executor._zygotes.values()
    outer = zygote._process.pid
    if not shop.is_isolated:
        return [outer]
    return [outer, *map(int, Path(f"/proc/{outer}/task/{outer}/children").read_text().split())]


class Sleep:
    """A command for jobs to run, whose argument identifies it among all processes of this machine."""

    def __init__(self) -> None:
        self._argument = f"86400.{secrets.randbelow(10**9):09}"
        self.command = f"sleep {self._argument}"

    def pids(self) -> list[int]:
        """Return the IDs, outside of sandboxes, of the processes that run it."""
        wanted = f"sleep\0{self._argument}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                found += [int(path.parent.name)] if path.read_bytes() == wanted else []
        return found

    def runs(self, times: int, within_seconds: float = 10) -> bool:
        """Return whether this number of processes run it, now or soon."""
        end = time.monotonic() + within_seconds
        while len(self.pids()) != times and time.monotonic() < end:
            time.sleep(0.02)
        return len(self.pids()) == times

    def has_ended(self) -> bool:
        """Return whether no process runs it, now or soon."""
        return self.runs(0)


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


def is_gone(pid: int, within_seconds: float = 10) -> bool:
    """Return whether a process has ended, or ends soon."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within_seconds)[0])
    finally:
        os.close(process)


@pytest.fixture
def gone() -> Any:
    return is_gone


NOBODY = 65534
_PYTHON = "/usr/bin/python3"
RUNTIME = Path(dx_local.worker.__file__).parents[2]

# Runs bash scripts one after another, each as a job, and ends with the exit code of the last that fails.
# Every other job is forked, the rest starts without a fork if there is a library for that.
_IN_SANDBOXES = """
import ctypes, json, os, sys
sys.path.insert(0, sys.argv[1])
from dx_local.worker.job import Job
from dx_local.worker.process.spawn import PreparedStart, ProgramStart
from dx_local.worker.sandbox import mounts
from dx_local.worker.sandbox.manager import SandboxManager
from dx_local.worker.sandbox.trial import check_support

folder = sys.argv[2]
assert check_support(folder) is None
sandboxes = SandboxManager(folder, "box", has_pid_namespace=True)
os.makedirs(f"{folder}/job/home")
job = Job("job-x", "main", "bash", f"{folder}/job/home", None, {}, "",
          tuple(sys.argv[5:]), f"{folder}/job-x", {}, shows_changes=True)
library = ctypes.PyDLL(sys.argv[4]) if sys.argv[4] else None
code = 0
for number, script in enumerate(json.loads(sys.argv[3])):
    inside, sandbox = sandboxes.take(job)
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    variables = {"PATH": path, "HOME": inside.home, **inside.variables}
    command = ["bash", "-e", "-c", script]
    fork = os.fork
    if library and number % 2:
        namespaces = [call.arguments for call in sandbox.entry_calls()]
        program = ProgramStart(namespaces, 1, 2, None, inside.home, command, variables)
        fork = PreparedStart(library, program)
    pid = sandboxes.pool.fork(sandbox, fork)
    if pid == 0:
        mounts.perform(sandbox.entry_calls())
        os.setsid()
        os.chdir(inside.home)
        os.execve("/bin/bash", command, variables)
    _, status = os.waitpid(pid, 0)
    if status:
        code = status >> 8 or 1
        print("failed:", script, file=sys.stderr)
    leftover = sandboxes.pool.leftover_bytes(sandbox)
    remover = sandboxes.pool.release(
        sandbox, leftover=leftover, has_no_process=sandbox.init.has_no_orphans()
    )
    if remover:
        os.waitpid(remover, 0)
sandboxes.close()
sys.exit(code)
"""


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder of an ordinary user, inside one that all users may enter."""
    if os.getuid() != 0 or not Path(_PYTHON).exists() or not shutil.which("setpriv"):
        pytest.skip("takes root, to become an ordinary user; for ordinary users the other tests do the same")
    folder = Path(tempfile.mkdtemp())
    try:
        os.chown(folder, NOBODY, NOBODY)
    except OSError as error:
        folder.rmdir()
        pytest.skip(f"this root is not root of other users: {error}")
    yield folder
    shutil.rmtree(folder)


def by_nobody(folder: Path, *scripts: str, layers: Sequence[Path] = ()) -> subprocess.CompletedProcess[str]:
    """Run scripts in sandboxes of an ordinary user; return their output and exit code."""
    with tempfile.TemporaryDirectory() as cache:
        Path(cache).chmod(0o755)
        client = native_client(Path(cache))
        library = client.with_suffix(".so") if client else ""
        return run_by_nobody(_IN_SANDBOXES, folder, json.dumps(scripts), library, *layers)


def run_by_nobody(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a Python program as an ordinary user; its first argument is the folder of our packages."""
    command = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    return subprocess.run(
        [*command, _PYTHON, "-I", "-c", program, RUNTIME, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
