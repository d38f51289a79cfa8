"""Outcomes of runs: the output, or the reason and message that the platform would report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.testing import JobFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.testing import Run

    RunApp = Callable[..., Run]
    MakeApp = Callable[..., Path]


def python_main(*lines: str) -> str:
    """Return the code of an app whose entry point main holds these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"import dxpy\n\n\n@dxpy.entry_point('main')\ndef main(**kwargs):\n{body}\n\ndxpy.run()\n"


@pytest.mark.parametrize(
    ("statement", "reason", "message"),
    [
        ("raise dxpy.AppError('too few reads')", "AppError", "too few reads"),
        ("raise dxpy.AppInternalError('oh')", "AppInternalError", "oh"),
        ("raise ValueError('oh')", "AppInternalError", "oh"),
        ("import os; os._exit(3)", "AppInternalError", "ended with exit code 3. It printed nothing."),
        ("import os; os.kill(os.getpid(), 9)", "AppInternalError", "signal 9 (SIGKILL)"),
        ("return {'n': 1, 'm': 2}", "OutputError", "output 'm' is not declared in outputSpec"),
        ("return {}", "OutputError", "output 'n' is missing, but required by outputSpec"),
        ("return {'n': 'three'}", "OutputError", "'n' is declared as int"),
        ("return {'n': [1]}", "OutputError", "'n' is declared as int"),
        ("return 3", "OutputError", "must hold an object of output names, not 3"),
        ("open('job_output.json', 'w').write('{'); import os; os._exit(0)", "OutputError", "hold JSON"),
    ],
)
def test_python_main_fails_with_a_reason(
    dx_run: RunApp, make_app: MakeApp, statement: str, reason: str, message: str
) -> None:
    run = dx_run(make_app(python_main(statement), outputs={"n": "int"}), check=False)
    assert run.state == "failed"
    assert run.job["failureReason"] == reason
    assert message in run.job["failureMessage"]


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        ('dx-jobutil-report-error "no reads"', "AppError", "no reads"),
        ('dx-jobutil-report-error "oh" AppInternalError', "AppInternalError", "oh"),
        ("false", "AppInternalError", "ended with exit code 1"),
        ("mark-section aligning; exit 3", "AppError", "Error while aligning"),
        ("mark-section aligning; mark-success; exit 3", "AppInternalError", "ended with exit code 3"),
        ("mark-section aligning", "OutputError", "output 'n' is missing"),
        ("set -u; echo $nothing", "AppInternalError", "nothing: unbound variable"),
        ("dx-jobutil-add-output m 3 --class=int", "OutputError", "is not declared in outputSpec"),
    ],
)
def test_bash_main_fails_with_a_reason(
    dx_run: RunApp, make_app: MakeApp, code: str, reason: str, message: str
) -> None:
    app = make_app(f"main() {{\n  {code}\n}}\n", outputs={"n": "int"}, interpreter="bash")
    run = dx_run(app, check=False)
    assert run.job["failureReason"] == reason
    assert message in run.job["failureMessage"]


@pytest.mark.parametrize(
    ("interpreter", "code"),
    [
        ("python3", "import sys\nsys.exit(0)\n"),
        ("python3", "import dxpy\n@dxpy.entry_point('main')\ndef main():\n    raise SystemExit(0)\n"),
        ("bash", "main() { exit 0; }\n"),
        ("bash", "echo global\n"),
        ("bash", "main() { mark-section aligning; }\n"),
        ("bash", "main() { (dx-jobutil-report-error 'not sorted' || true); }\n"),
        ("python3", "import sys\nopen('job_error.json', 'w').write('{}')\nsys.exit(0)\n"),
    ],
)
def test_an_app_may_end_without_any_output(
    dx_run: RunApp, make_app: MakeApp, interpreter: str, code: str
) -> None:
    assert dx_run(make_app(code, interpreter=interpreter)).output == {}


def test_python_without_a_call_of_run_still_runs_main(dx_run: RunApp, make_app: MakeApp) -> None:
    app = make_app(python_main("return {'n': 5}").replace("dxpy.run()\n", ""), outputs={"n": "int"})
    assert dx_run(app).output == {"n": 5}


def test_python_finds_dxpy_without_importing_it(dx_run: RunApp, make_app: MakeApp) -> None:
    app = make_app(python_main("return {'n': 5}").replace("import dxpy\n", ""), outputs={"n": "int"})
    assert dx_run(app).output == {"n": 5}


