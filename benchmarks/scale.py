"""Compare the time of searches and lists in a project of 100,000 files with that in one of 1,000.

`make bench-scale` prints a table in Markdown. Both projects contain the same folder of 1,000 files with the
same 20 `*.bam` files; the large one has 99,000 other files. Each project has an HTTP server of its own. Calls
to both alternate, so that other load on the machine affects them alike. Commands of the real `dx` come last.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.api.server import Server
from dx_local.engine.environments.python_environments import EnvironmentRequest, prepare_environment
from dx_local.platform.core import access
from dx_local.platform.core.context import DEFAULT_USER, Caller, Context, Platform
from dx_local.platform.data import objects, projects

if TYPE_CHECKING:
    from typing_extensions import Self

SMALL, LARGE = 1_000, 100_000
ROUNDS = 15
ROUNDS_OF_COMMANDS = 5
JSON = dict[str, Any]

_SHOWN = {"fields": {"name": True, "folder": True, "modified": True, "state": True, "size": True}}
CALLS: dict[str, tuple[str, JSON]] = {
    "find by `*.bam`": ("findDataObjects", {"name": {"glob": "*.bam"}, "describe": _SHOWN}),
    "find by `sample_00001*`": ("findDataObjects", {"name": {"glob": "sample_00001*"}, "describe": _SHOWN}),
    "find by whole name": ("findDataObjects", {"name": "sample_0000500.bam"}),
    "find in a folder of 1,000": ("findDataObjects", {"scope": {"folder": "/runs/0"}, "limit": 1000}),
    "find the newest 100": ("findDataObjects", {"limit": 100, "describe": _SHOWN}),
    "find by class": ("findDataObjects", {"class": "record"}),
    "resolve a name": (
        "resolveDataObjects",
        {"objects": [{"name": "sample_0000500.bam", "folder": "/runs/0"}]},
    ),
    "list a folder of 1,000": ("listFolder", {"folder": "/runs/0", "describe": _SHOWN}),
    "list the root": ("listFolder", {"folder": "/"}),
    "find by regexp": ("findDataObjects", {"name": {"regexp": "0500\\.bam$"}}),
    "find by property": ("findDataObjects", {"properties": {"sample": "500"}}),
    "find by tag": ("findDataObjects", {"tags": "rare"}),
}


COMMANDS = {
    "`dx find data --name '*.bam'`": ["find", "data", "--name", "*.bam"],
    "`dx ls -l` of a folder of 1,000": ["ls", "-l", "/runs/0"],
    "`dx pwd`": ["pwd"],
}


@dataclass
class Served:
    """A project with a number of files, on a server in a thread, and a connection to the server."""

    size: int
    folder: Path
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __enter__(self) -> Self:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        self._connection = http.client.HTTPConnection("127.0.0.1", self._server.port)
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _open(self) -> None:
        self._platform = Platform.open(self.folder)
        context = Context(self._platform, Caller(DEFAULT_USER))
        with self._platform.store.transaction():
            self._token = access.issue_token(self._platform.store, DEFAULT_USER)
            self._project = projects.new(context, "project", {"name": "P"})["id"]
            for number in range(self.size):
                create(context, self._project, number)
        self._server = Server(self._platform)
        await self._server.__aenter__()

    async def _close(self) -> None:
        await self._server.__aexit__(None, None, None)
        self._platform.store.close()

    def time(self, name: str) -> int:
        """Make a call once, record its time, and return the number of results."""
        method, request = CALLS[name]
        if method == "findDataObjects":
            subject = "system"
            request = {**request, "scope": {"project": self._project, **request.get("scope", {})}}
        elif method == "listFolder":
            subject = self._project
        else:
            subject, request = "system", {**request, "project": self._project}
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        began = time.perf_counter()
        self._connection.request("POST", f"/{subject}/{method}", json.dumps(request), headers)
        response = self._connection.getresponse()
        answer = json.load(response)
        self.seconds[name].append(time.perf_counter() - began)
        if response.status != 200:
            sys.exit(f"{name}: {answer}")
        return len(answer["results"] if "results" in answer else answer["objects"])

    def time_command(self, name: str, dx: Path) -> int:
        """Run a command once, record its time, and return the number of lines that it printed."""
        variables = {
            **os.environ,
            "DX_APISERVER_PROTOCOL": "http",
            "DX_APISERVER_HOST": "127.0.0.1",
            "DX_APISERVER_PORT": str(self._server.port),
            "DX_SECURITY_CONTEXT": json.dumps({"auth_token_type": "Bearer", "auth_token": self._token}),
            "DX_PROJECT_CONTEXT_ID": self._project,
            "DX_CLI_WD": "/",
            "HOME": str(self.folder),
        }
        began = time.perf_counter()
        done = subprocess.run(
            [dx, *COMMANDS[name]], env=variables, check=True, capture_output=True, text=True
        )
        self.seconds[name].append(time.perf_counter() - began)
        return len(done.stdout.splitlines())


def create(context: Context, project: str, number: int) -> None:
    """Create the file of a number; each folder has 1,000 files, and the first one has 20 BAM files."""
    ending = "bam" if number < SMALL and number % 50 == 0 else "txt"
    request = {
        "project": project,
        "name": f"sample_{number:07}.{ending}",
        "folder": f"/runs/{number // SMALL}",
        "parents": True,
        "properties": {"sample": str(number), "lane": str(number % 8)},
        "tags": ["rare"] if number in {3, 5} else ["common"],
    }
    media = {"media": "text/plain", "size": number}
    objects.create(context, "file", request, fields=media, state="closed")


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="dx-bench-") as name:
        folder = Path(name)
        with Served(SMALL, folder / "small") as small, Served(LARGE, folder / "large") as large:
            results = {}
            for round_ in range(ROUNDS + 1):
                for call in CALLS:
                    results[call] = (small.time(call), large.time(call))
                if round_ == 0:  # this round has filled the caches
                    small.seconds.clear()
                    large.seconds.clear()
            dx = prepare_environment(EnvironmentRequest(), announce=print).bin / "dx"
            for _ in range(ROUNDS_OF_COMMANDS):
                for command in COMMANDS:
                    results[command] = (small.time_command(command, dx), large.time_command(command, dx))
            print(f"| call | results | ms at {SMALL:,} files | ms at {LARGE:,} | ratio |")
            print("|---|---|---|---|---|")
            for call, counts in results.items():
                few, many = (1000 * statistics.median(each.seconds[call]) for each in (small, large))
                found = " / ".join(str(count) for count in dict.fromkeys(counts))
                print(f"| {call} | {found} | {few:.1f} | {many:.1f} | {many / few:.2f} |")


if __name__ == "__main__":
    main()
