"""The first lines of a job's log, and the descriptions in its home."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from dx_local.testing import JobFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunningPlatform

    from dx_local.testing import Run

    RunApp = Callable[..., Run]
    MakeApp = Callable[..., Path]


def watched(running: RunningPlatform, job: str) -> list[tuple[str, str]]:
    """Return level and text of all lines of a job that has ended, as `dx watch` gets them."""
    with connect(f"ws://127.0.0.1:{running.port}/{job}/getLog/websocket") as client:
        client.send(json.dumps({"access_token": running.token, "token_type": "Bearer"}))
        messages = [json.loads(client.recv())]
        while messages[-1]["msg"] != "END_LOG":
            messages.append(json.loads(client.recv()))
    return [(message["level"], message["msg"]) for message in messages[:-1]]


@pytest.mark.parametrize(("interpreter", "code"), [("bash", "echo hello"), ("python3", "print('hello')")])
def test_the_log_begins_as_a_workers(running: RunningPlatform, interpreter: str, code: str) -> None:
    bundle = running.dxpy(
        "result = dxpy.upload_string('x', name='table.txt', hidden=True, wait_on_close=True).get_id()"
    )
    run_spec = {"interpreter": interpreter, "code": code, "distribution": "Ubuntu", "release": "24.04"}
    bundled = [{"name": "table.txt", "id": {"$dnanexus_link": bundle}}]
    job = running.run(code, interpreter, {}, runSpec={**run_spec, "bundledDepends": bundled})
    *opening, first = watched(running, job)[:6]
    version = running.environment.dxpy_version
    assert opening == [
        ("INFO", "Logging initialized (priority)"),
        ("STDOUT", f"dxpy/{version} ({platform.platform()})"),
        ("INFO", "Downloading bundled file table.txt"),
        ("STDOUT", ">>> Unpacking table.txt to /"),
        ("STDOUT", f"{interpreter} running (job ID {job})"),
    ]
    assert first == ("STDOUT", "hello")


def test_the_descriptions_are_those_of_the_worker(running: RunningPlatform) -> None:
    code = "main() { cat dnanexus-job.json dnanexus-executable.json; echo $DX_WORKSPACE_ID; }"
    job = running.run(code, "bash", {"x": 1})
    *files, workspace = [text for level, text in watched(running, job) if level == "STDOUT"][2:]
    described, executable = map(json.loads, files)
    assert (described["id"], described["function"]) == (job, "main")
    assert not {"input", "output", "runInput", "originalInput"} & described.keys()
    assert (executable["class"], executable["project"]) == ("applet", workspace)


def test_a_run_reports_only_what_its_jobs_printed(dx_run: RunApp, make_app: MakeApp) -> None:
    with pytest.raises(JobFailedError) as silent:
        dx_run(make_app("exit 3\n", interpreter="bash"))
    assert "exit code 3. It printed nothing." in str(silent.value)
    assert "last lines of its log" not in str(silent.value)
    assert silent.value.run.log == ""
    (log,) = silent.value.run.folder.glob("jobs/*/log.txt")
    assert log.read_text().startswith("Logging initialized (priority)\n")


@pytest.mark.parametrize("progress", ["plain", "tty"])
def test_the_screen_shows_only_what_jobs_printed(
    make_app: MakeApp, capfd: pytest.CaptureFixture[str], progress: str
) -> None:
    from dx_local.cli import main

    app = make_app("echo hello\n", interpreter="bash")
    with pytest.raises(SystemExit):
        main(["run", str(app), "--progress", progress])
    screen = capfd.readouterr().err
    assert "hello" in screen
    assert "Logging initialized" not in screen
    assert "running (job ID" not in screen
