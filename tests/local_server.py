"""`dx-local serve` in a process of its own, as users start it, and the real `dx` as its client."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.forked import at_start, our_forks, run_dx

from dx_local.engine.service.client_environment import UNSET

if TYPE_CHECKING:
    from tests.forked import Fork
    from typing_extensions import Self

DX_LOCAL = Path(sys.executable).with_name("dx-local")
_DEADLINE_SECONDS = 60


def user_variables(home: Path) -> dict[str, str]:
    """Return the environment of a user who knows no platform, with a home of their own."""
    foreign = {"CI", "NO_COLOR", "TERM", "XDG_STATE_HOME", *UNSET}
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    # The worker environments stay those of the machine: making them takes seconds.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {**kept, "HOME": str(home), "XDG_CACHE_HOME": cache, "PATH": f"{DX_LOCAL.parent}:{kept['PATH']}"}


def processes_in(place: Path) -> list[int]:
    """Return the processes whose current folder lies below place, as that of its jobs does."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if place in folder.joinpath("cwd").readlink().parents:
                found.append(int(folder.name))
    return found


class NotServedError(Exception):
    """A server has ended with this error and exit code, instead of serving."""

    def __init__(self, error: dict[str, Any], exit_code: int) -> None:
        super().__init__(f"exit code {exit_code}: {error}")
        self.error = error
        self.exit_code = exit_code


@dataclass
class LocalServer:
    """A server that is ready; `ready` is the JSON object that it printed, `extra` adds to its variables."""

    home: Path
    options: tuple[str, ...] = ()
    ready: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    """The beginning of the command, such as one that enters another mount namespace."""

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def temporary(self) -> Path:
        """Folder for temporary files of the server and its jobs."""
        folder = self.home / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def __enter__(self) -> Self:
        reader, writer = os.pipe()
        with (self.home / "serve.err").open("ab") as errors:
            self.process = self._start(writer, os.dup(errors.fileno()))
        self._printed = os.fdopen(reader)
        lines = []
        for line in self._printed:
            lines.append(line)
            if line == "}\n":
                break
        self.ready = json.loads("".join(lines))
        if self.ready["error"]:
            raise NotServedError(self.ready["error"], self._ended())
        return self

    def __exit__(self, *_error: object) -> None:
        self.end(signal.SIGTERM)

    def end(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self._ended()

    def _start(self, stdout: int, stderr: int) -> subprocess.Popen[bytes] | Fork:
        variables = {**user_variables(self.home), "TMPDIR": str(self.temporary), **self.extra}
        options = ["serve", "--json", "--state", str(self.state), *self.options]
        streams = os.open(os.devnull, os.O_RDONLY), stdout, stderr
        if not self.prefix and at_start(variables) == at_start(os.environ):
            command = ["-m", "dx_local", *options]
            return our_forks().start(command, variables, Path.cwd(), streams, is_session=True)
        started = subprocess.Popen(
            [*self.prefix, DX_LOCAL, *options],
            stdin=streams[0],
            stdout=stdout,
            stderr=stderr,
            env=variables,
            start_new_session=True,
        )
        for number in streams:
            os.close(number)
        return started

    def _ended(self) -> int:
        """Wait for the end and return the exit code."""
        if not self._printed.closed:
            self._printed.read()
            self._printed.close()
        return self.process.wait(timeout=_DEADLINE_SECONDS)

    @property
    def project(self) -> str:
        project: str = self.ready["project"]
        return project

    @property
    def errors(self) -> str:
        return (self.home / "serve.err").read_text()

    def variables(self) -> dict[str, str]:
        inherited = user_variables(self.home)
        path = f"{self.ready['programs']}:{inherited['PATH']}"
        return {**inherited, **self.ready["variables"], "PATH": path}

    def try_dx(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the real `dx` of the worker environment, to which the first `dx` in PATH leads."""
        programs = Path(self.ready["programs"], "worker", "dx").resolve().parent
        return run_dx(programs, arguments, self.variables(), self.home, stdin)

    def dx(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run the real `dx` and return what it printed; it must succeed."""
        done = self.try_dx(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout.strip()

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start the real `dx` and do not wait for it."""
        return subprocess.Popen(
            ["dx", *arguments],
            env=self.variables(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def post(self, path: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API, which must succeed; a hundred times as quick as `dx`."""
        status, answer = self.try_post(path, request)
        assert status == 200, answer
        return answer

    def try_post(self, path: str, request: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Call the API, and return the status and the answer."""
        variables = self.ready["variables"]
        context = json.loads(variables["DX_SECURITY_CONTEXT"])
        headers = {"Authorization": f"Bearer {context['auth_token']}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", int(variables["DX_APISERVER_PORT"]), timeout=60)
        with closing(connection):
            connection.request("POST", path, json.dumps(request or {}), headers)
            response = connection.getresponse()
            return response.status, json.load(response)

    def describe(self, entity: str) -> dict[str, Any]:
        return self.post(f"/{entity}/describe")

    def new_applet(self, name: str, code: str, **fields: Any) -> str:
        """Make an applet in bash of this code, without inputs or outputs unless fields say so."""
        applet = {
            "project": self.project,
            "name": name,
            "dxapi": "1.0.0",
            "inputSpec": [],
            "outputSpec": [],
            "runSpec": {"interpreter": "bash", "code": code, "distribution": "Ubuntu", "release": "24.04"},
            **fields,
        }
        applet_id: str = self.post("/applet/new", applet)["id"]
        return applet_id

    def run(self, applet: str, **fields: Any) -> str:
        """Start a job of an applet, without input unless fields say so."""
        request = {"project": self.project, "input": {}, **fields}
        job: str = self.post(f"/{applet}/run", request)["id"]
        return job

    def final(self, job: str) -> dict[str, Any]:
        """Return the describe of a job once it has ended."""
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while True:
            described = self.describe(job)
            if described["state"] in {"done", "failed", "terminated"}:
                return described
            assert time.monotonic() < deadline, f"{job} is still {described['state']}"
            time.sleep(0.02)
