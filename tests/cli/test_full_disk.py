"""Commands on a full disk: they end, name the folder and the remedy, and record the outcome."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.local_server import DX_LOCAL, LocalServer, user_variables
from tests.small_disk import SmallDisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SIZE = 8 << 20
_SECONDS = 30
FILLS = "main() { echo hello; cat /dev/zero > big; }"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk at the place where servers of the test keep their state."""
    with SmallDisk(tmp_path / "state", _SIZE) as disk:
        yield disk


def run(
    disk: SmallDisk, *command: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*disk.prefix, *command],
        env=env or user_variables(disk.folder.parent),
        cwd=disk.folder.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def dx_local(disk: SmallDisk, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(disk, DX_LOCAL, *arguments)


@pytest.fixture
def filling_app(make_app: Callable[..., Path]) -> Path:
    """An app whose job fills the disk of its home."""
    return make_app(FILLS, name="fills", interpreter="bash")


def test_a_job_that_fills_the_disk_fails_with_its_reason(disk: SmallDisk, filling_app: Path) -> None:
    workspace = disk.folder / "run"
    done = dx_local(disk, "run", filling_app, "--workspace-path", workspace, "--json", "-q")
    assert done.returncode == 6
    failure = json.loads(done.stdout)["failure"]
    assert failure["reason"] == "AppInsufficientResourceError"
    assert "No space left on device" in failure["message"]
    assert f"The disk of {str(workspace)!r} is full" in failure["message"]
    assert "--workspace-path" in failure["message"]
    assert not (disk.seen_from_outside / "run" / "dx-local.reserve").exists()


@pytest.mark.parametrize("free", [0, 1 << 20])
def test_a_run_without_space_to_begin_leaves_nothing(disk: SmallDisk, filling_app: Path, free: int) -> None:
    disk.leave(free)
    done = dx_local(disk, "run", filling_app, "--workspace-path", disk.folder / "run", "--json")
    assert done.returncode == 6
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "disk-full"
    assert str(disk.folder) in error["message"]
    assert "--workspace-path" in error["hint"]
    assert [path.name for path in disk.seen_from_outside.iterdir()] == ["filler"]


def test_outputs_without_space_are_not_taken_for_a_bug(
    disk: SmallDisk, make_app: Callable[..., Path], tmp_path: Path
) -> None:
    app = make_app(
        "main() { dx-jobutil-add-output f $(head -c 300000 /dev/zero | dx upload - --brief --wait); }",
        name="writes",
        interpreter="bash",
        outputs={"f": "file"},
    )
    disk.leave(0)
    done = dx_local(
        disk, "run", app, "--workspace-path", tmp_path / "run", "--out", disk.folder / "out", "--json"
    )
    assert done.returncode == 6
    error = json.loads(done.stdout)["error"]
    assert (error["code"], str(disk.folder) in error["message"]) == ("disk-full", True)
    assert "--out" in error["hint"]
    assert (tmp_path / "run" / "platform.sqlite").stat().st_size > 0


def test_a_new_state_without_space_is_not_to_be_started_fresh(disk: SmallDisk) -> None:
    disk.leave(0)
    state = disk.folder / "new"
    done = dx_local(disk, "serve", "--state", state, "--json")
    assert done.returncode == 6
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "disk-full"
    assert str(state) in error["message"]
    assert "--state" in error["hint"]
    assert "--fresh" not in done.stdout + done.stderr
    disk.empty()
    with LocalServer(disk.folder.parent, ("--state", str(state)), prefix=disk.prefix) as server:
        server.post("/file/new", {"project": server.project})


def test_a_server_records_what_a_full_disk_ended_and_goes_on(disk: SmallDisk) -> None:
    with LocalServer(disk.folder.parent, prefix=disk.prefix) as server:
        applet = server.new_applet("fills", FILLS)
        failed = server.final(server.run(applet))
        assert failed["failureReason"] == "AppInsufficientResourceError"
        assert str(disk.folder) in failed["failureMessage"]
        status, answer = _write_until_refused(server)
        assert (status, answer["error"]["type"]) == (422, "InsufficientStorage")
        assert str(disk.folder) in answer["error"]["message"]
        for big in disk.seen_from_outside.glob("jobs/*/home/big"):
            big.unlink()
        assert server.final(server.run(server.new_applet("quick", "main() { true; }")))["state"] == "done"
        _wait_for(disk.seen_from_outside / "dx-local.reserve")


def test_a_job_terminated_on_a_full_disk_does_not_stay_terminating(disk: SmallDisk) -> None:
    with LocalServer(disk.folder.parent, prefix=disk.prefix) as server:
        job = server.run(server.new_applet("sleeps", "main() { echo begun; sleep 600; }"))
        _wait_for(disk.seen_from_outside / "jobs" / f"main-{job}" / "home" / "job_input.json")
        server.post(f"/{job}/terminate")
        disk.leave(0)
        assert server.final(job)["state"] == "terminated"


def test_a_job_that_goes_on_filling_the_disk_can_be_terminated(disk: SmallDisk) -> None:
    code = "main() { while true; do cat /dev/zero >> big || sleep 0.01; done; }"
    with LocalServer(disk.folder.parent, prefix=disk.prefix) as server:
        job = server.run(server.new_applet("fills", code))
        _wait_for(disk.seen_from_outside / "jobs" / f"main-{job}" / "home" / "big")
        assert _write_until_refused(server)[0] == 422
        server.post(f"/{job}/terminate")
        assert server.final(job)["state"] == "terminated"


def test_what_is_removed_on_a_full_disk_frees_its_space(disk: SmallDisk) -> None:
    with LocalServer(disk.folder.parent, prefix=disk.prefix) as server:
        reads = disk.folder.parent / "reads"
        reads.write_bytes(bytes(2 << 20))
        done = run(disk, "dx", "upload", reads, "--brief", "--wait", env=server.variables())
        large = done.stdout.strip()
        disk.leave(0)
        assert _write_until_refused(server)[0] == 422
        server.post(f"/{server.project}/removeObjects", {"objects": [large]})
        _wait_for(disk.seen_from_outside / "dx-local.reserve")
        assert server.try_post("/record/new", {"project": server.project})[0] == 200


def test_a_server_starts_and_ends_on_a_disk_that_is_full(disk: SmallDisk) -> None:
    with LocalServer(disk.folder.parent, prefix=disk.prefix) as server:
        record = server.post("/record/new", {"project": server.project})["id"]
    disk.leave(0)
    with LocalServer(disk.folder.parent, prefix=disk.prefix) as server:
        assert server.describe(record)["id"] == record


def _write_until_refused(server: LocalServer) -> tuple[int, dict[str, Any]]:
    for _ in range(1000):
        status, answer = server.try_post(
            "/record/new", {"project": server.project, "details": {"text": "x" * 10_000}}
        )
        if status != 200:
            return status, answer
    raise AssertionError("the disk is not full")


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} has not come"
        time.sleep(0.05)


