"""Give commands a disk with ever more free space until they succeed: each try ends in time and says why.

Slow: `pytest tests/attack -s` prints how each try ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.local_server import DX_LOCAL, LocalServer, NotServedError, user_variables
from tests.small_disk import SmallDisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = 16 << 20
STEP = 256 << 10
MOST_FREE = 8 << 20
"""The free space with which each command must succeed at last."""
DEADLINE_SECONDS = 20
"""Time limit of each try."""
DISK_FULL = 6
"""The exit code of all commands on a full disk."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

RECORDS = 20
QUICK = "main() { head -c 100000 /dev/zero > f; dx-jobutil-add-output n 7 --class int; }"
GENERATE = ("app", "--language", "bash", "--template", "basic", "--no-input")


def disks(place: Path, prepare: Callable[[SmallDisk], None] = lambda _: None) -> Iterator[SmallDisk]:
    """Yield prepared disks, each with a step more of free space than the last, until the test has enough."""
    for free in range(0, MOST_FREE, STEP):
        home = place / f"with-{free}"
        with SmallDisk(home / "disk", SIZE) as disk:
            prepare(disk)
            disk.leave(free)
            print(f"  {free >> 10} KiB free:", end=" ")
            yield disk
        assert orphans_of(home) == []
    pytest.fail(f"{MOST_FREE} free bytes are not enough")


def orphans_of(place: Path) -> list[Path]:
    """Return the processes that know a folder by their environment, command line or current folder."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while found := [process for process in Path("/proc").glob("[0-9]*") if _knows(process, place)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return found


def _knows(process: Path, place: Path) -> bool:
    with suppress(OSError):
        said = process.joinpath("environ").read_bytes() + process.joinpath("cmdline").read_bytes()
        return os.fsencode(f"{place}/") in said + os.fsencode(process.joinpath("cwd").readlink())
    return False


def run(disk: SmallDisk, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command on the disk, which must end in time."""
    home = disk.folder.parent
    return subprocess.run(
        [*disk.prefix, *command],
        env={**user_variables(home), "MARK_OF_THE_TEST": f"{home}/"},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def check_refusal(disk: SmallDisk, done: subprocess.CompletedProcess[str]) -> None:
    """Hold that a command failed for the full disk, and named the folder and a remedy."""
    assert done.returncode == DISK_FULL, done.stderr + done.stdout
    answer = json.loads(done.stdout)
    error, failure = answer["error"], answer.get("failure")
    if error:
        assert error["code"] == "disk-full"
        assert "Free some space" in error["hint"]
    else:
        assert failure["reason"] == "AppInsufficientResourceError"
        assert "Free some space" in failure["message"]
    assert str(disk.folder) in (error or failure)["message"]
    print((error or failure)["message"].splitlines()[-1])


def test_run(tmp_path: Path, make_app: Callable[..., Path]) -> None:
    app = make_app(QUICK, name="quick", outputs={"n": "int"}, interpreter="bash")
    for disk in disks(tmp_path):
        done = run(disk, DX_LOCAL, "run", app, "--workspace-path", disk.folder / "run", "--json", "-q")
        if done.returncode == 0:
            assert json.loads(done.stdout)["output"] == {"n": 7}
            return
        check_refusal(disk, done)


def test_generate(tmp_path: Path) -> None:
    for disk in disks(tmp_path):
        wizard = (sys.executable, "-m", "dx_app_wizard", "--json")
        done = run(disk, *wizard, *GENERATE, "--output-dir", disk.folder)
        names = {path.name for path in disk.seen_from_outside.iterdir()} - {"filler"}
        if done.returncode == 0:
            assert names == {"app"}
            return
        check_refusal(disk, done)
        assert names == set()


def test_update(tmp_path: Path) -> None:
    wizard = (sys.executable, "-m", "dx_app_wizard", "--json")

    def generate(disk: SmallDisk) -> None:
        assert run(disk, *wizard, *GENERATE, "--output-dir", disk.folder).returncode == 0

    for disk in disks(tmp_path, generate):
        before = _files_of(disk)
        done = run(disk, *wizard, "--update", disk.folder / "app", "--set", "summary=changed")
        if done.returncode == 0:
            assert _files_of(disk) != before
            return
        check_refusal(disk, done)
        assert _files_of(disk) == before


def test_serve(tmp_path: Path) -> None:
    for disk in disks(tmp_path):
        acknowledged: list[str] = []
        began = time.monotonic()
        refused = _serve(disk, acknowledged)
        assert time.monotonic() - began < DEADLINE_SECONDS
        if isinstance(refused, NotServedError):
            assert refused.exit_code == DISK_FULL, refused
            assert refused.error["code"] == "disk-full"
            assert str(disk.folder) in refused.error["message"]
            assert "--state" in refused.error["hint"]
        disk.empty()
        with _server(disk) as server:
            assert [record for record in acknowledged if server.describe(record)["id"] != record] == []
            assert server.try_post("/record/new", {"project": server.project})[0] == 200
        assert "Traceback" not in server.errors
        print(f"{refused or 'all done'}; {len(acknowledged)} records acknowledged and found again")
        if refused is None:
            return


def _server(disk: SmallDisk) -> LocalServer:
    return LocalServer(disk.folder.parent, ("--state", str(disk.folder / "state")), prefix=disk.prefix)


def _serve(disk: SmallDisk, acknowledged: list[str]) -> NotServedError | str | None:
    """Serve, work and end the server; return why it was refused or what it refused, or None."""
    try:
        with _server(disk) as server:
            refused = _work(server, disk, acknowledged)
            assert server.end(signal.SIGTERM) == 128 + signal.SIGTERM
    except NotServedError as error:
        return error
    return refused


def _work(server: LocalServer, disk: SmallDisk, acknowledged: list[str]) -> str | None:
    """Make records, which are noted, and run a job; return what was refused or failed for want of space."""

    def post(path: str, request: dict[str, Any]) -> str | None:
        status, answer = server.try_post(path, request)
        if status == 200:
            return str(answer["id"])
        assert (status, answer["error"]["type"]) == (422, "InsufficientStorage")
        assert str(disk.folder) in answer["error"]["message"]
        return None

    for _ in range(RECORDS):
        details = {"text": "x" * 20_000}
        record = post("/record/new", {"project": server.project, "details": details})
        if record is None:
            return "a record was refused"
        acknowledged.append(record)
    run_spec = {"interpreter": "bash", "distribution": "Ubuntu", "release": "24.04", "code": "main() { :; }"}
    applet = post("/applet/new", {"project": server.project, "dxapi": "1.0.0", "runSpec": run_spec})
    job = applet and post(f"/{applet}/run", {"project": server.project, "input": {}})
    if not job:
        return "a job was refused"
    ended = server.final(job)
    if ended["state"] == "done":
        return None
    assert ended["failureReason"] == "AppInsufficientResourceError", ended
    return "a job failed"


def _files_of(disk: SmallDisk) -> dict[str, bytes]:
    app = disk.seen_from_outside / "app"
    return {str(path.relative_to(app)): path.read_bytes() for path in app.rglob("*") if path.is_file()}
