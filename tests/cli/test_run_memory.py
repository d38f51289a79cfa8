"""`dx-local run` with a memory limit."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.executors.cgroups import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeApp = Callable[..., Path]
    DxLocal = Callable[..., Any]

_IS_GROUPED = os.environ.get(VARIABLE, "none") != "none"
with_groups = pytest.mark.skipif(not _IS_GROUPED, reason=f"{VARIABLE} does not say where to make groups")
without_groups = pytest.mark.skipif(_IS_GROUPED, reason="jobs are limited as groups")

TAKES = """
import json
import pathlib
import dxpy

@dxpy.entry_point('main')
def main():
    number = json.loads(pathlib.Path('dnanexus-job.json').read_text())['try']
    x = bytearray((300 if number == 0 else 1) << 20)
    return {'n': number}

dxpy.run()
"""


@with_groups
def test_a_job_killed_by_its_group_fails_with_limit_and_remedy(dx_local: DxLocal, make_app: MakeApp) -> None:
    done = dx_local("run", make_app(TAKES, outputs={"n": "int"}), "--memory-limit", "200MiB", "--json")
    failure = done.json["failure"]
    assert (done.exit_code, failure["reason"]) == (6, "AppInsufficientResourceError")
    assert "\nThe job needs more memory than its limit of 200 MiB. Pass a larger" in failure["message"]
    assert "holds for each process" not in done.stderr


@without_groups
def test_a_job_that_takes_too_much_fails_with_limit_and_remedy(dx_local: DxLocal, make_app: MakeApp) -> None:
    done = dx_local("run", make_app(TAKES, outputs={"n": "int"}), "--memory-limit", "200MiB", "--json")
    failure = done.json["failure"]
    assert (done.exit_code, failure["reason"]) == (6, "AppInsufficientResourceError")
    assert "MemoryError" in failure["message"]
    assert "The job's memory limit is 200 MiB; its largest process held " in failure["message"]
    assert "Pass a larger --memory-limit: mem1_ssd1_v2_x4 has 8 GiB." in failure["message"]
    assert done.stderr.count("The memory limit holds for each process of a job") == 1


def test_a_job_short_of_memory_is_tried_again_where_its_policy_says_so(
    dx_local: DxLocal, make_app: MakeApp
) -> None:
    policy = {"executionPolicy": {"restartOn": {"AppInsufficientResourceError": 1}}}
    app = make_app(TAKES, outputs={"n": "int"}, runSpec=policy)
    done = dx_local("run", app, "--memory-limit", "200MiB", "--json")
    assert done.json["output"] == {"n": 1}


@without_groups
def test_a_job_has_the_memory_of_its_instance_type(dx_local: DxLocal, make_app: MakeApp) -> None:
    code = "main() { dx-jobutil-add-output n $(($(ulimit -d) >> 20)) --class=int; }"
    small = {"systemRequirements": {"main": {"instanceType": "mem1_ssd1_v2_x2"}}}
    app = make_app(code, interpreter="bash", outputs={"n": "int"}, runSpec=small)
    assert dx_local("run", app, "--memory-limit", "instance", "--json").json["output"] == {"n": 4}


def test_a_full_disk_is_told_from_a_bug(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() { echo x > /dev/full; }", interpreter="bash")
    assert dx_local("run", app, "--json").json["failure"]["reason"] == "AppInsufficientResourceError"


@pytest.mark.parametrize(("verb", "rest"), [("run", ["app"]), ("serve", []), ("exec", ["--", "true"])])
@pytest.mark.parametrize("limit", ["much", "0"])
def test_what_is_no_limit_is_refused_at_once(
    dx_local: DxLocal, make_app: MakeApp, verb: str, rest: list[str], limit: str
) -> None:
    make_app(TAKES, name="app")
    done = dx_local(verb, "--memory-limit", limit, *rest)
    assert (done.exit_code, f"'{limit}' is not a memory limit" in done.stderr) == (2, True)


@with_groups
@pytest.mark.parametrize("options", [(), ("--memory-limit", "200MiB")])
def test_the_groups_of_a_run_that_was_killed_are_removed_by_the_next(
    dx_local: DxLocal,
    sleeping_app: Path,
    echo_app: Path,
    bin_folder: Path,
    variables: dict[str, str],
    options: tuple[str, ...],
) -> None:
    groups = Path(os.environ[VARIABLE])
    process = subprocess.Popen(
        [bin_folder / "dx-local", "run", sleeping_app, "--memory-limit", "200MiB"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
    )
    assert process.stderr
    assert any(" | in " in line for line in process.stderr)
    dx_local("run", echo_app, "-q", *options)
    (left,) = groups.glob("dx-local-*")  # that of a run that lives stays
    assert list(left.glob("job-*"))
    process.kill()
    process.communicate()
    while any(path.read_text() for path in left.glob("job-*/cgroup.procs")):
        time.sleep(0.02)
    dx_local("run", echo_app, "-q", *options)
    assert not list(groups.glob("dx-local-*"))
