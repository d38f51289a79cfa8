"""Access of jobs to objects: input and workspace, and more only as their executable requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunningPlatform

JSON = dict[str, Any]

READS_ITS_INPUT = """
import subprocess, dxpy

@dxpy.entry_point('main')
def main(file, files):
    found = [dxpy.DXFile(file).read(), dxpy.DXFile(files[0]).describe()['name']]
    dxpy.download_dxfile(dxpy.DXFile(file), 'one')
    dxpy.download_dxfile(dxpy.DXFile(files[0]).get_id(), 'two')
    subprocess.run(['dx', 'download', dxpy.DXFile(file).get_id(), '-o', 'three'], check=True)
    subprocess.run(['dx-download-all-inputs'], check=True)
    names = ['one', 'two', 'three', 'in/file/a.txt', 'in/files/0/a.txt']
    return {'texts': found + [open(name).read() for name in names]}

dxpy.run()
"""

LOOKS_AROUND = """
import os, dxpy

def attempt(call):
    try:
        return str(call())
    except dxpy.exceptions.DXAPIError as error:
        return error.name

@dxpy.entry_point('main')
def main(other, record):
    mine, env = dxpy.PROJECT_CONTEXT_ID, os.environ
    attempts = {
        'workspace': lambda: dxpy.api.container_describe(dxpy.WORKSPACE_ID)['level'],
        'project': lambda: dxpy.api.project_describe(mine)['level'],
        'other': lambda: dxpy.api.project_describe(other)['level'],
        'write': lambda: bool(dxpy.new_dxrecord(project=mine)),
        'write to other': lambda: bool(dxpy.new_dxrecord(project=other)),
        'object': lambda: dxpy.DXRecord(record).describe()['name'],
        'new': lambda: bool(dxpy.api.project_new({'name': 'made'})),
    }
    if 'DX_RESOURCES_ID' in env:
        attempts['resources'] = lambda: dxpy.api.container_describe(env['DX_RESOURCES_ID'])['level']
        attempts['cache'] = lambda: bool(dxpy.new_dxrecord(project=env['DX_PROJECT_CACHE_ID']))
    return {'found': {name: attempt(call) for name, call in attempts.items()}}

