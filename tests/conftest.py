"""Fixtures that tests share: a platform with its own clock, and one that is served to the real dxpy."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import textwrap
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import pytest
from tests import examples, route_record
from tests.forked import dxpy_forks, run_dx
from tests.route_record import (  # noqa: F401 - hooks and a fixture of every test
    calls_its_routes,
    pytest_addoption,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)

from dx_local.api.server import Server
from dx_local.engine.environments.python_environments import (
    WorkerEnvironment,
    prepare_environment,
    request_of_python,
)
from dx_local.engine.executors import cgroups
from dx_local.engine.session import Observer, Session, SessionOptions
from dx_local.engine.settings import ISOLATION_VARIABLE, PYTHON_VARIABLE, Isolation, JobSettings
from dx_local.platform.core import access
from dx_local.platform.core.context import DEFAULT_USER, Caller, Context, Platform
from dx_local.platform.data import projects
from dx_local.platform.execution import applets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Self

    from dx_local.api.server import Hooks

JSON = dict[str, Any]
T = TypeVar("T")

# Tests make no control groups on a machine unless they are told where.
os.environ.setdefault(cgroups.VARIABLE, "none")

# The version of Python under which jobs of the tests run, such as 3.8; see `make test-variants`.
TEST_PYTHON = os.environ.get("DX_LOCAL_TEST_PYTHON") or None
if TEST_PYTHON:
    os.environ[PYTHON_VARIABLE] = TEST_PYTHON

# Whether jobs of the tests have sandboxes: if possible, unless the variable says otherwise.
WARM_TOOLS = pytest.mark.skipif(
    os.environ.get("DX_LOCAL_TOOLS") == "plain", reason="this is about warm programs of dxpy, which are off"
)
TEST_ISOLATION = Isolation(os.environ.get(ISOLATION_VARIABLE) or Isolation.AUTO)

START = 1_700_000_000_000  # ms


def pytest_configure(config: pytest.Config) -> None:
    """Choose the number of examples before test files are imported."""
    examples.load_profile(is_whole="not slow" not in config.getoption("markexpr"))
    route_record.pytest_configure(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores, because many tests wait for processes."""
    return len(os.sched_getaffinity(0)) + 1


@dataclass
class Clock:
    """A clock that stands still until told to go on."""

    now: int = START

    def __call__(self) -> int:
        return self.now

    def advance(self, milliseconds: int) -> None:
        self.now += milliseconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(tmp_path: Path, clock: Clock) -> Iterator[Platform]:
    opened = Platform.open(tmp_path / "platform")
    opened.clock = clock
    opened.base_url = "http://127.0.0.1:1"
    yield opened
    opened.store.close()


@pytest.fixture
def context(platform: Platform) -> Context:
    """Return the context of requests of the local user."""
    return Context(platform, Caller(DEFAULT_USER))


@pytest.fixture
def project(context: Context) -> str:
    project_id: str = projects.new(context, "project", {"name": "P"})["id"]
    return project_id


def start_job(context: Context, project: str, /, **granted: Any) -> Context:
    """Start a job of an applet with this `access`, and return what it asks with."""
    run_spec = {"interpreter": "bash", "code": "main() { true; }"}
    applet = {"project": project, "dxapi": "1.0.0", "runSpec": run_spec, "access": granted}
    applet_id = applets.new_applet(context, "applet", applet)["id"]
    job = applets.run_applet(context, applet_id, {"project": project, "input": {}})["id"]
    return Context(context.platform, Caller(context.caller.user, job))


@pytest.fixture
def job_context(context: Context, project: str) -> Context:
    """Return the context of requests of a job with default access."""
    return start_job(context, project)


@pytest.fixture
def new_job(context: Context, project: str) -> Callable[..., Context]:
    """Start jobs with any `access`."""
    return lambda **granted: start_job(context, project, **granted)


@pytest.fixture(scope="session")
def worker_environment() -> WorkerEnvironment:
    request = request_of_python(TEST_PYTHON)
    assert request, f"DX_LOCAL_TEST_PYTHON: this machine has no Python {TEST_PYTHON}"
    return prepare_environment(request, announce=print)