def test_a_file_that_is_left_open_is_no_output(dx_run: RunApp, make_app: MakeApp) -> None:
    code = python_main("return {'f': dxpy.dxlink(dxpy.new_dxfile(mode='w'))}")
    run = dx_run(make_app(code, outputs={"f": "file"}), check=False)
    assert run.job["failureReason"] == "OutputError"
    assert "to be closed" in run.job["failureMessage"]


SUBJOBS = """
import dxpy

@dxpy.entry_point('part')
def part(mode):
    if mode == 'fails':
        raise dxpy.AppError('a part failed')
    return {'n': 2}

@dxpy.entry_point('main')
def main(mode):
    job = dxpy.new_dxjob({'mode': mode}, 'part')
    return {'n': job.get_output_ref('m' if mode == 'misnames' else 'n')}

dxpy.run()
"""


@pytest.fixture
def with_subjob(make_app: MakeApp) -> Path:
    return make_app(SUBJOBS, inputs={"mode": "string"}, outputs={"n": "int"})


def test_the_output_of_a_subjob_is_that_of_main(dx_run: RunApp, with_subjob: Path) -> None:
    assert dx_run(with_subjob, {"mode": "works"}).output == {"n": 2}


def test_a_reference_to_an_output_that_is_not_there_fails(dx_run: RunApp, with_subjob: Path) -> None:
    run = dx_run(with_subjob, {"mode": "misnames"}, check=False)
    assert run.job["failureReason"] == "OutputError"
    assert "m: the job returned no such output, only 'n'" in run.job["failureMessage"]


@pytest.mark.parametrize(
    ("code", "has_hint"),
    [
        ("false", False),
        ("exit 1", True),
        ("mark-section aligning; exit 1", True),
        ("dx-jobutil-report-error 'no reads'", False),
        ("dx-jobutil-report-error 'not sorted' AppInternalError || exit 1", False),
        ("set -x; exit 1", False),
        ("no-such-1", False),
    ],
)
def test_bash_that_does_not_say_where_it_fails_can_be_traced(
    dx_run: RunApp, make_app: MakeApp, code: str, *, has_hint: bool
) -> None:
    with pytest.raises(JobFailedError) as caught:
        dx_run(make_app(f"main() {{ {code}; }}", interpreter="bash"))
    assert ("hint: With --xtrace" in str(caught.value)) is has_hint


def test_a_failure_repeats_what_the_linter_says_of_the_code(dx_run: RunApp, make_app: MakeApp) -> None:
    code = """
    main() { dx-jobutil-add-output n "$(dx-jobutil-new-job proces):n" --class=jobref; }
    process() { dx-jobutil-add-output n 1 --class=int; }
    """
    with pytest.raises(JobFailedError, match="the job's function 'proces' does not exist"):
        dx_run(make_app(code, outputs={"n": "int"}, interpreter="bash"))


def test_main_fails_with_its_subjob_which_is_named_as_the_cause(dx_run: RunApp, with_subjob: Path) -> None:
    with pytest.raises(JobFailedError, match="main → part failed: AppError: a part failed") as caught:
        dx_run(with_subjob, {"mode": "fails"})
    job = caught.value.run.job
    assert job["failureReason"] == "JobTreeFailure"
    assert job["failureFrom"]["function"] == "part"


CIRCLE = """
import dxpy

@dxpy.entry_point('part')
def part(other):
    return {'n': other}

@dxpy.entry_point('main')
def main():
    parent = dxpy.DXJob(dxpy.JOB_ID)
    job = dxpy.new_dxjob({'other': parent.get_output_ref('n')}, 'part')
    return {'n': job.get_output_ref('n')}

dxpy.run()
"""


def test_a_circle_of_references_fails_the_run(dx_run: RunApp, make_app: MakeApp) -> None:
    run = dx_run(make_app(CIRCLE, outputs={"n": "int"}), check=False)
    assert run.state == "failed"
    assert "a circle of references" in run.job["failureMessage"] + str(run.job["failureFrom"])


def test_what_jobs_print_is_the_log(dx_run: RunApp, make_app: MakeApp) -> None:
    run = dx_run(
        make_app(python_main("print('to stdout')", "import sys", "print('to stderr', file=sys.stderr)"))
    )
    assert set(run.log.splitlines()) == {"Invoking main with {}", "to stderr", "to stdout"}
