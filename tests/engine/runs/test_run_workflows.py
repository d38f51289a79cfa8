"""A workflow with real stages, started by the real `dx` and by a job."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.local_server import DX_LOCAL, user_variables

from dx_local.testing import JobFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.testing import Run

JSON = dict[str, Any]

SHOUT = """main() {
    dx download "$text" -o in.txt
    [ "$word" != bad ] || dx-jobutil-report-error "no bad words"
    (cat in.txt; echo "$word") > out.txt
    file=$(dx upload out.txt --brief)
    dx-jobutil-add-output text "$file" --class=file
}
"""
LAUNCHER = """main() {
    analysis=$(dx run "$workflow" -y --brief)
    dx-jobutil-add-output text "$analysis:b.text" --class=analysisref
}
"""
SCRIPT = """
dx build shout && dx build launcher
echo start > start.txt && dx upload start.txt
workflow=$(dx new workflow w --brief)
dx add stage w shout --id a -iword=one -itext=start.txt
dx add stage w shout --id b -iword=two --relative-output-folder sub -j "$FROM_A"
good=$(dx run w -y --brief --folder /out)
bad=$(dx run w -y -ia.word=bad --folder /bad --brief)
job=$(dx run launcher -iworkflow=$workflow -y --brief)
dx wait $good
dx wait $bad
dx wait $job
dx cat /out/sub/out.txt > good.txt
dx ls /out > folder.txt
dx describe $bad --json > bad.json
dx cat $job:text > of_job.txt
dx find analyses --brief | wc -l > count.txt
"""


RUNS_A_WORKFLOW = """
import dxpy

@dxpy.entry_point('main')
def main(word):
    code = 'main() { dx-jobutil-report-error "$word"; }' if word == 'bad' else 'main() { true; }'
    spec = {'interpreter': 'bash', 'code': code}
    inputs = [{'name': 'word', 'class': 'string'}]
    applet = dxpy.api.applet_new({
        'project': dxpy.WORKSPACE_ID, 'name': 'say', 'dxapi': '1.0.0', 'inputSpec': inputs, 'runSpec': spec})
    stage = {'id': 'a', 'executable': applet['id'], 'input': {'word': word}}
    dxpy.new_dxworkflow(name='pipeline', stages=[stage]).run({})

dxpy.run()
"""


def write_app(folder: Path, code: str, inputs: list[JSON]) -> None:
    folder.mkdir()
    definition = {
        "name": folder.name,
        "title": folder.name,
        "summary": "A stage",
        "dxapi": "1.0.0",
        "inputSpec": inputs,
        "outputSpec": [{"name": "text", "class": "file"}],
        "runSpec": {
            "interpreter": "bash",
            "file": "code.sh",
            "distribution": "Ubuntu",
            "release": "24.04",
            "version": "0",
        },
    }
    (folder / "dxapp.json").write_text(json.dumps(definition))
    (folder / "code.sh").write_text(code)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the script, which ran a workflow of two stages: to success, to failure, and from a job."""
    folder = tmp_path_factory.mktemp("workflows")
    write_app(
        folder / "shout", SHOUT, [{"name": "text", "class": "file"}, {"name": "word", "class": "string"}]
    )
    write_app(folder / "launcher", LAUNCHER, [{"name": "workflow", "class": "string"}])
    from_a = {"text": {"$dnanexus_link": {"stage": "a", "outputField": "text"}}}
    done = subprocess.run(
        [DX_LOCAL, "exec", "--", "bash", "-c", SCRIPT],
        env={**user_variables(folder), "FROM_A": json.dumps(from_a)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_stage_runs_on_the_file_of_another(results: Path) -> None:
    assert (results / "good.txt").read_text() == "start\none\ntwo\n"


def test_outputs_lie_in_the_folders_of_the_stages(results: Path) -> None:
    assert (results / "folder.txt").read_text() == "sub/\nout.txt\n"


def test_a_stage_that_fails_fails_the_analysis(results: Path) -> None:
    described = json.loads((results / "bad.json").read_text())
    assert (described["state"], described["failureMessage"]) == ("failed", "no bad words")
    states = [stage["execution"]["failureReason"] for stage in described["stages"]]
    assert states == ["AppError", "DependencyUnsatisfiable"]


def test_a_job_may_run_a_workflow_and_give_out_its_output(results: Path) -> None:
    assert (results / "of_job.txt").read_text() == "start\none\ntwo\n"
    assert (results / "count.txt").read_text().strip() == "3"


@pytest.fixture
def app(make_app: Callable[..., Path]) -> Path:
    """An app that makes a workflow in its workspace and runs it."""
    return make_app(RUNS_A_WORKFLOW, inputs={"word": "string"}, outputs={})


def test_an_app_may_make_and_run_a_workflow(dx_run: Callable[..., Run], app: Path) -> None:
    assert dx_run(app, {"word": "good"}).state == "done"


def test_the_report_of_a_failure_leads_to_the_stage(dx_run: Callable[..., Run], app: Path) -> None:
    with pytest.raises(JobFailedError, match="main → pipeline → say failed: AppError: bad"):
        dx_run(app, {"word": "bad"})
