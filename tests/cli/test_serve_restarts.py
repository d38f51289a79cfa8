"""The real `dx` shows restarted jobs and reused outputs of `dx-local serve`."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest
from tests.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAKY = """
main() {
  number=$(dx describe "$DX_JOB_ID" --json | grep -c '"try": 0,' || true)
  echo "first try: $number"
  dx-jobutil-new-job part > /dev/null
  if [ "$number" = 1 ]; then exit 3; fi
}
part() { true; }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("served"), ("--max-parallel", "2", "--reuse")) as server:
        yield server


@pytest.fixture(scope="module")
def job(server: LocalServer) -> str:
    """A job that was tried twice, each time with a subjob."""
    applet = server.new_applet("flaky", FLAKY)
    job = server.run(applet, executionPolicy={"restartOn": {"AppInternalError": 1}})
    assert server.final(job)["state"] == "done", server.final(job)
    return job


def test_dx_describes_each_try(server: LocalServer, job: str) -> None:
    first = json.loads(server.dx("describe", job, "--try", "0", "--json"))
    assert (first["try"], first["state"], first["failureReason"]) == (0, "restarted", "AppInternalError")
    last = json.loads(server.dx("describe", job, "--json"))
    assert (last["try"], last["state"], last["failureCounts"]) == (1, "done", {"AppInternalError": 1})
    assert last["tryCreated"] > last["created"]
    assert "failureReason" not in last


def test_a_try_that_there_was_not_is_an_error(server: LocalServer, job: str) -> None:
    assert "its tries are 0 to 1" in server.try_dx("watch", job, "--try", "2").stderr
    assert server.try_dx("describe", job, "--try", "2").returncode == 3


@pytest.mark.parametrize(("number", "said"), [("0", "first try: 1"), ("1", "first try: 0")])
def test_dx_watches_the_log_of_each_try(server: LocalServer, job: str, number: str, said: str) -> None:
    lines = server.dx("watch", job, "--try", number, "--get-stdout", "--no-wait").splitlines()
    assert lines[-1] == said
    assert len([line for line in lines if "try: " in line]) == 1


def test_dx_finds_the_tree_of_the_last_try(server: LocalServer, job: str) -> None:
    shown = server.dx("find", "jobs", "--origin", job)
    assert shown.count("flaky:part") == 1
    assert "restarted" not in shown


def test_dx_finds_the_trees_of_all_tries(server: LocalServer, job: str) -> None:
    shown = server.dx("find", "jobs", "--origin", job, "--include-restarted")
    assert shown.count("flaky:part") == 2
    assert f"{job} try 0" in shown
    assert "(restarted)" in shown


def test_pages_of_tries_have_no_gap(server: LocalServer, job: str) -> None:
    request = {"class": "job", "rootExecution": job, "includeRestarted": True, "describe": True, "limit": 1}
    found, starting = [], None
    while True:
        page = server.post("/system/findExecutions", {**request, "starting": starting})
        found += [(result["describe"]["id"], result["describe"]["try"]) for result in page["results"]]
        starting = page["next"]
        if starting is None:
            break
    assert len(found) == len(set(found)) == 4
    assert found[-2:] == [(job, 1), (job, 0)]


def test_a_tag_is_given_to_one_try(server: LocalServer, job: str) -> None:
    server.dx("tag", job, "old", "--try", "0")
    assert server.post(f"/{job}/describe", {"try": 0})["tags"] == ["old"]
    assert server.describe(job)["tags"] == []


def test_dx_sees_a_job_that_reuses_an_output(server: LocalServer) -> None:
    applet = server.new_applet("once", "main() { echo 'runs once'; }")
    first = server.final(server.run(applet))["id"]
    again = server.dx("run", applet, "-y", "--brief", "--wait").splitlines()[0]
    assert server.describe(again)["outputReusedFrom"] == first
    assert again in server.dx("find", "jobs", "--id", again)
    watched = server.dx("watch", again, "--get-stdout", "--no-wait")
    assert watched.splitlines()[-1] == "runs once"
    assert f"once ({again}) done (output reused from {first})" in server.errors
    other = server.final(server.run(applet, ignoreReuse=True))
    assert other["startedRunning"] > 0


SLEEPS_FIRST = """
main() {
  grep -q '"try": 1' dnanexus-job.json || { touch begun; sleep 600; }
  echo again
}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_that_ran_when_the_server_ended_is_tried_again_by_the_next(
    tmp_path: Path, number: signal.Signals
) -> None:
    with LocalServer(tmp_path) as server:
        applet = server.new_applet("sleeps", SLEEPS_FIRST)
        job = server.run(applet)
        while not list(server.state.glob(f"jobs/*-{job}/home/begun")):
            time.sleep(0.02)
        server.end(number)
    with LocalServer(tmp_path) as server:
        described = server.final(job)
    assert (described["state"], described["try"]) == ("done", 1)
    assert described["failureCounts"] == {"ExecutionError": 1}
