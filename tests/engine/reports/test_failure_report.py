"""Find the cause of a failed run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.reports.failure_report import FailureReport, explain
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.states import Failure
from dx_local.platform.execution import applets, job_creation, job_events, jobs

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
import dxpy

@dxpy.entry_point("main")
def main():
    return count(None)

def count(reads):
    return len(reads)
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text(SOURCE)
    return folder


def subjob(context: Context, parent: str, function: str) -> str:
    caller = Context(context.platform, Caller(context.caller.user, parent))
    job: str = job_creation.new(caller, "job", {"function": function, "input": {"n": 1}})["id"]
    return job


def run(context: Context, parent: str, name: str) -> str:
    """Let a job run another applet."""
    caller = Context(context.platform, Caller(context.caller.user, parent))
    job = jobs.get(context, parent)
    run_spec = {"interpreter": "bash", "code": ""}
    request = {"project": job["project"], "name": name, "dxapi": "1.0.0", "runSpec": run_spec}
    applet = applets.new_applet(context, "applet", request)["id"]
    started: str = applets.run_applet(caller, applet, {"input": {}})["id"]
    return started


def fail(context: Context, job: str, log: str = "", function: str = "main") -> None:
    folder = context.platform.folder / "jobs" / f"{function}-{job}"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text(log)
    job_events.start(context.platform, job)
    job_events.fail(context.platform, job, Failure("AppError", "too few reads"))


def report(context: Context, job: str, app: Path) -> FailureReport:
    return explain(context.platform, jobs.get(context, job), app)


@pytest.fixture
def root(job_context: Context) -> str:
    assert job_context.caller.job
    return job_context.caller.job


def test_the_cause_is_the_job_that_failed_first(context: Context, root: str, app: Path) -> None:
    children = [subjob(context, root, "process") for _ in range(3)]
    grandchild = subjob(context, children[2], "count")
    fail(context, grandchild, "one\ntwo\n", "count")
    found = report(context, root, app)
    assert (found.job_id, found.job_path) == (grandchild, "main → process[3] → count")
    assert (found.reason, found.message) == ("AppError", "too few reads")
    assert found.job_input == {"n": 1}
    assert found.log_tail == ("one", "two")


def test_a_job_that_runs_something_else_is_called_by_that_name(
    context: Context, root: str, app: Path
) -> None:
    runs = [run(context, root, "sort"), run(context, root, "index"), run(context, root, "index")]
    part = subjob(context, runs[2], "part")
    fail(context, part, function="part")
    assert report(context, root, app).job_path == "main → index[2] → part"


def traceback(app: Path) -> str:
    return (
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3/dxpy/utils/exec_utils.py", line 100, in run\n'
        f'  File "{app}/src/app.py", line 5, in main\n    return count(None)\n'
        f'  File "{app}/src/app.py", line 8, in count\n    return len(reads)\n'
        '  File "/usr/lib/python3/elsewhere.py", line 3, in f\n'
        "TypeError: object of type 'NoneType' has no len()\n"
    )


def test_the_innermost_line_of_the_apps_own_code_is_named(context: Context, root: str, app: Path) -> None:
    fail(context, root, traceback(app))
    source = report(context, root, app).source
    assert source
    assert (source.file, source.number, source.text) == (app / "src" / "app.py", 8, "return len(reads)")


@pytest.mark.parametrize(
    ("line", "number"),
    [("{app}/src/app.py: line 3: nothing: unbound variable", 3), ("{app}/src/app.py: line 999: oh", 999)],
)
def test_messages_of_bash_name_a_line(context: Context, root: str, app: Path, line: str, number: int) -> None:
    fail(context, root, line.format(app=app))
    source = report(context, root, app).source
    assert source
    assert source.number == number


@pytest.mark.parametrize(
    "log", ["", "no file is named\n", 'File "/etc/passwd", line 1\n', 'File "", line 1\n']
)
def test_code_of_others_is_not_named(context: Context, root: str, app: Path, log: str) -> None:
    fail(context, root, log)
    assert report(context, root, app).source is None


def test_the_last_lines_of_a_long_log_are_shown(context: Context, root: str, app: Path) -> None:
    fail(context, root, "".join(f"line {number} {'x' * 200}\n" for number in range(1000)))
    tail = report(context, root, app).log_tail
    assert len(tail) == 20
    assert tail[-1].startswith("line 999 ")


def test_a_job_that_never_began_has_no_log(context: Context, root: str, app: Path) -> None:
    job_events.terminate(context.platform, root)
    found = report(context, root, app)
    assert (found.reason, found.message) == ("Terminated", "the job was terminated")
    assert (found.log_file, found.log_tail) == (None, ())


def test_the_text_goes_from_the_cause_to_where_to_find_more(context: Context, root: str, app: Path) -> None:
    fail(context, root, traceback(app))
    lines = report(context, root, app).text().splitlines()
    assert lines[0] == "main failed: AppError: too few reads"
    assert lines[1:3] == [f"  at {app}/src/app.py:8", "      return len(reads)"]
    assert lines[-1].startswith("  log: /")


def test_programs_get_the_same(context: Context, root: str, app: Path) -> None:
    fail(context, root, traceback(app))
    answer: dict[str, Any] = report(context, root, app).to_json()
    assert answer.keys() == {
        "job",
        "path",
        "reason",
        "message",
        "explanation",
        "producer",
        "input",
        "source",
        "log",
        "logTail",
        "findings",
        "hint",
    }
    assert answer["source"] == {"file": f"{app}/src/app.py", "line": 8, "text": "return len(reads)"}
