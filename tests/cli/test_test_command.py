"""`dx-local test`: cases that pass and fail, updates, selection, and files that cannot be used."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from tests.cli.conftest import BIN

if TYPE_CHECKING:
    from tests.cli.conftest import Command, DxLocal

SOURCE = """
import dxpy

@dxpy.entry_point('main')
def main(n, fails=False):
    if fails:
        raise dxpy.AppError('as wanted')
    with open('report.txt', 'w') as file:
        file.write(f'count\\n{n}\\n')
    link = dxpy.dxlink(dxpy.upload_local_file('report.txt'))
    return {'n': n, 'more': {'double': 2 * n}, 'report': link}

@dxpy.entry_point('add')
def add(a, b):
    return {'sum': a + b}

dxpy.run()
"""
SPEC = {
    "name": "counts",
    "title": "Counts",
    "summary": "Counts",
    "dxapi": "1.0.0",
    "version": "0.0.1",
    "inputSpec": [{"name": "n", "class": "int"}, {"name": "fails", "class": "boolean", "optional": True}],
    "outputSpec": [
        {"name": "n", "class": "int"},
        {"name": "more", "class": "hash"},
        {"name": "report", "class": "file"},
    ],
    "runSpec": {
        "interpreter": "python3",
        "file": "src/counts.py",
        "distribution": "Ubuntu",
        "release": "24.04",
        "version": "0",
    },
}
CASES: dict[str, Any] = {
    "exact": {
        "input": {"n": 3},
        "expect": {"n": 3, "more": {"double": 6}, "report": {"file": {"golden": "report.txt"}}},
        "jobs": {"main": 1},
    },
    "add": {"function": "add", "input": {"a": 1, "b": 2}, "expect": {"sum": 3}},
    "fails": {"input": {"n": 1, "fails": True}, "failure": {"reason": "AppError", "message": "wanted"}},
    "wrong": {
        "input": {"n": 4},
        "expect": {"n": 3, "more": {"class": "hash"}, "report": {"file": {"golden": "report.txt"}}, "no": 1},
        "jobs": {"main": "failed"},
    },
    "surprise": {"input": {"n": 1, "fails": True}, "expect": {"n": 1}},
    "no-failure": {"input": {"n": 1}, "failure": {"reason": "AppError"}},
    "unusable": {"input": {"m": 1}},
}


def write_app(folder: Path, cases: dict[str, Any]) -> Path:
    app = folder / "counts"
    for name in ("exact", "wrong"):
        (app / "test" / "cases" / name).mkdir(parents=True)
        (app / "test" / "cases" / name / "report.txt").write_text("count\n3\n")
    (app / "src").mkdir()
    (app / "src" / "counts.py").write_text(SOURCE)
    (app / "dxapp.json").write_text(json.dumps(SPEC))
    (app / "test" / "input.json").write_text('{"n": 3}')
    for name, case in cases.items():
        (app / "test" / "cases" / f"{name}.json").write_text(json.dumps(case, indent=2))
    return app


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """An app whose cases have been run, and what the command printed."""
    app = write_app(tmp_path_factory.mktemp("tested"), CASES)
    done = subprocess.run(
        [BIN / "dx-local", "test", "--junit", "results/cases.xml"],
        cwd=app, env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return app, done


def block(printed: str, name: str) -> list[str]:
    """Return the lines about a case."""
    match = re.search(rf"^(?:pass|FAIL)  {name} .*\n(?:      .*\n)*", printed, re.MULTILINE)
    assert match, printed
    return [line.strip() for line in match[0].splitlines()]


def test_the_exit_code_tells_that_a_case_failed(
    tested: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    done = tested[1]
    assert done.returncode == 6
    assert re.search(r"^3 passed, 4 failed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["exact", "add", "fails"])
def test_a_case_passes(tested: tuple[Path, subprocess.CompletedProcess[str]], name: str) -> None:
    (line,) = block(tested[1].stdout, name)
    assert line.startswith(f"pass  {name}")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "wrong",
            [
                "n: expected 3, got 4",
                "report.file.golden: report.txt differs from test/cases/wrong/report.txt at line 2",
                "2 - 3",
                "2 + 4",
                "no: expected 1, but there is no such output",
                "jobs.main: expected all jobs to be failed, got 1 done",
            ],
        ),
        ("no-failure", ["failure: expected a failure, but the run is done"]),
        ("unusable", ["input: input 'm' is not declared in inputSpec; declared are: n, fails"]),
    ],
)
def test_a_failed_case_is_explained(
    tested: tuple[Path, subprocess.CompletedProcess[str]], name: str, lines: list[str]
) -> None:
    found = block(tested[1].stdout, name)
    assert found[0].startswith(f"FAIL  {name}")
    assert found[1 : len(lines) + 1] == lines
    assert len(found) <= 14


def test_a_failure_of_the_job_is_shown_as_a_block(
    tested: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    found = block(tested[1].stdout, "surprise")
    cause = found.index("error: main failed: AppError")
    assert found[cause + 1] == "as wanted"
    assert len(found) <= 17
    assert any(line.startswith("again     dx-local rerun main") for line in found)


def test_only_runs_that_are_not_as_expected_are_kept(
    tested: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    app, done = tested
    kept = {path.name for path in (app / "test-job-workspaces").iterdir()}
    named = re.findall(r"test-job-workspaces/([^/\s]+)", done.stdout)
    assert kept == set(named)
    assert len(kept) == 3


def test_the_junit_file_has_every_case(tested: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    suite = ET.parse(tested[0] / "results" / "cases.xml").getroot()[0]
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "errors")} == {
        "name": "counts", "tests": "7", "failures": "4", "errors": "0"
    }  # fmt: skip
    failed = {case.get("name"): case.find("failure") for case in suite}
    assert {name for name, failure in failed.items() if failure is not None} == {
        "wrong", "surprise", "no-failure", "unusable"
    }  # fmt: skip
    assert failed["wrong"] is not None
    assert "n: expected 3, got 4" in str(failed["wrong"].text)


def test_an_update_writes_what_the_app_has_put_out(dx_local: DxLocal, tmp_path: Path) -> None:
    case = {
        "input": {"n": 4},
        "expect": {
            "n": 3,
            "more": {"value": {"double": 6}},
            "report": {"file": {"golden": "new.txt", "lines": 9}},
        },
        "jobs": {"main": 2},
    }
    app = write_app(tmp_path, {"exact": case})
    offer = dx_local("test", "--app", app).stderr.splitlines()[-1]
    if_right, command = offer.split(": ", 1)
    assert if_right == "if the new outputs are right"
    assert _summary(dx_local(*shlex.split(command)[1:])) == (7, "1 updated")
    path = app / "test" / "cases" / "exact.json"
    updated = json.loads(path.read_text())
    assert updated == {
        "input": {"n": 4},
        "expect": {
            "n": 4,
            "more": {"value": {"double": 8}},
            "report": {"file": {"golden": "new.txt", "lines": 2}},
        },
        "jobs": {"main": 1},
    }
    assert path.read_text() == json.dumps(updated, indent=2)
    assert (app / "test" / "cases" / "exact" / "new.txt").read_text() == "count\n4\n"
    before = path.stat().st_mtime_ns
    assert _summary(dx_local("test", "--app", app, "--update")) == (0, "1 passed")
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("is_folder", [True, False])
def test_something_else_in_the_place_of_a_golden_file_is_named(
    dx_local: DxLocal, tmp_path: Path, is_folder: bool
) -> None:
    app = write_app(tmp_path, {"exact": CASES["exact"]})
    golden = app / "test" / "cases" / "exact" / "report.txt"
    golden.unlink()
    if is_folder:
        golden.mkdir()
    else:
        golden.parent.rmdir()
        golden.parent.touch()
    failed = dx_local("test", "--app", app, "--update")
    assert failed.exit_code == 2
    assert failed.stderr.endswith("hint: Remove or rename it.\n")


def test_an_update_cannot_make_a_failed_job_right(dx_local: DxLocal, tmp_path: Path) -> None:
    app = write_app(tmp_path, {"surprise": {**CASES["surprise"], "jobs": {"main": 9}}})
    before = (app / "test/cases/surprise.json").read_text()
    assert _summary(dx_local("test", "--app", app, "--update")) == (6, "1 failed")
    assert (app / "test/cases/surprise.json").read_text() == before


def test_cases_are_chosen_by_name_and_expression(dx_local: DxLocal, tmp_path: Path) -> None:
    app = write_app(tmp_path, CASES)
    cases = ("ad*", str(app / "test/cases/exact.json"), "wrong")
    done = dx_local("test", *cases, "--app", app, "-k", "not wrong", "--json")
    assert [case["name"] for case in done.json["cases"]] == ["add", "exact"]
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('{"expect": {"n": {"file": {"lnies": 3}}}}', "1:37", "expect.n.file.lnies: unknown key; did you"),
        ('{"expct": {}}', "1:11", "expct: unknown key; did you mean 'expect'?"),
        ('{\n "expect": {"n": {"class": "integer"}}}', "2:28", "expect.n.class: 'integer' is not an I/O"),
        ('{"jobs": {"main": -1}}', "1:19", "jobs.main: "),
        ('{"expect": {"r": {"file": {"golden": "../x"}}}}', "1:38", "expect.r.file.golden: "),
        ('{"expect": {}, "failure": {}}', "1:12", "a run that must fail has no outputs"),
        ('{"expect": }', "1:12", "is missing a value"),
        ("[]", "1:1", "[] is not of type 'object'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_case_has_its_place(
    dx_local: DxLocal, tmp_path: Path, text: str, place: str, message: str
) -> None:
    app = write_app(tmp_path, {})
    (app / "test" / "cases" / "a.json").write_text(text)
    done = dx_local("test", "--app", "counts")
    assert done.exit_code == 2
    assert f"error: counts/test/cases/a.json:{place}: {message}" in done.stderr
    assert not (app / "test-job-workspaces").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--app", "counts", "exat"), "there is no test case 'exat'\n  hint: Did you mean 'exact'?"),
        (("--app", "counts", "-k", "none"), "no test case matches -k 'none'"),
        (("counts",), "'counts' is an app, not a test case\n  hint: Write dx-local test --app counts"),
        (("--app", "missing"), "there is no folder 'missing'"),
        (("--app", "."), "there are no test cases in 'test/cases'"),
    ],
)
def test_wrong_use_is_explained(
    dx_local: DxLocal, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    write_app(tmp_path, {"exact": CASES["exact"]})
    done = dx_local("test", *arguments)
    assert done.exit_code == 2
    assert f"error: {message}" in done.stderr


def test_a_case_without_an_input_is_told_to_have_one(dx_local: DxLocal, tmp_path: Path) -> None:
    app = write_app(tmp_path, {"empty": {}})
    (app / "test" / "input.json").unlink()
    done = dx_local("test", "--app", "counts")
    assert done.exit_code == 6
    assert "hint: Write the input into counts/test/cases/empty.json, or the samples" in done.stdout


def test_the_schema_is_printed(dx_local: DxLocal) -> None:
    page = Path(__file__).parents[2] / "docs/reference/schemas/test-case.schema.json"
    assert dx_local("test", "--schema").stdout == page.read_text(encoding="utf-8")


def test_an_app_with_errors_is_not_tested(dx_local: DxLocal, tmp_path: Path) -> None:
    app = write_app(tmp_path, {"exact": CASES["exact"]})
    (app / "dxapp.json").write_text("{}")
    assert dx_local("test", "--app", app).exit_code == 3


def test_failed_cases_are_annotated_in_github_actions(
    dx_local: DxLocal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_app(tmp_path, {"wrong": {"input": {"n": 4}, "expect": {"n": 3}}})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    done = dx_local("test", "--app", "counts")
    place = "file=counts/test/cases/wrong.json,line=6,title=test case wrong"
    assert f"::error {place}::n: expected 3, got 4" in done.stderr.splitlines()


def test_pytest_collects_the_cases(tmp_path: Path) -> None:
    app = write_app(tmp_path, {name: CASES[name] for name in ("exact", "surprise", "wrong")})
    (app / "test" / "cases" / "broken.json").write_text('{"expct": 1}')
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    command += ["--continue-on-collection-errors", "--deselect", "test/cases/surprise.json"]
    printed = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False).stdout
    assert "test/cases/broken.json:1:11: expct: unknown key; did you mean 'expect'?" in printed
    assert "n: expected 3, got 4" in printed
    assert "1 failed, 1 passed, 1 deselected, 1 error" in printed


def _summary(done: Command) -> tuple[int, str]:
    return done.exit_code, done.stdout.splitlines()[-1].partition(" in ")[0]