dxpy.run()
"""


class Maker:
    """Makes an app, or only its applet, out of a program."""

    def __init__(self, running: RunningPlatform) -> None:
        self._running = running

    def __call__(self, kind: str, code: str, inputs: JSON, outputs: JSON, **access: Any) -> str:
        applet = self.applet("python3", code, inputs, outputs, **access)
        if kind == "applet":
            return applet
        name = f"app-of-{applet}"
        app = {"name": name, "version": "1.0.0", "applet": applet, "access": access}
        made: str = self._running.post("/app/new", app)["id"]
        return made

    def applet(self, interpreter: str, code: str, inputs: JSON, outputs: JSON, **access: Any) -> str:
        request = {
            "project": self._running.project,
            "dxapi": "1.0.0",
            "inputSpec": [{"name": name, "class": class_name} for name, class_name in inputs.items()],
            "outputSpec": [{"name": name, "class": class_name} for name, class_name in outputs.items()],
            "runSpec": {"interpreter": interpreter, "code": code},
            "access": access,
        }
        made: str = self._running.post("/applet/new", request)["id"]
        return made


@pytest.fixture
def make(running: RunningPlatform) -> Maker:
    return Maker(running)


def run(running: RunningPlatform, executable: str, values: JSON) -> JSON:
    """Run an executable to its end and describe its job."""
    job = running.post(f"/{executable}/run", {"input": values, "project": running.project})["id"]
    running.try_dx("wait", job)
    described = running.post(f"/{job}/describe")
    assert described["state"] == "done", described.get("failureMessage")
    return described


@pytest.mark.parametrize("kind", ["app", "applet"])
def test_a_job_reads_its_inputs_however_they_are_given(
    running: RunningPlatform, make: Maker, kind: str
) -> None:
    (running.folder / "a.txt").write_text("A")
    file = running.dx("upload", "a.txt", "--brief", "--wait")
    inputs = {"file": "file", "files": "array:file"}
    executable = make(kind, READS_ITS_INPUT, inputs, {"texts": "array:string"})
    extended = {"$dnanexus_link": {"project": running.project, "id": file}}
    job = run(running, executable, {"file": extended, "files": [{"$dnanexus_link": file}, extended]})
    assert job["output"]["texts"] == ["A", "a.txt", "A", "A", "A", "A", "A"]


NOTHING = {
    **dict.fromkeys(("project", "other", "write", "write to other", "object", "new"), "PermissionDenied"),
    "workspace": "CONTRIBUTE",
}
OF_APP = {"resources": "VIEW", "cache": "True"}


@pytest.mark.parametrize(
    ("kind", "granted", "reached"),
    [
        ("app", {}, OF_APP),
        ("applet", {}, {"project": "VIEW"}),
        ("app", {"project": "VIEW"}, {**OF_APP, "project": "VIEW"}),
        ("applet", {"project": "UPLOAD"}, {"project": "UPLOAD", "write": "True"}),
        (
            "applet",
            {"allProjects": "CONTRIBUTE", "projectCreation": True},
            {
                **dict.fromkeys(("project", "other"), "CONTRIBUTE"),
                **dict.fromkeys(("write", "write to other", "new"), "True"),
                "object": "theirs",
            },
        ),
    ],
)
def test_a_job_reaches_what_its_access_grants(
    running: RunningPlatform, make: Maker, kind: str, granted: JSON, reached: JSON
) -> None:
    other = running.post("/project/new", {"name": "other"})["id"]
    record = running.post("/record/new", {"project": other, "name": "theirs"})["id"]
    inputs = {"other": "string", "record": "string"}
    executable = make(kind, LOOKS_AROUND, inputs, {"found": "hash"}, **granted)
    found = run(running, executable, {"other": other, "record": record})["output"]["found"]
    assert found == {**NOTHING, **reached}


def in_project(running: RunningPlatform, data_object: str) -> JSON:
    return running.post(f"/{data_object}/describe", {"project": running.project, "properties": True})


CHANGES_ITS_INPUT = """
set -o pipefail
id=$(dx-jobutil-parse-link "$record")
dx set_properties "$id" seen=yes
dx tag "$id" seen
dx rename "$id" seen
dx set_properties "$record" again=yes
dx describe "$DX_WORKSPACE_ID:$id" --json | python3 -c '
import json, sys
found = json.load(sys.stdin)
print(found["name"], found["tags"], found["properties"])'
"""


def test_a_bare_id_in_a_job_means_the_copy_in_its_workspace(running: RunningPlatform, make: Maker) -> None:
    record = running.post("/record/new", {"project": running.project, "name": "r", "close": True})["id"]
    applet = make.applet("bash", CHANGES_ITS_INPUT, {"record": "record"}, {}, project="CONTRIBUTE")
    job = run(running, applet, {"record": {"$dnanexus_link": record}})
    log = next((running.folder / "platform" / "jobs").glob(f"*{job['id']}/log.txt")).read_text()
    assert "\nseen ['seen'] {'seen': 'yes', 'again': 'yes'}\n" in log
    found = in_project(running, record)
    assert (found["name"], found["tags"], found["properties"]) == ("r", [], {})


def test_an_extended_link_in_a_job_means_the_projects_copy(running: RunningPlatform, make: Maker) -> None:
    record = running.post("/record/new", {"project": running.project, "name": "r", "close": True})["id"]
    applet = make.applet(
        "bash",
        'dx set_properties "$project:$id" k=v',
        {"project": "string", "id": "string"},
        {},
        project="CONTRIBUTE",
    )
    run(running, applet, {"project": running.project, "id": record})
    assert in_project(running, record)["properties"] == {"k": "v"}


def test_what_a_job_sets_on_its_outputs_reaches_the_project(running: RunningPlatform, make: Maker) -> None:
    code = """
    id=$(echo made | dx upload --brief --wait --path made.txt -)
    dx set_properties "$id" k=v
    dx tag "$id" t
    dx-jobutil-add-output made "$id"
    """
    made = run(running, make.applet("bash", code, {}, {"made": "file"}), {})["output"]["made"]
    found = in_project(running, made["$dnanexus_link"])
    assert (found["name"], found["tags"], found["properties"]) == ("made.txt", ["t"], {"k": "v"})


def test_the_rights_of_a_job_do_not_limit_what_it_starts(running: RunningPlatform, make: Maker) -> None:
    child = make.applet(
        "bash",
        'dx new record --brief "$DX_PROJECT_CONTEXT_ID:/of-child"; dx-jobutil-add-output found true',
        {},
        {"found": "boolean"},
        project="CONTRIBUTE",
    )
    code = """
    dx new record "$DX_PROJECT_CONTEXT_ID:/of-parent" 2>&1 | grep -o PermissionDenied
    dx-jobutil-add-output found "$(dx run "$child" -y --brief):found" --class=jobref
    """
    parent = make.applet("bash", code, {"child": "string"}, {"found": "boolean"})
    assert run(running, parent, {"child": child})["output"] == {"found": True}
    names = running.dx("find", "data", "--name", "of-*", "--path", f"{running.project}:/", "--json")
    assert "of-child" in names
    assert "of-parent" not in names
