"""`dx-local run --resume`: jobs of an earlier run are taken over, the others run again for a reason."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dx_local.cli import main as dx_local_main
from dx_local.engine.history.kept_runs import kept_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]
    Edit = Callable[[Path], None]

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def kept_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated app with one run that is done."""
    folder = tmp_path_factory.mktemp("resume")
    app = folder / "count"
    answers = ["--language", "python", "--template", "scatter-process-gather"]
    fields = ["--input", "reads:file", "--output", "report:file", "--no-input"]
    program = Path(sys.executable).parent / "dx-app-wizard"
    subprocess.run([program, app.name, *answers, *fields], cwd=folder, check=True, capture_output=True)
    done = CliRunner().invoke(dx_local_main, ["run", str(app), "-q"])
    assert done.exit_code == 0, done.output
    return app


@pytest.fixture
def app(kept_app: Path, tmp_path: Path) -> Path:
    """A copy of the app with its run, to be edited."""
    return shutil.copytree(kept_app, tmp_path / "count", symlinks=True)


def source_of(app: Path) -> Path:
    return next((app / "src").iterdir())


def replacing(before: str, after: str) -> Edit:
    def edit(app: Path) -> None:
        source = source_of(app)
        text = source.read_text()
        assert before in text
        source.write_text(text.replace(before, after))

    return edit


def with_run_spec(**fields: Any) -> Edit:
    def edit(app: Path) -> None:
        spec = json.loads((app / "dxapp.json").read_text())
        spec["runSpec"] |= fields
        (app / "dxapp.json").write_text(json.dumps(spec))

    return edit


def with_resources(app: Path) -> None:
    (app / "resources").mkdir()
    (app / "resources" / "table").write_text("1")


def without_pieces(app: Path) -> None:
    """Delete the first piece that scatter put out."""
    (run,) = kept_runs(app)
    with run.opened() as platform:
        piece = platform.store.value("SELECT object FROM placement WHERE name = 'piece-0001'")
    (run.folder / "files" / piece).unlink()


def with_damaged_pieces(app: Path) -> None:
    """Change a byte of the first piece, but not its size."""
    (run,) = kept_runs(app)
    with run.opened() as platform:
        piece = platform.store.value("SELECT object FROM placement WHERE name = 'piece-0001'")
    path = run.folder / "files" / piece
    path.write_bytes(b"X" + path.read_bytes()[1:])


def with_other_reads(app: Path) -> None:
    reads = next((app / "test").rglob("*.fastq*"), None) or next(
        path for path in (app / "test").rglob("*") if path.is_file() and path.name != "input.json"
    )
    reads.write_bytes(reads.read_bytes() + b"@extra\nACGT\n+\nIIII\n")


def untouched(_app: Path) -> None:
    pass


def again(resumed: JSON) -> dict[str, str]:
    """Return the reasons by entry point; those of ten jobs of one are equal."""
    return {entry["job"].partition("[")[0]: entry["reason"] for entry in resumed["again"]}


STARTS = "starts the others"
PROCESS = 'return {"lines": len(lengths)'
CASES = [
    pytest.param(untouched, {}, 14, id="nothing changed"),
    pytest.param(
        replacing('"pieces": len(results),', '"pieces": len(results), "x": 1,'),
        {"main": STARTS, "postprocess": "its code changed: gather (src/count.py:46)"},
        12,
        id="gather edited",
    ),
    pytest.param(
        replacing(PROCESS, 'return {"lines": 1 + len(lengths)'),
        {
            "main": STARTS,
            "map": STARTS,
            "process": "its code changed: process_piece (src/count.py:35)",
            "postprocess": "input results comes from map, which put out something else",
        },
        1,
        id="process_piece edited",
    ),
    pytest.param(
        replacing(PROCESS, 'return {"lines": 0 + len(lengths)'),
        {"main": STARTS, "map": STARTS, "process": "its code changed: process_piece (src/count.py:35)"},
        2,
        id="process_piece edited with the same result",
    ),
    pytest.param(
        with_run_spec(execDepends=[{"name": "coreutils"}]),
        dict.fromkeys(["main", "scatter", "map", "process", "postprocess"], "dependency changed: coreutils"),
        0,
        id="execDepends changed",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        with_resources,
        dict.fromkeys(["main", "scatter", "map", "process", "postprocess"], "dependency changed: resources/"),
        0,
        id="resources added",
    ),
    pytest.param(
        without_pieces,
        {"main": STARTS, "scatter": "output piece-0001 is gone or has changed"},
        12,
        id="output file deleted",
    ),
    pytest.param(
        with_damaged_pieces,
        {"main": STARTS, "scatter": "output piece-0001 has changed"},
        12,
        id="output file changed",
    ),
    pytest.param(
        with_other_reads,
        {
            "main": "input reads changed (1.1 KiB → 1.1 KiB)",
            "scatter": "input files changed",
            "map": "input app_input changed",
            "process": "input app_input changed",
            "postprocess": "input app_input changed",
        },
        0,
        id="input file changed",
    ),
]


