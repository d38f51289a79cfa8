"""Jobs of one run that wait for each other, pass files on, start applets and share nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.testing import Run

    RunApp = Callable[..., Run]
    MakeApp = Callable[..., Path]


WAITING_FOR_SUBJOBS = """
import time
import dxpy

@dxpy.entry_point('part')
def part(depth, how):
    return {'n': 1 + grown(depth - 1, how)}

def grown(depth, how):
    if depth == 0:
        return 0
    jobs = [dxpy.new_dxjob({'depth': depth, 'how': how}, 'part') for _ in range(2)]
    return sum(wait(job, how) for job in jobs)

def wait(job, how):
    if how == 'polls':
        while job.describe()['state'] != 'done':
            time.sleep(0.02)
    elif how == 'dx wait':
        import subprocess
        subprocess.run(['dx', 'wait', job.get_id()], check=True, stdout=subprocess.DEVNULL)
    else:
        job.wait_on_done()
    return job.describe()['output']['n']

@dxpy.entry_point('main')
def main(depth, how):
    return {'n': grown(depth, how)}

dxpy.run()
"""


@pytest.mark.parametrize(("how", "depth"), [("wait_on_done", 3), ("polls", 2), ("dx wait", 1)])
def test_jobs_that_wait_for_their_subjobs_share_one_slot(
    dx_run: RunApp, make_app: MakeApp, how: str, depth: int
) -> None:
    inputs = {"depth": "int", "how": "string"}
    app = make_app(WAITING_FOR_SUBJOBS, inputs=inputs, outputs={"n": "int"})
    run = dx_run(app, {"depth": depth, "how": how}, max_parallel=1)
    assert run.output == {"n": 2 ** (depth + 1) - 2}


DEPENDS_ON_RECORD = """
import dxpy

@dxpy.entry_point('closer')
def closer(record):
    found = dxpy.DXRecord(record)
    found.set_details({'by': 'closer'})
    found.close()

@dxpy.entry_point('reader')
def reader(record):
    return {'by': dxpy.DXRecord(record).get_details()['by']}

@dxpy.entry_point('main')
def main():
    record = dxpy.new_dxrecord()
    reader = dxpy.new_dxjob({'record': record.get_id()}, 'reader', depends_on=[record])
    dxpy.new_dxjob({'record': record.get_id()}, 'closer')
    return {'by': reader.get_output_ref('by')}

dxpy.run()
"""


def test_a_job_waits_for_a_record_that_another_one_closes(dx_run: RunApp, make_app: MakeApp) -> None:
    run = dx_run(make_app(DEPENDS_ON_RECORD, outputs={"by": "string"}), max_parallel=1)
    assert run.output == {"by": "closer"}


TERMINATES = """
import time
import dxpy

@dxpy.entry_point('endless')
def endless():
    time.sleep(600)

@dxpy.entry_point('main')
def main():
    job = dxpy.new_dxjob({}, 'endless')
    job.terminate()
    try:
        job.wait_on_done()
    except dxpy.exceptions.DXJobFailureError:
        pass
    return {'state': job.describe()['state']}

dxpy.run()
"""


@pytest.mark.parametrize("slots", [1, 2])
def test_main_goes_on_when_it_has_terminated_a_subjob(dx_run: RunApp, make_app: MakeApp, slots: int) -> None:
    run = dx_run(make_app(TERMINATES, outputs={"state": "string"}), max_parallel=slots)
    assert run.output == {"state": "terminated"}


PASSES_FILES = """
import os
import dxpy

@dxpy.entry_point('first')
def first():
    open('private', 'w').close()
    file = dxpy.upload_string('from first', name='passed.txt')
    return {'file': dxpy.dxlink(file)}

@dxpy.entry_point('second')
def second(file):
    assert not os.path.exists('private')
    content = dxpy.open_dxfile(file).read()
    found = [result['id'] for result in dxpy.find_data_objects(project=dxpy.WORKSPACE_ID, name='passed.txt')]
    assert found == [file['$dnanexus_link']], found
    return {'text': dxpy.dxlink(dxpy.upload_string(content + ' to second', name='result.txt'))}

@dxpy.entry_point('main')
def main():
    file = dxpy.new_dxjob({}, 'first').get_output_ref('file')
    return {'text': dxpy.new_dxjob({'file': file}, 'second').get_output_ref('text')}

