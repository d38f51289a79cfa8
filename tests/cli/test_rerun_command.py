"""`dx-local rerun`: one job of a kept run again, with its recorded input and today's code."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.docs.test_json_outputs import check

from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

CODE = """
import dxpy

NESTED = {
    'interpreter': 'bash',
    'code': 'main() { dx-jobutil-add-output said "nested $word" --class string; }',
}

@dxpy.entry_point('main')
def main(reads):
    part = dxpy.dxlink(dxpy.upload_string('a part', name='part.txt', wait_on_close=True))
    record = dxpy.new_dxrecord(name='note', details={'part': part, 'k': 31})
    record.close()
    table = dxpy.new_dxgtable([dxpy.DXGTable.make_column_desc('n', 'int32')])
    table.add_rows([[7], [8]])
    table.close(block=True)
    values = {'reads': reads, 'part': part, 'note': dxpy.dxlink(record), 'table': dxpy.dxlink(table)}
    first = dxpy.new_dxjob(values, 'read')
    join = dxpy.new_dxjob({'text': first.get_output_ref('text'), 'by_id': part['$dnanexus_link']}, 'join')
    applet = dxpy.api.applet_new({
        'project': dxpy.WORKSPACE_ID, 'name': 'nested', 'dxapi': '1.0.0', 'runSpec': NESTED,
        'inputSpec': [{'name': 'word', 'class': 'string'}],
        'outputSpec': [{'name': 'said', 'class': 'string'}],
    })['id']
    dxpy.DXApplet(applet).run({'word': 'applet'})
    broken = dxpy.new_dxjob({'n': 1}, 'broken', depends_on=[join])
    dxpy.new_dxjob({'n': 2}, 'late', depends_on=[broken])
    return {}

@dxpy.entry_point('read')
def read(reads, part, note, table):
    note = dxpy.DXRecord(note)
    texts = [dxpy.open_dxfile(file).read() for file in (reads, part, note.get_details()['part'])]
    rows = [row[1] for row in dxpy.DXGTable(table).iterate_rows()]
    return {'text': ' '.join([*texts, str(note.get_details()['k']), str(rows)])}

@dxpy.entry_point('join')
def join(text, by_id):
    return {'joined': text + '|' + dxpy.open_dxfile(by_id).read()}

@dxpy.entry_point('broken')
def broken(n):
    if n:
        raise dxpy.AppError('it broke')
    return {}

@dxpy.entry_point('late')
def late(n):
    return {'n': n}