@pytest.mark.parametrize(("edit", "reasons", "taken_over"), CASES)
def test_jobs_that_are_affected_run_again(
    dx_local: DxLocal, app: Path, edit: Edit, reasons: dict[str, str], taken_over: int
) -> None:
    edit(app)
    done = dx_local("run", app, "--resume", "-q", "--json")
    assert done.exit_code == 0, done.stderr
    assert again(done.json["resumed"]) == reasons
    assert done.json["resumed"]["takenOver"] == taken_over


@pytest.mark.slow
@pytest.mark.parametrize(
    "edit", [replacing(PROCESS, 'return {"lines": 1 + len(lengths)'), with_other_reads], ids=["code", "input"]
)
def test_the_output_is_that_of_a_fresh_run(dx_local: DxLocal, app: Path, edit: Edit) -> None:
    edit(app)
    resumed, fresh = (dx_local("run", app, *form, "-q", "--json") for form in (("--resume",), ()))
    assert contents(resumed.json) == contents(fresh.json)
    assert resumed.json["jobs"] == fresh.json["jobs"]


def contents(result: JSON) -> bytes:
    return Path(result["output"]["report"]).read_bytes()


def test_the_plan_names_reasons_and_the_run_shows_what_was_taken_over(dx_local: DxLocal, app: Path) -> None:
    replacing('"pieces": len(results),', '"pieces": len(results), "x": 1,')(app)
    done = dx_local("run", app, "--resume")
    (earlier, _) = kept_runs(app)
    plan = re.sub(r"saves [\d.]+ s", "saves 1 s", done.stderr)
    assert (
        f"resume of {earlier.name} (done; 14 of 14 jobs done)\n"
        "  taken over  scatter, map, 10 process  saves 1 s\n"
        "  again       main         starts the others\n"
        "              postprocess  its code changed: gather (src/count.py:46)\n"
    ) in plan
    assert "process[10] done (taken over)\n" in done.stderr
    assert "taken over: 12 of 14 jobs" in done.stderr
    log = dx_local("logs", "process[2]", "--app", app)
    assert log.stderr == "process[2] was taken over: its log is in an earlier run (see --run)\n"


def test_a_resumed_run_can_be_resumed_and_its_jobs_repeated(dx_local: DxLocal, app: Path) -> None:
    dx_local("run", app, "--resume", "-q")
    replacing(PROCESS, 'return {"lines": 1 + len(lengths)')(app)
    second = dx_local("run", app, "--resume", "-q", "--json")
    assert second.json["resumed"]["takenOver"] == 1
    shutil.rmtree(kept_runs(app)[0].folder)
    replacing('"pieces": len(results),', '"pieces": len(results), "x": 1,')(app)
    third = dx_local("run", app, "--resume", "-q", "--json")
    assert set(again(third.json["resumed"])) == {"main", "postprocess"}
    repeated = dx_local("rerun", "process[2]", "--app", app, "-q", "--json")
    assert repeated.json["state"] == "done"


def test_the_report_has_what_was_taken_over_and_why_others_ran(dx_local: DxLocal, app: Path) -> None:
    replacing('"pieces": len(results),', '"pieces": len(results), "x": 1,')(app)
    dx_local("run", app, "--resume", "-q")
    report = json.loads((kept_runs(app)[-1].folder / "report.json").read_text())
    jobs = report["jobs"]
    assert dict(zip(jobs["label"], jobs["again"], strict=True))["postprocess"].startswith("its code changed")
    assert sum(jobs["reused"]) == 12


FAILING = """
import dxpy

@dxpy.entry_point('main')
def main(fails):
    first = [dxpy.new_dxjob({'n': n}, 'process') for n in range(3)]
    second = dxpy.new_dxjob({'fails': fails}, 'fail', depends_on=first)
    third = dxpy.new_dxjob({'x': second.get_output_ref('x')}, 'last')
    return {'x': third.get_output_ref('x')}

@dxpy.entry_point('process')
def process(n):
    return {'n': n}

@dxpy.entry_point('fail')
def fail(fails):
    raise dxpy.AppError('it broke')

@dxpy.entry_point('last')
def last(x):
    return {'x': x}

dxpy.run()
"""