def test_an_output_without_space_is_why_its_job_fails(disk: SmallDisk, make_app: Callable[..., Path]) -> None:
    size = _SIZE * 9 // 16  # which fits once, in the job's own file
    code = f"text=$(head -c {size} /dev/zero | tr '\\0' x); echo '{{\"s\": \"'$text'\"}}' > job_output.json"
    app = make_app(f"main() {{ {code}; }}", name="writes", interpreter="bash", outputs={"s": "string"})
    done = dx_local(disk, "run", app, "--workspace-path", disk.folder / "run", "--json", "-q")
    failure = json.loads(done.stdout)["failure"]
    assert (done.returncode, failure["reason"]) == (6, "AppInsufficientResourceError")
    assert failure["message"].startswith("The output could not be stored: No space left on device")
    assert str(disk.folder) in failure["message"]
    assert not list(disk.seen_from_outside.glob("run/values/*"))


def test_dx_is_told_of_a_full_disk_at_once(disk: SmallDisk) -> None:
    with LocalServer(disk.folder.parent, prefix=disk.prefix) as server:
        disk.leave(0)
        reads = disk.folder.parent / "reads"
        reads.write_bytes(bytes(2 << 20))
        began = time.monotonic()
        done = run(disk, "dx", "upload", reads, "--brief", env=server.variables())
        assert done.returncode != 0
        assert "InsufficientStorage" in done.stderr
        assert time.monotonic() - began < _SECONDS / 2