@pytest.fixture
def sandboxed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run jobs in sandboxes, even if the other tests run without; skip if the machine has none."""
    monkeypatch.delenv(ISOLATION_VARIABLE, raising=False)
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")


@pytest.fixture(scope="session")
def sandboxes() -> None:
    """Skip if the tests run without sandboxes; for fixtures of modules, instead of `sandboxed`."""
    if TEST_ISOLATION is Isolation.NONE:
        pytest.skip("sandboxes are turned off")


class Reply(NamedTuple):
    """An answer on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ServedPlatform:
    """A real server on loopback, in a thread of its own as SQLite wants it, and clients for it."""

    folder: Path
    environment: WorkerEnvironment
    hooks: Hooks | None = None
    token: str = ""
    project: str = ""
    url: str = ""
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def inside(self, function: Callable[[Context], T], job: str | None = None) -> T:
        """Call function where the platform lives, in one transaction, as its user or as one of its jobs."""

        async def call() -> T:
            with self._platform.store.transaction():
                return function(Context(self._platform, Caller(DEFAULT_USER, job)))

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def job(self, **granted: Any) -> str:
        """Start a job, which nobody runs, and return its ID."""
        job_id = self.inside(lambda context: start_job(context, self.project, **granted).caller.job)
        assert job_id
        return job_id

    def token_of(self, job: str) -> str:
        return self.inside(lambda context: access.issue_token(context.store, DEFAULT_USER, job))

    def post(self, path: str, request: Any = None, *, token: str | None = None) -> JSON:
        """Call the API and return its answer, which must be a success."""
        reply = self.request("POST", path, json.dumps({} if request is None else request), token=token)
        assert reply.status == 200, reply.body
        answer: JSON = reply.json
        return answer

    def error(self, path: str, request: Any = None, *, token: str | None = None) -> tuple[int, str]:
        """Call the API and return the status and type of its error."""
        reply = self.request("POST", path, json.dumps({} if request is None else request), token=token)
        return reply.status, reply.json["error"]["type"]

    def request(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Reply:
        """Send one request as it is and return the reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        usual = {
            "Authorization": f"Bearer {token or self.token}",
            "Content-Type": "application/json",
        }
        connection.request(method, path.removeprefix(self.url), body, {**usual, **(headers or {})})
        response = connection.getresponse()
        reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return reply

    def variables(self, job: str | None = None) -> dict[str, str]:
        """Return the environment of a client: a terminal's of the user, or the one inside a job."""
        token = self.token_of(job) if job else self.token
        variables = {
            "DX_APISERVER_PROTOCOL": "http",
            "DX_APISERVER_HOST": "127.0.0.1",
            "DX_APISERVER_PORT": str(self.port),
            "DX_SECURITY_CONTEXT": json.dumps({"auth_token_type": "Bearer", "auth_token": token}),
            "DX_PROJECT_CONTEXT_ID": self.project,
            "DX_CLI_WD": "/",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self.environment.bin}:{os.environ['PATH']}",
        }
        if job:
            variables["DX_JOB_ID"] = job
            variables["DX_WORKSPACE_ID"] = self.inside(
                lambda context: context.store.value("SELECT workspace FROM job WHERE id = ?", job)
            )
        return variables

    def dx(self, *arguments: str, job: str | None = None) -> str:
        """Run the real `dx` and return what it printed; it must succeed."""
        done = self.try_dx(*arguments, job=job)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def try_dx(self, *arguments: str, job: str | None = None) -> subprocess.CompletedProcess[str]:
        return run_dx(self.environment.bin, arguments, self.variables(job), self.folder)

    def dxpy(self, code: str, *values: Any, job: str | None = None) -> Any:
        """Run code with the real dxpy, where `values` are `v`, and return what it left in `result`."""
        program = (
            "import json, sys, dxpy\nv = json.loads(sys.argv[1])\nresult = None\n"
            f"{code}\nprint('\\n' + json.dumps(result))"
        )
        command = ["-c", program, json.dumps(values)]
        done = dxpy_forks(self.environment.python).run(command, self.variables(job), self.folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    async def _open(self) -> None:
        self._platform = Platform.open(self.folder / "platform")
        with self._platform.store.transaction():
            self.token = access.issue_token(self._platform.store, DEFAULT_USER)
            user = Context(self._platform, Caller(DEFAULT_USER))
            self.project = projects.new(user, "project", {"name": "P"})["id"]
        self._server = Server(self._platform, hooks=self.hooks)
        await self._server.__aenter__()
        self.url, self.port = self._server.url, self._server.port

    async def _close(self) -> None:
        await self._server.__aexit__(None, None, None)
        self._platform.store.close()


@dataclass
class RunningPlatform(ServedPlatform):
    """A platform that also runs the jobs that its clients start, in a session as `dx-local` opens it."""

    options: dict[str, Any] = field(default_factory=dict)

    def run(self, code: str, interpreter: str, job_input: JSON, **fields: Any) -> str:
        """Run code as the job of a new applet, and return the job's ID once it has ended."""
        run_spec = {"interpreter": interpreter, "code": code, "distribution": "Ubuntu", "release": "24.04"}
        applet = self.post(
            "/applet/new", {"project": self.project, "dxapi": "1.0.0", "runSpec": run_spec, **fields}
        )
        request = {"project": self.project, "input": job_input}
        job: str = self.post(f"/{applet['id']}/run", request)["id"]
        ended = self._session.driver.until_final(job)
        asyncio.run_coroutine_threadsafe(ended, self._loop).result(60)
        return job

    async def _open(self) -> None:
        settings = {"max_parallel": 4, "isolation": TEST_ISOLATION, **self.options}
        options = SessionOptions(self.folder / "platform", JobSettings(**settings))
        self._session = Session(options, Observer())
        await self._session.__aenter__()
        self._platform = self._session.platform
        with self._platform.store.transaction():
            self.token = access.issue_token(self._platform.store, DEFAULT_USER)
        self.project = self._session.project()
        self.url = self._platform.base_url
        self.port = int(self.url.rpartition(":")[2])

    async def _close(self) -> None:
        await self._session.__aexit__(None, None, None)


@pytest.fixture
def served(tmp_path: Path, worker_environment: WorkerEnvironment) -> Iterator[ServedPlatform]:
    with ServedPlatform(tmp_path, worker_environment) as platform:
        yield platform


@pytest.fixture(scope="module")
def served_to_module(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[ServedPlatform]:
    """One platform for all tests of a module, which must not get into each other's way."""
    with ServedPlatform(tmp_path_factory.mktemp("served"), worker_environment) as platform:
        yield platform


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[RunningPlatform]:
    """One platform that runs jobs, for all tests of a module."""
    with RunningPlatform(tmp_path_factory.mktemp("running"), worker_environment) as platform:
        yield platform


@pytest.fixture
def serve_with(
    tmp_path: Path, worker_environment: WorkerEnvironment
) -> Iterator[Callable[[Hooks], ServedPlatform]]:
    """Serve a platform with hooks."""
    with ExitStack() as stack:
        yield lambda hooks: stack.enter_context(ServedPlatform(tmp_path, worker_environment, hooks))


def write_app(folder: Path, code: str, spec: JSON) -> Path:
    """Write an app's folder whose dxapp.json has all that a real one has, changed as spec says."""
    interpreter = spec.pop("interpreter", "python3")
    run_spec = spec.pop("runSpec", {})
    source = f"src/{folder.name}.{'sh' if interpreter == 'bash' else 'py'}"
    whole = {
        "name": folder.name,
        "title": folder.name,
        "summary": "An app of a test",
        "dxapi": "1.0.0",
        "version": "0.0.1",
        **spec,
        "runSpec": {
            "interpreter": interpreter,
            "file": source,
            "distribution": "Ubuntu",
            "release": "24.04",
            "version": "0",
            "timeoutPolicy": {"*": {"hours": 1}},
            **run_spec,
        },
    }
    (folder / "src").mkdir(parents=True)
    (folder / "dxapp.json").write_text(json.dumps(whole), encoding="utf-8")
    (folder / source).write_text(textwrap.dedent(code), encoding="utf-8")
    return folder


def io_spec(classes: dict[str, str]) -> list[JSON]:
    """Return the specification of inputs or outputs by class; `?` after a class makes it optional."""
    return [
        {"name": name, "class": text.removesuffix("?"), **({"optional": True} if text.endswith("?") else {})}
        for name, text in classes.items()
    ]


class MakeApp(Protocol):
    """Writes the folder of an app out of its code and parts of its dxapp.json."""

    def __call__(
        self,
        code: str,
        *,
        inputs: dict[str, str] | None = None,
        outputs: dict[str, str] | None = None,
        name: str = "app",
        **spec: Any,
    ) -> Path: ...


def _maker(folder: Path) -> MakeApp:
    def make(
        code: str,
        *,
        inputs: dict[str, str] | None = None,
        outputs: dict[str, str] | None = None,
        name: str = "app",
        **spec: Any,
    ) -> Path:
        spec.setdefault("inputSpec", io_spec(inputs or {}))
        spec.setdefault("outputSpec", io_spec(outputs or {}))
        return write_app(folder / name, code, spec)

    return make


@pytest.fixture
def make_app(tmp_path: Path) -> MakeApp:
    """Write apps, in Python unless `interpreter` says otherwise."""
    return _maker(tmp_path)


@pytest.fixture(scope="module")
def make_module_app(tmp_path_factory: pytest.TempPathFactory) -> MakeApp:
    """Write apps, of different names, for all tests of a module."""
    return _maker(tmp_path_factory.mktemp("apps"))