def test_after_a_failure_only_failed_and_missing_jobs_run(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app(FAILING, inputs={"fails": "boolean"}, outputs={"x": "int"})
    assert dx_local("run", app, "-ifails=true", "-q").exit_code == 5
    replacing("raise dxpy.AppError('it broke')", "return {'x': 7}")(app)
    done = dx_local("run", app, "-ifails=true", "--resume", "-q", "--json")
    assert done.json["output"] == {"x": 7}
    assert again(done.json["resumed"]) == {
        "main": STARTS, "fail": "it failed", "last": "it had not run"
    }  # fmt: skip
    assert done.json["resumed"]["takenOver"] == 3


def test_a_run_that_failed_while_it_resumed_another_one_loses_nothing(
    dx_local: DxLocal, make_app: MakeApp
) -> None:
    app = make_app(FAILING, inputs={"fails": "boolean"}, outputs={"x": "int"})
    dx_local("run", app, "-ifails=true", "-q")
    begin = "    first = [dxpy"
    replacing(begin, f"    raise dxpy.AppError('early')\n{begin}")(app)
    assert dx_local("run", app, "-ifails=true", "--resume", "-q").exit_code == 5
    replacing("    raise dxpy.AppError('early')\n", "")(app)
    replacing("raise dxpy.AppError('it broke')", "return {'x': 7}")(app)
    done = dx_local("run", app, "-ifails=true", "--resume", "-q", "--json")
    assert again(done.json["resumed"]) == {
        "main": "it failed", "fail": "it failed", "last": "it had not run"
    }  # fmt: skip
    assert done.json["resumed"]["takenOver"] == 3


def test_the_last_run_from_the_same_entry_point_is_resumed(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() { true; }\nother() { true; }", interpreter="bash")
    dx_local("run", app, "-q")
    dx_local("run", app, "--function", "other", "-q")
    for form in ((), ("--function", "other")):
        done = dx_local("run", app, *form, "--resume", "-q", "--json")
        assert again(done.json["resumed"]) == {}


RESTARTED = """
import os
import dxpy

@dxpy.entry_point('main')
def main():
    children = [dxpy.new_dxjob({'n': n}, 'process') for n in range(2)]
    if not dxpy.describe(dxpy.JOB_ID)['try']:
        children[0].wait_on_done()
        os.kill(os.getpid(), 9)
    return {'x': children[1].get_output_ref('n')}

@dxpy.entry_point('process')
def process(n):
    return {'n': n}

dxpy.run()
"""


def test_jobs_that_a_failed_try_started_are_not_taken_over(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app(RESTARTED, outputs={"x": "int"})
    with_run_spec(executionPolicy={"restartOn": {"*": 1}})(app)
    first = dx_local("run", app, "-q", "--json")
    assert first.json["output"] == {"x": 1}
    done = dx_local("run", app, "--resume", "-q", "--json")
    assert (again(done.json["resumed"]), done.json["resumed"]["takenOver"]) == ({}, 3)


NETWORK = {"access": {"network": ["*"]}}


@pytest.mark.parametrize(
    ("options", "reason"), [((), None), (("--no-resume-network",), "it asks for network")]
)
def test_jobs_with_network_are_taken_over_unless_told_otherwise(
    dx_local: DxLocal, make_app: MakeApp, options: tuple[str, ...], reason: str | None
) -> None:
    app = make_app("main() { true; }", interpreter="bash")
    spec = json.loads((app / "dxapp.json").read_text()) | NETWORK
    (app / "dxapp.json").write_text(json.dumps(spec))
    dx_local("run", app, "-q")
    done = dx_local("run", app, "--resume", *options)
    if reason is None:
        assert "1 of these asks for network; --no-resume-network runs such jobs again" in done.stderr
    else:
        assert f"main  {reason}\n" in done.stderr


def test_executables_with_ignore_reuse_run_again(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() { true; }", interpreter="bash")
    spec = json.loads((app / "dxapp.json").read_text()) | {"ignoreReuse": True}
    (app / "dxapp.json").write_text(json.dumps(spec))
    dx_local("run", app, "-q")
    done = dx_local("run", app, "--resume", "-q", "--json")
    assert again(done.json["resumed"]) == {"main": "ignoreReuse"}


OBJECTS = """
import dxpy

@dxpy.entry_point('main')
def main():
    made = dxpy.new_dxjob({}, 'make')
    used = dxpy.new_dxjob({name: made.get_output_ref(name) for name in ('note', 'table')}, 'use')
    return {'text': used.get_output_ref('text')}

@dxpy.entry_point('make')
def make():
    hidden = dxpy.dxlink(dxpy.upload_string('hidden part', name='part', hidden=True, wait_on_close=True))
    note = dxpy.new_dxrecord(name='note', details={'part': hidden}, close=True)
    table = dxpy.new_dxgtable([dxpy.DXGTable.make_column_desc('n', 'int32')])
    table.add_rows([[7], [8]])
    table.close(block=True)
    return {'note': dxpy.dxlink(note), 'table': dxpy.dxlink(table)}

@dxpy.entry_point('use')
def use(note, table):
    text = dxpy.open_dxfile(dxpy.DXRecord(note).get_details()['part']).read()
    return {'text': text + str([row[1] for row in dxpy.DXGTable(table).iterate_rows()])}

dxpy.run()
"""


def test_records_and_tables_are_taken_over_with_what_they_link_to(
    dx_local: DxLocal, make_app: MakeApp
) -> None:
    app = make_app(OBJECTS, outputs={"text": "string"})
    dx_local("run", app, "-q")
    replacing("{'text': text +", "{'text': 'now ' + text +")(app)
    done = dx_local("run", app, "--resume", "-q", "--json")
    assert set(again(done.json["resumed"])) == {"main", "use"}
    assert done.json["output"] == {"text": "now hidden part[7, 8]"}


NESTED = """
import dxpy

@dxpy.entry_point('main')
def main():
    code = 'main() { dx-jobutil-add-output said "$word" --class string; }'
    run_spec = {'interpreter': 'bash', 'code': code}
    applet = dxpy.api.applet_new({
        'project': dxpy.WORKSPACE_ID, 'name': 'speak', 'dxapi': '1.0.0', 'runSpec': run_spec,
        'inputSpec': [{'name': 'word', 'class': 'string'}],
        'outputSpec': [{'name': 'said', 'class': 'string'}],
    })['id']
    spoken = dxpy.DXApplet(applet).run({'word': 'direct'})
    workflow = dxpy.new_dxworkflow(name='flow', project=dxpy.WORKSPACE_ID)
    workflow.add_stage(applet, stage_id='first', stage_input={'word': 'staged'})
    analysis = workflow.run({}, project=dxpy.WORKSPACE_ID)
    words = {'direct': spoken.get_output_ref('said'), 'staged': analysis.get_output_ref('first.said')}
    return {'text': dxpy.new_dxjob(words, 'join').get_output_ref('text')}

@dxpy.entry_point('join')
def join(direct, staged):
    return {'text': direct + staged}

dxpy.run()
"""


def test_jobs_of_applets_and_workflows_are_taken_over(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app(NESTED, outputs={"text": "string"})
    first = dx_local("run", app, "-q", "--json")
    assert first.json["output"] == {"text": "directstaged"}
    whole = dx_local("run", app, "--resume", "-q", "--json")
    assert again(whole.json["resumed"]) == {}
    replacing("direct + staged", "direct + '|' + staged")(app)
    done = dx_local("run", app, "--resume", "-q", "--json")
    assert done.json["output"] == {"text": "direct|staged"}
    assert set(again(done.json["resumed"])) == {"main", "join"}
    assert done.json["resumed"]["takenOver"] == 2


@pytest.mark.parametrize("name", ["no-such-run", "-3"])
def test_a_name_of_no_run_is_wrong_use(dx_local: DxLocal, app: Path, name: str) -> None:
    failed = dx_local("run", app, "--resume", name)
    assert failed.exit_code == 2
    assert failed.stderr.startswith(f"error: there is no run '{name}'")


@pytest.mark.parametrize("form", [("--resume", "-1"), ("--resume=-1",)])
def test_a_run_is_named_as_in_other_verbs(dx_local: DxLocal, app: Path, form: tuple[str, ...]) -> None:
    done = dx_local("run", app, *form, "-q", "--json")
    assert done.json["resumed"]["run"] == kept_runs(app)[0].name


def test_without_an_earlier_run_all_jobs_run(dx_local: DxLocal, make_app: MakeApp) -> None:
    done = dx_local("run", make_app("main() { true; }", interpreter="bash"), "--resume")
    assert done.stderr.startswith("There is no earlier run to resume: all jobs run.\n")
    assert done.exit_code == 0


def test_an_app_in_the_place_of_a_run_is_explained(dx_local: DxLocal, app: Path) -> None:
    failed = dx_local("run", "--resume", app)
    assert failed.exit_code == 2
    assert f"hint: Write the app first: dx-local run {app} --resume\n" in failed.stderr


def test_a_run_in_progress_cannot_be_resumed(dx_local: DxLocal, app: Path) -> None:
    (run,) = kept_runs(app)
    opened = os.open(run.folder, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    try:
        failed = dx_local("run", app, "--resume")
    finally:
        os.close(opened)
    assert failed.exit_code == 2
    assert f"error: run {run.name} is in progress\n" in failed.stderr
    assert kept_runs(app) == [run]