dxpy.run()
"""
READ = "the reads a part a part 31 [7, 8]"
FIXED = CODE.replace("if n:", "if n > 1:").replace("'applet'", "'other'")


@pytest.fixture(scope="module")
def kept(make_module_app: MakeApp) -> Path:
    """An app with one kept run, which failed; its input file is beside it."""
    app = make_module_app(CODE, inputs={"reads": "file"}, outputs={}, name="rerun-app")
    reads = app.parent / "reads.txt"
    reads.write_text("the reads")
    asyncio.run(run_once(RunRequest(app, GivenInputs.of({"reads": reads}))))
    return app


def fix(app: Path) -> None:
    source = next((app / "src").iterdir())
    source.write_text(source.read_text().replace(CODE, FIXED))


@pytest.mark.parametrize(
    ("job", "output"),
    [
        ("read", {"text": READ}),
        ("main → join", {"joined": f"{READ}|a part"}),
        ("nested", {"said": "nested applet"}),
        ("late", {"n": 2}),
    ],
)
def test_a_job_gets_what_it_got_in_the_run(
    dx_local: DxLocal, kept: Path, job: str, output: dict[str, Any]
) -> None:
    done = dx_local("rerun", job, "--app", kept, "-q", "--json")
    assert done.json["output"] == output
    assert done.exit_code == 0
    assert done.json["jobs"] == 1


def test_last_is_the_job_that_failed_by_itself_even_after_other_reruns(dx_local: DxLocal, kept: Path) -> None:
    for _ in range(2):
        failed = dx_local("rerun", "last", "--app", kept, "-q", "--json")
        assert failed.json["failure"]["message"] == "it broke"
        assert failed.json["failure"]["path"] == "broken"
        assert failed.exit_code == 5


def test_runs_name_the_job_that_a_rerun_has_run_again(dx_local: DxLocal, kept: Path, tmp_path: Path) -> None:
    app = shutil.copytree(kept, tmp_path / "listed", symlinks=True)
    fix(app)
    dx_local("rerun", "broken", "--app", app, "-q")
    *_, rerun = check("runs", dx_local("runs", app, "--json").json)["runs"]
    assert (rerun["state"], rerun["repeats"]) == ("done", "main → broken")
    assert dx_local("runs", app).stdout.endswith("  rerun of main → broken\n")


def test_the_code_is_that_of_today(dx_local: DxLocal, kept: Path, tmp_path: Path) -> None:
    app = shutil.copytree(kept, tmp_path / "fixed", symlinks=True)
    fix(app)
    assert dx_local("rerun", "broken", "--app", app, "-q").exit_code == 0


def test_a_job_that_starts_others_starts_them_again(dx_local: DxLocal, kept: Path, tmp_path: Path) -> None:
    app = shutil.copytree(kept, tmp_path / "fixed", symlinks=True)
    fix(app)
    done = dx_local("rerun", "main", "--app", app, "-q", "--json")
    assert done.json["state"] == "done"
    assert done.json["jobs"] == 6


def test_a_changed_input_file_is_used_as_it_is_and_a_missing_one_is_an_error(
    dx_local: DxLocal, make_app: MakeApp, tmp_path: Path
) -> None:
    code = 'main() { dx download "$reads" -o got; dx-jobutil-add-output text "$(cat got)" --class string; }'
    app = make_app(code, inputs={"reads": "file"}, outputs={"text": "string"}, interpreter="bash")
    reads = tmp_path / "reads.txt"
    reads.write_text("before")
    dx_local("run", app, f"-ireads={reads}", "-q")
    reads.write_text("afterwards")
    changed = dx_local("rerun", "main", "--app", app)
    assert "Input file 'reads.txt' has changed since the run" in changed.stderr
    assert changed.stdout == "text\tafterwards\n"
    reads.unlink()
    missing = dx_local("rerun", "main", "--app", app)
    assert missing.exit_code == 2
    assert f"error: file 'reads.txt' ({reads}) of the kept run cannot be used" in missing.stderr
    assert len(list((app / "test-job-workspaces").iterdir())) == 2


def test_an_input_that_is_not_valid_any_more_is_wrong_use(
    dx_local: DxLocal, kept: Path, tmp_path: Path
) -> None:
    app = shutil.copytree(kept, tmp_path / "renamed", symlinks=True)
    spec = app / "dxapp.json"
    spec.write_text(spec.read_text().replace('"name": "reads"', '"name": "bases"'))
    source = next((app / "src").iterdir())
    source.write_text(
        source.read_text().replace("main(reads)", "main(bases)").replace(": reads,", ": bases,")
    )
    failed = dx_local("rerun", "main", "--app", app)
    assert failed.exit_code == 2
    assert "error: the recorded input of main is not valid any more: " in failed.stderr


def test_an_entry_point_that_is_gone_is_wrong_use(dx_local: DxLocal, kept: Path, tmp_path: Path) -> None:
    app = shutil.copytree(kept, tmp_path / "without", symlinks=True)
    source = next((app / "src").iterdir())
    source.write_text(source.read_text().replace("'late'", "'later'"))
    failed = dx_local("rerun", "late", "--app", app)
    assert failed.exit_code == 2
    assert "error: the app has no entry point 'late'\n  hint: Did you mean 'later'?" in failed.stderr


def test_a_job_that_never_got_its_input_is_wrong_use(dx_local: DxLocal, make_app: MakeApp) -> None:
    code = """
import dxpy

@dxpy.entry_point('main')
def main():
    broken = dxpy.new_dxjob({}, 'broken')
    dxpy.new_dxjob({'x': broken.get_output_ref('x')}, 'late')

@dxpy.entry_point('broken')
def broken():
    raise dxpy.AppError('it broke')

@dxpy.entry_point('late')
def late(x):
    pass

dxpy.run()
"""
    app = make_app(code)
    dx_local("run", app, "-q")
    failed = dx_local("rerun", "late", "--app", app)
    assert failed.exit_code == 2
    assert "error: main → late never got its input: job-" in failed.stderr
