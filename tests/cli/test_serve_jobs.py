"""The real `dx` builds, runs, waits for, watches and terminates jobs on `dx-local serve`."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest
from tests.conftest import io_spec, write_app
from tests.local_server import LocalServer, processes_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = """
main() {
  echo "counting $reads_name"
  echo "with a tool: $(greet)" >&2
  dx cat "$reads" > lines.txt
  mkdir -p out/report
  cp lines.txt out/report/report.txt
  dx-upload-all-outputs
  dx-jobutil-add-output n $(( $(wc -l < lines.txt) + extra )) --class=int
}
"""

TREE = """
import time
import dxpy

@dxpy.entry_point('part')
def part(number):
    print('part', number, flush=True)

@dxpy.entry_point('main')
def main(fail):
    print('begins', flush=True)
    parts = [dxpy.new_dxjob({'number': number}, 'part') for number in range(2)]
    for job in parts:
        job.wait_on_done()
    if fail:
        raise dxpy.AppError('as told')

dxpy.run()
"""

SLEEP = """
main() {
  echo "in $HOME"
  sleep 600
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with three applets: count (with resources/), tree and sleep."""
    home = tmp_path_factory.mktemp("served")
    inputs, outputs = {"reads": "file", "extra": "int?"}, {"report": "file", "n": "int"}
    count = {"interpreter": "bash", "inputSpec": io_spec(inputs), "outputSpec": io_spec(outputs)}
    write_app(home / "count", COUNT, count)
    tool = home / "count" / "resources" / "usr" / "bin" / "greet"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho hello\n")
    tool.chmod(0o755)
    with LocalServer(home, ("--max-parallel", "4")) as server:
        server.dx("build", "count", "--brief")
        python = {"interpreter": "python3", "code": TREE, "distribution": "Ubuntu", "release": "24.04"}
        server.new_applet("tree", "", runSpec=python, inputSpec=io_spec({"fail": "boolean"}))
        server.new_applet("sleep", SLEEP)
        (home / "reads.txt").write_text("one\ntwo\n")
        server.dx("upload", "reads.txt", "--brief", "--wait")
        yield server


def test_a_run_is_waited_for_and_its_output_is_there(server: LocalServer) -> None:
    job = server.dx("run", "count", "-ireads=reads.txt", "-iextra=40", "-y", "--brief", "--wait")
    described = server.describe(job.splitlines()[0])
    assert (described["state"], described["output"]["n"]) == ("done", 42)
    assert server.dx("cat", f"{job.splitlines()[0]}:report") == "one\ntwo"


def test_what_a_run_is_told_comes_back(server: LocalServer) -> None:
    server.dx("mkdir", "-p", "/results")
    job = server.dx(
        "run", "count", "-j", json.dumps({"reads": file_of(server)}), "-iextra=1", "-y", "--brief",
        "--name", "my run", "--folder", "/results", "--tag", "t", "--property", "k=v", "--priority", "high",
        "--instance-type", "mem1_ssd1_v2_x8",
    )  # fmt: skip
    server.dx("wait", job)
    described = server.describe(job)
    keys = ("name", "folder", "tags", "properties", "priority", "instanceType")
    assert [described[key] for key in keys] == [
        "my run", "/results", ["t"], {"k": "v"}, "high", "mem1_ssd1_v2_x8"
    ]  # fmt: skip
    assert server.dx("ls", "/results") == "report.txt"


def file_of(server: LocalServer) -> dict[str, str]:
    """Return a link to reads.txt."""
    query = {"name": "reads.txt", "scope": {"project": server.project}}
    return {"$dnanexus_link": server.post("/system/findDataObjects", query)["results"][0]["id"]}


def test_a_run_is_repeated_by_clone(server: LocalServer) -> None:
    first = server.dx("run", "count", "-ireads=reads.txt", "-y", "--brief", "--wait").splitlines()[0]
    second = server.dx("run", "--clone", first, "-iextra=5", "-y", "--brief", "--wait").splitlines()[0]
    assert server.describe(second)["output"]["n"] == 7


def test_an_output_is_the_input_of_a_run_that_depends_on_it(server: LocalServer) -> None:
    first = server.dx("run", "count", "-ireads=reads.txt", "-y", "--brief")
    second = server.dx(
        "run", "count", f"-ireads={first}:report", "--depends-on", first, "-y", "--brief", "--wait"
    )
    assert server.describe(second.splitlines()[0])["output"]["n"] == 2


def test_a_run_is_watched_while_it_goes_on(server: LocalServer) -> None:
    done = server.try_dx("run", "count", "-ireads=reads.txt", "-y", "--watch")
    assert done.returncode == 0, done.stderr
    assert " count STDOUT counting reads.txt\n" in done.stdout
    assert " count STDERR with a tool: hello\n" in done.stdout
    assert "count (done)" in done.stdout


OPENING = re.compile(r"dxpy/|\w+ running \(job ID job-\w+\)|Invoking ")


def test_a_tree_is_watched_after_its_end(server: LocalServer) -> None:
    job = server.dx("run", "tree", "-ifail=false", "-y", "--brief", "--wait").splitlines()[0]
    lines = server.dx("watch", job, "--tree", "--get-stdout", "--no-wait").splitlines()
    said = [line for line in lines if not OPENING.match(line)]
    assert said[0] == "begins"
    assert sorted(said[1:]) == ["part 0", "part 1"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--get-stderr"], ["with a tool: hello"]),
        (
            ["--levels", "STDERR", "--format", "{level}: {msg}", "--no-job-info"],
            ["STDERR: with a tool: hello"],
        ),
        (["--get-stdout", "--num-recent-messages", "0"], []),
    ],
)
def test_watch_shows_what_is_asked_for(
    server: LocalServer, counted: str, options: list[str], expected: list[str]
) -> None:
    assert server.dx("watch", counted, *options).splitlines() == expected


@pytest.fixture(scope="module")
def counted(server: LocalServer) -> str:
    """A job of `count` that is done."""
    return server.dx("run", "count", "-ireads=reads.txt", "-y", "--brief", "--wait").splitlines()[0]


def test_a_failure_is_told_by_the_exit_codes_of_wait_and_watch(server: LocalServer) -> None:
    job = server.dx("run", "tree", "-ifail=true", "-y", "--brief")
    waiting = server.try_dx("wait", job)
    assert (waiting.returncode, "AppError: as told" in waiting.stderr) == (3, True)
    watching = server.try_dx("watch", job)
    assert (watching.returncode, "AppError: as told" in watching.stdout) == (3, True)


def test_a_job_that_is_watched_is_terminated(server: LocalServer) -> None:
    job = server.dx("run", "sleep", "-y", "--brief")
    watching = server.start("watch", job)
    assert watching.stdout
    assert any(" sleep STDOUT in /" in line for line in watching.stdout)
    server.dx("terminate", job)
    output, _ = watching.communicate(timeout=60)
    assert watching.returncode == 3
    assert "(terminated)" in output
    assert server.describe(job)["state"] == "terminated"


def test_jobs_are_found_by_state(server: LocalServer, counted: str) -> None:
    assert counted in server.dx("find", "jobs", "--state", "done", "--brief").splitlines()
    assert server.dx("find", "jobs", "--state", "runnable", "--brief") == ""


@pytest.mark.parametrize(
    ("job", "message"),
    [("job-" + "0" * 24, "could not be found"), ("no-job", "does not look like a DNAnexus job ID")],
)
def test_watching_no_job_is_an_error(server: LocalServer, job: str, message: str) -> None:
    done = server.try_dx("watch", job)
    assert done.returncode != 0
    assert message in done.stderr


@pytest.mark.parametrize("arguments", [[], ["-ireads=no-such-file"], ["-ireads=reads.txt", "-iextra=many"]])
def test_a_wrong_input_starts_no_job(server: LocalServer, arguments: list[str]) -> None:
    before = server.dx("find", "jobs", "--brief")
    assert server.try_dx("run", "count", *arguments, "-y", "--brief").returncode != 0
    assert server.dx("find", "jobs", "--brief") == before


def test_an_applet_is_replaced_or_archived_when_built_again(server: LocalServer) -> None:
    write_app(
        server.home / "again", "main() { true; }", {"interpreter": "bash", "inputSpec": [], "outputSpec": []}
    )
    first = json.loads(server.dx("build", "again"))["id"]
    assert server.try_dx("build", "again").returncode == 3
    second = json.loads(server.dx("build", "again", "-f"))["id"]
    third = json.loads(server.dx("build", "again", "-a"))["id"]
    assert server.describe(third)["folder"] == "/"
    assert server.describe(second)["folder"] == "/.Applet_archive"
    assert server.dx("find", "data", "--name", "again*", "--brief").count("applet-") == 2
    assert first not in server.dx("find", "data", "--brief")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_after_a_restart(tmp_path: Path, number: int) -> None:
    with LocalServer(tmp_path, ("--max-parallel", "1")) as server:
        sleep, echo = server.new_applet("sleep", SLEEP), server.new_applet("echo", "main() { echo said it; }")
        over = server.run(echo)
        server.final(over)
        running = server.run(sleep, executionPolicy={"restartOn": {}})
        waiting = server.run(echo)
        dependent = server.run(echo, dependsOn=[running])
        while not list(server.state.glob(f"jobs/*-{running}/home/job_input.json")):
            time.sleep(0.02)
        server.end(number)
    with LocalServer(tmp_path) as server:
        assert [server.final(job)["state"] for job in (over, waiting)] == ["done", "done"]
        failures = [server.final(job) for job in (running, dependent)]
        assert [failure["failureReason"] for failure in failures] == [
            "ExecutionError",
            "DependencyUnsatisfiable",
        ]
        assert failures[0]["failureMessage"] == "The platform was stopped while the job ran"
        assert server.dx("watch", over, "--get-stdout").splitlines()[-1] == "said it"
    assert processes_in(server.state) == []
    assert list(server.temporary.iterdir()) == []
