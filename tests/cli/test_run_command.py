"""`dx-local run`: its output, files and exit codes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.execution import requirements

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]
    DxLocal = Callable[..., Any]

ALWAYS = {"schema", "error"}
AFTER_A_JOB = {
    *ALWAYS, "state", "job", "output", "outputLinks", "jobs", "seconds", "workspace", "samplesUsed", "usage",
    "nodes",
    "failure", "resumed",
}  # fmt: skip
USAGE = {
    "executableName", "function", "tries", "maxMemory", "cpuSeconds", "maxDisk",
    "instanceType", "instanceMemory", "instanceStorage",
}  # fmt: skip
FAILURE = {
    "job", "path", "reason", "message", "explanation", "producer", "input", "source", "log", "logTail",
    "findings", "hint",
}  # fmt: skip


@pytest.fixture
def one_file(make_app: MakeApp) -> Path:
    """An app that puts out a file and a number."""
    code = """
    main() {
      echo "on stdout"
      echo "on stderr" >&2
      echo hello > hello.txt
      dx-jobutil-add-output file "$(dx upload hello.txt --brief)"
      dx-jobutil-add-output n 3 --class=int
    }
    """
    return make_app(code, outputs={"file": "file", "n": "int"}, interpreter="bash", name="one")


@pytest.fixture
def failing(make_app: MakeApp) -> Callable[[str], Path]:
    """An app whose main does this."""

    def make(statement: str) -> Path:
        code = f"import dxpy\n@dxpy.entry_point('main')\ndef main():\n    {statement}\ndxpy.run()\n"
        return make_app(code)

    return make


def test_outputs_go_to_stdout_and_all_else_to_stderr(dx_local: DxLocal, one_file: Path) -> None:
    done = dx_local("run", one_file)
    rows = dict(line.split("\t") for line in done.stdout.splitlines())
    assert rows.keys() == {"file", "n"}
    assert rows["n"] == "3"
    assert all(f"main | {text}\n" in done.stderr for text in ("on stdout", "on stderr"))
    assert "done: 1 job in " in done.stderr
    assert "\n  jobs  memory, at most " in done.stderr
    assert re.search(r"\n  main  \S+ MiB, \S+% of mem", done.stderr)


def test_plain_progress_has_no_control_codes(dx_local: DxLocal, one_file: Path) -> None:
    done = dx_local("run", one_file, "--progress", "plain")
    assert "main running\n" in done.stderr
    assert "main done\n" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_quiet_prints_outputs_only(dx_local: DxLocal, one_file: Path) -> None:
    done = dx_local("run", one_file, "-q")
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 2


def test_output_files_go_where_they_are_wanted(dx_local: DxLocal, one_file: Path, tmp_path: Path) -> None:
    dx_local("run", one_file, "--out", "results", "--workspace-path", "kept")
    assert (tmp_path / "results" / "file" / "hello.txt").read_text() == "hello\n"
    assert (tmp_path / "kept" / "platform.sqlite").is_file()
    assert not (one_file / "test-job-workspaces").exists()


def test_a_place_where_outputs_cannot_go_is_refused_at_once(
    dx_local: DxLocal, one_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").touch()
    done = dx_local("run", one_file, "--out", "taken/results")
    assert (done.exit_code, "'taken' is not a folder" in done.stderr) == (2, True)
    assert not (one_file / "test-job-workspaces").exists()


def test_a_workspace_of_an_earlier_run_is_not_touched(dx_local: DxLocal, one_file: Path) -> None:
    assert dx_local("run", one_file, "--workspace-path", "kept").exit_code == 0
    done = dx_local("run", one_file, "--workspace-path", "kept")
    assert (done.exit_code, "'kept' holds an earlier run" in done.stderr) == (2, True)


def test_what_lies_in_a_workspace_stays_when_input_is_wrong(
    dx_local: DxLocal, one_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    assert dx_local("run", one_file, "--workspace-path", "mine", "-iunknown=1").exit_code == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_json_of_a_run_that_is_done(dx_local: DxLocal, one_file: Path, tmp_path: Path) -> None:
    answer = dx_local("run", "one", "--json", "--workspace-path", "kept").json
    assert answer.keys() == AFTER_A_JOB
    assert (answer["schema"], answer["state"], answer["jobs"]) == (1, "done", 1)
    assert (answer["error"], answer["failure"]) == (None, None)
    assert answer["workspace"] == str(tmp_path / "kept")
    assert answer["output"] == {"file": str(tmp_path / "kept" / "out" / "file" / "hello.txt"), "n": 3}
    assert answer["outputLinks"]["file"]["$dnanexus_link"].startswith("file-")


def test_json_tells_what_each_entry_point_used(dx_local: DxLocal, one_file: Path) -> None:
    (used,) = dx_local("run", one_file, "--json").json["usage"]
    assert used.keys() == USAGE
    assert (used["function"], used["tries"], used["instanceType"]) == ("main", 1, "mem1_ssd1_v2_x4")
    assert used["instanceMemory"] > used["maxMemory"] > 1 << 20
    assert used["instanceStorage"] > used["maxDisk"] > 0
    assert 0 < used["cpuSeconds"] < 10


def test_json_of_a_run_that_failed(dx_local: DxLocal, failing: Callable[[str], Path]) -> None:
    app = failing("raise dxpy.AppError('no reads')")
    answer = dx_local("run", app, "--json").json
    assert answer.keys() == AFTER_A_JOB
    assert (answer["state"], answer["output"], answer["error"]) == ("failed", {}, None)
    assert answer["failure"].keys() == FAILURE
    assert (answer["failure"]["reason"], answer["failure"]["path"]) == ("AppError", "main")
    assert answer["failure"]["source"] == {
        "file": str(app / "src" / "app.py"), "line": 4, "text": "raise dxpy.AppError('no reads')"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [(["nowhere"], 2, "usage"), (["one", "-iunknown=1"], 2, "usage"), (["faulty"], 3, "findings")],
)
def test_json_of_a_run_that_could_not_begin(
    dx_local: DxLocal, one_file: Path, tmp_path: Path, arguments: list[str], exit_code: int, code: str
) -> None:
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "dxapp.json").write_text('{"name": 3}')
    done = dx_local("run", *arguments, "--json")
    assert done.exit_code == exit_code
    assert done.json.keys() == ALWAYS
    assert done.json["error"]["code"] == code
    assert sorted(path.name for path in one_file.iterdir()) == ["dxapp.json", "src"]


@pytest.mark.parametrize(
    ("statement", "exit_code"),
    [
        ("return {}", 0),
        ("raise dxpy.AppError('wrong')", 5),
        ("raise dxpy.AppInternalError('wrong')", 6),
        ("import os; os._exit(77)", 6),
        ("return 3", 6),
    ],
)
def test_the_exit_code_says_how_the_job_ended(
    dx_local: DxLocal, failing: Callable[[str], Path], statement: str, exit_code: int
) -> None:
    assert dx_local("run", failing(statement)).exit_code == exit_code


def test_json_has_the_ids_of_jobs_and_the_one_that_returned_a_wrong_value(
    dx_local: DxLocal, make_app: MakeApp
) -> None:
    code = """
    main() { dx-jobutil-add-output n "$(dx-jobutil-new-job part):n" --class=jobref; }
    part() { dx-jobutil-add-output m 1 --class=int; }
    """
    app = make_app(code, outputs={"n": "int"}, interpreter="bash")
    failure = dx_local("run", app, "--json").json["failure"]
    producer = failure["producer"]
    assert (failure["path"], producer["path"]) == ("main", "main → part")
    assert failure["message"].startswith(f"{producer['job']}:n: ")
    assert failure["explanation"].startswith("output 'n' of main → part: ")
    assert failure["source"]["line"] == 3


def test_without_a_kept_run_of_the_app_the_block_names_paths(
    dx_local: DxLocal, failing: Callable[[str], Path], tmp_path: Path
) -> None:
    shown = dx_local("run", failing("print('x'); 1 / 0"), "--workspace-path", "kept", "-q").stderr
    (log,) = (tmp_path / "kept").glob("jobs/*/log.txt")
    assert re.match(rf"main, the last lines of its log \(all \d+: {log}\)\n", shown)
    assert "dx-local rerun" not in shown
    assert "report    kept/report.html\n" in shown


def test_of_jobs_with_the_same_name_the_path_is_in_the_commands(dx_local: DxLocal, make_app: MakeApp) -> None:
    code = """
    import dxpy
    @dxpy.entry_point('leaf')
    def leaf(n):
        return {'n': 1 // n}
    @dxpy.entry_point('map')
    def map_(n):
        return {'n': dxpy.new_dxjob({'n': n}, 'leaf').get_output_ref('n')}
    @dxpy.entry_point('main')
    def main():
        jobs = [dxpy.new_dxjob({'n': n}, 'map') for n in (1, 0)]
        return {'n': [job.get_output_ref('n') for job in jobs]}
    """
    make_app(code, outputs={"n": "array:int"})
    shown = dx_local("run", "app", "--max-parallel", "1").stderr
    assert "again     dx-local rerun 'main → map[2] → leaf' --app app" in shown


def test_the_cause_of_a_failure_comes_last(dx_local: DxLocal, failing: Callable[[str], Path]) -> None:
    app = failing("raise ValueError('what it was')")
    _, _, report = dx_local("run", app).stderr.rpartition("error: ")
    assert report.splitlines() == [
        "main failed: AppInternalError",
        "  ValueError: what it was",
        f"  at {app / 'src' / 'app.py'}:4",
        "      raise ValueError('what it was')",
    ]


def test_the_cause_of_a_failure_in_bash_names_the_line(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() {\n  echo fine\n  nonsense --flag\n}\n", interpreter="bash")
    done = dx_local("run", app)
    assert f"  at {app / 'src' / 'app.sh'}:3\n      nonsense --flag" in done.stderr
    assert f"{app / 'src' / 'app.sh'}: line 3: nonsense: command not found" in done.stderr


def test_xtrace_prints_what_bash_runs(dx_local: DxLocal, one_file: Path) -> None:
    assert "+ echo 'on stdout'" in dx_local("run", one_file, "-x").stderr


def test_the_job_believes_itself_in_the_region(dx_local: DxLocal, make_app: MakeApp) -> None:
    code = """
    import dxpy
    @dxpy.entry_point('main')
    def main():
        return {'region': dxpy.describe(dxpy.PROJECT_CONTEXT_ID)['region']}
    """
    app = make_app(code, outputs={"region": "string"})
    assert dx_local("run", app, "--region", "aws:eu-central-1").stdout == "region\taws:eu-central-1\n"


def test_the_command_of_the_old_runner_does_the_same(command: DxLocal, echo_app: Path) -> None:
    done = command("dx-run-app-locally", echo_app, "-itext=hi", "-y")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == 'echo\t{"text": "hi", "reads": []}\n'


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_waits_for_nothing_that_only_runs_need(
    command: DxLocal, variables: dict[str, str], arguments: list[str]
) -> None:
    variables["PYTHONPROFILEIMPORTTIME"] = "1"
    imported = {
        line.rpartition("|")[2].strip() for line in command("dx-local", *arguments).stderr.splitlines()
    }
    assert "dx_local.cli" in imported
    heavy = {"cookiecutter", "dxpy", "jsonschema", "rich", "sqlite3", "starlette", "uvicorn", "uvloop"}
    assert imported & heavy == set()


def test_a_job_over_its_time_limit_ends_the_run_with_124(
    dx_local: DxLocal, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The platform knows no unit that is shorter.
    monkeypatch.setitem(requirements.UNIT_MS, "minutes", 300)
    limit = {"timeoutPolicy": {"main": {"minutes": 1}}}
    app = make_app("main() { sleep 600; }", interpreter="bash", runSpec=limit)
    done = dx_local("run", app, "--json")
    assert done.exit_code == 124
    failure = json.loads(done.stdout)["failure"]
    assert failure["reason"] == "JobTimeoutExceeded"
    assert failure["message"] == "The job ran longer than its time limit of 0.3 seconds"


def test_progress_tells_of_tries(dx_local: DxLocal, make_app: MakeApp) -> None:
    policy = {"executionPolicy": {"restartOn": {"AppInternalError": 1}}}
    app = make_app("main() { grep -q '\"try\": 1' dnanexus-job.json; }", interpreter="bash", runSpec=policy)
    done = dx_local("run", app, "--progress", "plain")
    told = [line.split("s ", 1)[1] for line in done.stderr.splitlines() if "s main " in line]
    failed = "main restartable (AppInternalError)"
    assert told == ["main running", failed, "main running (try 1)", "main done"]


def test_an_app_of_old_that_names_no_release_runs_all_the_same(
    dx_local: DxLocal, make_app: Callable[..., Path]
) -> None:
    app = make_app("main() { echo runs; }", interpreter="bash")
    spec = json.loads((app / "dxapp.json").read_text())
    for key in ("distribution", "release", "version"):
        del spec["runSpec"][key]
    (app / "dxapp.json").write_text(json.dumps(spec))
    done = dx_local("run", app)
    assert done.exit_code == 0
    assert done.stderr.count("`dx build` will reject this app: runSpec.release is missing.") == 1


ESCAPES = r"\033]0;title\007 \033c \016 \033Pq\033\\ \033[31mred\b \233"


def test_the_closing_block_has_no_control_characters(
    dx_local: DxLocal, make_app: MakeApp, tmp_path: Path
) -> None:
    report = f'dx-jobutil-report-error "$(printf "no {ESCAPES}")"'
    code = f"main() {{ printf '{ESCAPES} here\\n' >&2; {report}; exit 1; }}\n"
    done = dx_local("run", make_app(code, interpreter="bash"), "--workspace-path", "kept")
    shown = [text for text in done.stderr if text < " " and text not in "\n\t"]
    assert (done.exit_code, shown) == (5, [])
    assert "red" in done.stderr
    (log,) = (tmp_path / "kept").glob("jobs/*/log.txt")
    assert b"\x1b]0;title\x07" in log.read_bytes()
