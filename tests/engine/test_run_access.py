"""What a job may reach: its inputs and its workspace, and more only as the access of its executable says."""

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
        request = {
            "project": self._running.project,
            "dxapi": "1.0.0",
            "inputSpec": [{"name": name, "class": class_name} for name, class_name in inputs.items()],
            "outputSpec": [{"name": name, "class": class_name} for name, class_name in outputs.items()],
            "runSpec": {"interpreter": "python3", "code": code},
            "access": access,
        }
        applet: str = self._running.post("/applet/new", request)["id"]
        if kind == "applet":
            return applet
        name = f"app-of-{applet}"
        app = {"name": name, "version": "1.0.0", "applet": applet, "access": access}
        made: str = self._running.post("/app/new", app)["id"]
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
