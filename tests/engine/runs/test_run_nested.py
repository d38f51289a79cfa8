"""Jobs that run other applets and apps in place of an entry point."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import MakeApp, RunningPlatform

INNER = """
import dxpy

@dxpy.entry_point('main')
def main(number):
    if number < 0:
        raise dxpy.AppError('no negative numbers')
    file = dxpy.upload_string(str(number), name='square.txt', folder='/squares', parents=True)
    return {'square': number * number, 'file': dxpy.dxlink(file)}

dxpy.run()
"""

OUTER = """
import dxpy

@dxpy.entry_point('gather')
def gather(squares, files):
    texts = [dxpy.DXFile(file).read() for file in files]
    return {'total': sum(squares), 'texts': ','.join(texts)}

@dxpy.entry_point('main')
def main(numbers, inner):
    executable = dxpy.DXApplet(inner) if inner.startswith('applet-') else dxpy.DXApp(name=inner)
    jobs = [executable.run({'number': number}) for number in numbers]
    squares = [job.get_output_ref('square') for job in jobs]
    files = [job.get_output_ref('file') for job in jobs]
    gathered = dxpy.new_dxjob({'squares': squares, 'files': files}, 'gather')
    return {
        'total': gathered.get_output_ref('total'),
        'texts': gathered.get_output_ref('texts'),
        'files': files,
    }

dxpy.run()
"""


@pytest.fixture(scope="module")
def inner(running: RunningPlatform, make_module_app: MakeApp) -> dict[str, str]:
    """The same program as an applet and as an app."""
    app = make_module_app(
        INNER, name="inner", inputs={"number": "int"}, outputs={"square": "int", "file": "file"},
        authorizedUsers=["user-local"],
    )  # fmt: skip
    applet = json.loads(running.dx("build", str(app)))["id"]
    running.dx("build", "--create-app", "--publish", str(app))
    return {"applet": applet, "app": "inner"}


@pytest.fixture(scope="module")
def outer(running: RunningPlatform, make_module_app: MakeApp) -> str:
    app = make_module_app(
        OUTER,
        name="outer",
        inputs={"numbers": "array:int", "inner": "string"},
        outputs={"total": "int", "texts": "string", "files": "array:file"},
    )
    applet: str = json.loads(running.dx("build", str(app)))["id"]
    return applet


def run(running: RunningPlatform, executable: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Run an executable to its end and describe its job."""
    request = {"input": values, "project": running.project, **more}
    job = running.post(f"/{executable}/run", request)["id"]
    running.try_dx("wait", job)
    return running.post(f"/{job}/describe")


@pytest.mark.parametrize("kind", ["applet", "app"])
def test_an_executable_takes_the_place_of_an_entry_point(
    running: RunningPlatform, outer: str, inner: dict[str, str], kind: str
) -> None:
    job = run(running, outer, {"numbers": [1, 2, 3], "inner": inner[kind]}, folder=f"/of-{kind}")
    assert job["state"] == "done", job.get("failureMessage")
    assert (job["output"]["total"], job["output"]["texts"]) == (14, "1,2,3")
    found = running.dx("find", "data", "--path", f"/of-{kind}", "--brief")
    assert len(found.split()) == 3
    children = running.post("/system/findExecutions", {"parentJob": job["id"], "describe": True})["results"]
    inners = [each["describe"] for each in children if each["describe"]["executableName"] == "inner"]
    assert {each["rootExecution"] for each in inners} == {job["id"]}
    assert len({each["workspace"] for each in inners} | {job["workspace"]}) == 4
    assert all((kind in each) and each["folder"] == "/" for each in inners)


def test_its_failure_is_that_of_the_whole_tree(
    running: RunningPlatform, outer: str, inner: dict[str, str]
) -> None:
    job = run(running, outer, {"numbers": [-1], "inner": inner["app"]})
    assert (job["state"], job["failureReason"]) == ("failed", "JobTreeFailure")
    cause = job["failureFrom"]
    assert (cause["executableName"], cause["failureReason"]) == ("inner", "AppError")
    assert cause["failureMessage"] == "no negative numbers"


COMMANDS = """
main() {
    job=$(dx run "$inner" -inumber=4 -y --brief --wait | head -n 1)
    dx-jobutil-add-output square "$job:square" --class=jobref
    dx cat "$job:file" > copy.txt
    dx-jobutil-add-output copy "$(cat copy.txt)" --class=string
}
"""


def test_a_job_runs_apps_with_the_command_too(
    running: RunningPlatform, make_module_app: MakeApp, inner: dict[str, str]
) -> None:
    outputs = {"square": "int", "copy": "string"}
    app = make_module_app(
        COMMANDS, name="commands", interpreter="bash", inputs={"inner": "string"}, outputs=outputs
    )
    applet = json.loads(running.dx("build", str(app)))["id"]
    job = run(running, applet, {"inner": inner["app"]})
    assert job["state"] == "done", job.get("failureMessage")
    assert job["output"] == {"square": 16, "copy": "4"}


DETACHES = """
import dxpy

@dxpy.entry_point('main')
def main(inner):
    job = dxpy.DXApp(name=inner).run({'number': 5}, project=dxpy.PROJECT_CONTEXT_ID, detach=True)
    return {'job': job.get_id()}

dxpy.run()
"""


@pytest.mark.parametrize("level", ["VIEW", "CONTRIBUTE"])
def test_a_detached_job_is_a_tree_of_its_own(
    running: RunningPlatform, make_module_app: MakeApp, inner: dict[str, str], level: str
) -> None:
    app = make_module_app(
        DETACHES,
        name=f"detaches-with-{level.lower()}",
        inputs={"inner": "string"},
        outputs={"job": "string"},
        access={"project": level},
    )
    applet = json.loads(running.dx("build", str(app)))["id"]
    job = run(running, applet, {"inner": inner["app"]})
    if level == "VIEW":
        assert "CONTRIBUTE permission required" in job["failureMessage"]
        return
    detached = job["output"]["job"]
    running.dx("wait", detached)
    found = running.post(f"/{detached}/describe")
    assert (found["rootExecution"], found["parentJob"], found["detachedFrom"]) == (detached, None, job["id"])
    assert found["output"]["square"] == 25