dxpy.run()
"""


def test_subjobs_pass_files_in_their_workspace_and_share_nothing_else(
    dx_run: RunApp, make_app: MakeApp
) -> None:
    run = dx_run(make_app(PASSES_FILES, outputs={"text": "file"}))
    assert run.output["text"].name == "result.txt"
    assert run.output["text"].read_text() == "from first to second"


MAKES_AN_APPLET = '''
import dxpy

CODE = """
import dxpy
@dxpy.entry_point('main')
def main(n):
    return {'file': dxpy.dxlink(dxpy.upload_string(str(n + 1), name='n.txt'))}
"""

@dxpy.entry_point('main')
def main():
    applet = dxpy.api.applet_new({
        'project': dxpy.WORKSPACE_ID,
        'name': 'inner',
        'dxapi': '1.0.0',
        'inputSpec': [{'name': 'n', 'class': 'int'}],
        'outputSpec': [{'name': 'file', 'class': 'file'}],
        'runSpec': {'interpreter': 'python3', 'code': CODE, 'distribution': 'Ubuntu', 'release': '24.04'},
    })['id']
    job = dxpy.DXApplet(applet).run({'n': 41})
    job.wait_on_done()
    assert job.describe()['workspace'] != dxpy.WORKSPACE_ID
    placed = dxpy.describe(job.describe()['output']['file'])['project']
    assert placed == dxpy.WORKSPACE_ID, placed
    return {'file': job.get_output_ref('file')}

dxpy.run()
'''


def test_a_job_runs_an_applet_whose_output_comes_into_its_workspace(
    dx_run: RunApp, make_app: MakeApp
) -> None:
    run = dx_run(make_app(MAKES_AN_APPLET, outputs={"file": "file"}), max_parallel=1)
    assert run.output["file"].read_text() == "42"


UPLOADS_TO_PROJECT = """
import dxpy

@dxpy.entry_point('main')
def main():
    try:
        dxpy.upload_string('x', project=dxpy.PROJECT_CONTEXT_ID, name='x')
    except dxpy.exceptions.PermissionDenied as error:
        return {'how': error.name}
    return {'how': 'allowed'}

dxpy.run()
"""


@pytest.mark.parametrize(
    ("access", "how"),
    [
        ({}, "PermissionDenied"),
        ({"project": "VIEW"}, "PermissionDenied"),
        ({"project": "CONTRIBUTE"}, "allowed"),
    ],
)
def test_a_job_writes_to_the_project_only_as_its_access_says(
    dx_run: RunApp, make_app: MakeApp, access: dict[str, str], how: str
) -> None:
    app = make_app(UPLOADS_TO_PROJECT, outputs={"how": "string"}, access=access)
    assert dx_run(app).output == {"how": how}


BASH_INPUTS = """
set -u
main() {
  [[ "$number" == 3 && "$flag" == true && "$text" == "two words" ]]
  [[ "${reads_name[*]}" == "a.fastq b.fastq" && "${reads_prefix[*]}" == "a b" ]]
  dx-download-all-inputs >/dev/null
  cat "${reads_path[@]}" > joined
  dx-jobutil-add-output joined "$(dx upload joined --brief)"
}
"""


def test_bash_has_its_inputs_as_variables(dx_run: RunApp, make_app: MakeApp, tmp_path: Path) -> None:
    inputs = {"number": "int", "flag": "boolean", "text": "string", "reads": "array:file"}
    app = make_app(BASH_INPUTS, inputs=inputs, outputs={"joined": "file"}, interpreter="bash")
    for name in "ab":
        (tmp_path / f"{name}.fastq").write_text(f"{name}\n")
    reads = [tmp_path / "a.fastq", tmp_path / "b.fastq"]
    run = dx_run(app, {"number": 3, "flag": True, "text": "two words", "reads": reads})
    assert run.output["joined"].read_text() == "a\nb\n"


def test_a_package_of_exec_depends_can_be_imported(dx_run: RunApp, make_app: MakeApp) -> None:
    code = "import dxpy, iniconfig\n@dxpy.entry_point('main')\ndef main():\n    return {}\ndxpy.run()\n"
    depends = [{"name": "iniconfig", "package_manager": "pip", "version": "2.0.0"}]
    app = make_app(code, runSpec={"execDepends": depends}, access={"network": ["*"]})
    assert dx_run(app).state == "done"
