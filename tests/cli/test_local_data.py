"""Objects of the cloud for which local data stands, and further apps in the project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

ID = "B6ZY7VG2J35Vfvpkj8y0KZ0"
FOREIGN = f"project-{ID}1"
GENOME, SCRIPTED, RECORD, APPLET = f"file-{ID}2", f"file-{ID}3", f"record-{ID}4", f"applet-{ID}5"

CODE = f"""
import dxpy

@dxpy.entry_point('main')
def main(genome, **_):
    here = dxpy.PROJECT_CONTEXT_ID
    other = dxpy.find_one_data_object(classname='applet', name='other', project=here)
    jobs = [dxpy.DXApplet(applet).run({{'text': 'x'}}) for applet in (other['id'], '{APPLET}')]
    folder = dxpy.find_one_data_object(name='deep.txt', project='{FOREIGN}', folder='/below')
    return {{
        'genome': dxpy.open_dxfile(genome).read(),
        'scripted': dxpy.open_dxfile('{SCRIPTED}').read(),
        'record': str(dxpy.DXRecord('{RECORD}').get_details()['k']),
        'folder': dxpy.open_dxfile(folder['id'], project='{FOREIGN}').read(),
        'said': jobs[0].get_output_ref('said'),
        'said_by_id': jobs[1].get_output_ref('said'),
    }}

dxpy.run()
"""
OUTPUT = {
    "genome": "ACGT",
    "scripted": "by ID",
    "record": "5",
    "folder": "deep",
    "said": "other: x",
    "said_by_id": "other: x",
}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def with_default(app: Path, default: Any) -> None:
    spec = json.loads((app / "dxapp.json").read_text())
    spec["inputSpec"][0]["default"] = {"$dnanexus_link": default}
    spec["access"] = {"allProjects": "VIEW"}
    (app / "dxapp.json").write_text(json.dumps(spec))


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    """An app that needs objects of the cloud and another app, both below the folder of the test."""
    app = make_app(CODE, inputs={"genome": "file"}, outputs=dict.fromkeys(OUTPUT, "string"), name="needy")
    with_default(app, {"project": FOREIGN, "id": GENOME})
    code = 'main() { dx-jobutil-add-output said "other: $text"; }\n'
    make_app(code, interpreter="bash", inputs={"text": "string"}, outputs={"said": "string"}, name="other")
    data = app.parent / "data"
    write(data / "genome.fa", "ACGT")
    write(data / "scripted.txt", "by ID")
    write(data / "record.json", '{"details": {"k": 5}, "types": ["T"]}')
    write(data / "project" / "below" / "deep.txt", "deep")
    return app


def options() -> list[str]:
    mapped = {
        FOREIGN: "data/project",
        f"{FOREIGN}:{GENOME}": "data/genome.fa",
        SCRIPTED: "data/scripted.txt",
        RECORD: "data/record.json",
        APPLET: "other",
    }
    return [word for key, path in mapped.items() for word in ("--object", f"{key}={path}")]


def test_objects_and_apps_of_options_are_on_the_platform(dx_local: DxLocal, app: Path) -> None:
    done = dx_local("run", app, "-q", "--json", "--with", "other", *options())
    assert done.json["output"] == OUTPUT, done.stderr


def test_those_of_a_project_file_are_as_well_for_the_test_cases_too(dx_local: DxLocal, app: Path) -> None:
    lines = [f'"{key}" = "{path}"' for key, _, path in (word.partition("=") for word in options()[1::2])]
    write(app.parent / ".dx-app-wizard.toml", "\n".join(["[with]", 'apps = ["other"]', "[objects]", *lines]))
    write(app / "test" / "cases" / "all.json", json.dumps({"input": {}, "expect": OUTPUT}))
    tested = dx_local("test", "--app", app)
    assert tested.exit_code == 0, tested.stdout + tested.stderr


def test_a_missing_default_is_reported_with_its_input_and_the_option(dx_local: DxLocal, app: Path) -> None:
    failed = dx_local("run", app, "-q")
    assert failed.exit_code == 2
    assert f"input 'genome': {GENOME}, its default, is not on this machine" in failed.stderr
    assert f"--object {FOREIGN}:{GENOME}=PATH" in failed.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[objects]\n\n'file-x' = 'a'", "3: 'file-x' is not an ID that can be mapped"),
        (f"[objects]\n{GENOME} = 3", "2: 3 is not a path"),
        (f"[objects]\n{GENOME} = 'none'", "2: there is no "),
        ("[with]\napp = 'x'", "2: [with] has no key 'app'"),
        ("[with]\napps = 'x'", "2: apps is not an array"),
        ("objects = 3", "1: objects: must be a table"),
        ("[objects]\na = [\n= 2", "3:1: is not TOML"),
    ],
)
def test_a_mistake_in_the_project_file_is_reported_with_its_line(
    dx_local: DxLocal, make_app: MakeApp, text: str, problem: str
) -> None:
    app = make_app("main() { :; }\n", interpreter="bash")
    place = write(app.parent / ".dx-app-wizard.toml", text)
    failed = dx_local("run", app, "-q")
    assert failed.exit_code == 2
    assert f"{place}:{problem}" in failed.stderr.replace("\n  ", " ")


def test_a_served_platform_has_them_too(dx_local: DxLocal, tmp_path: Path) -> None:
    write(tmp_path / "scripted.txt", "by ID")
    shown = dx_local("exec", "--object", f"{SCRIPTED}=scripted.txt", "--", "dx", "cat", SCRIPTED)
    assert shown.exit_code == 0, shown.stderr


def test_an_id_that_the_code_names_is_a_hint_if_it_is_missing(dx_local: DxLocal, make_app: MakeApp) -> None:
    code = f"main() {{ dx cat {FOREIGN}:{SCRIPTED}; }}\n"
    failed = dx_local("run", make_app(code, interpreter="bash"), "-q", "--json")
    assert f"--object {FOREIGN}:{SCRIPTED}=PATH" in failed.json["failure"]["hint"]


@pytest.mark.usefixtures("sandboxed")
def test_an_image_that_cannot_be_pulled_is_a_hint(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() { docker run you/tool:1.0 true; }\n", interpreter="bash")
    failed = dx_local("run", app, "-q", "--json")
    assert "dx-local image add FILE --name you/tool:1.0" in failed.json["failure"]["hint"]


def test_python_2_is_a_hint(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("import dxpy\n\nprint 'x'\n", interpreter="python2.7")
    failed = dx_local("run", app, "--json")
    assert failed.json["failure"]["hint"].startswith("Write print(…) with parentheses. The tool 2to3")


@pytest.mark.parametrize("kind", ["project", "file"])
def test_mapped_resources_are_those_of_the_app(
    dx_local: DxLocal, make_app: MakeApp, tmp_path: Path, kind: str
) -> None:
    write(tmp_path / "data" / "word.txt", "a resource")
    resources, mapped = (
        (FOREIGN, f"{FOREIGN}=data") if kind == "project" else ([GENOME], f"{GENOME}=data/word.txt")
    )
    code = 'main() { dx-jobutil-add-output said "$(dx cat "$DX_RESOURCES_ID:/word.txt")" --class string; }\n'
    app = make_app(code, interpreter="bash", outputs={"said": "string"}, resources=resources)
    done = dx_local("run", app, "-q", "--json", "--object", mapped)
    assert done.json["output"] == {"said": "a resource"}, done.stderr


def test_a_rerun_has_the_local_data_of_its_run(dx_local: DxLocal, make_app: MakeApp, tmp_path: Path) -> None:
    write(tmp_path / "scripted.txt", "by ID")
    code = f'main() {{ dx-jobutil-add-output said "$(dx cat {SCRIPTED})" --class string; }}\n'
    app = make_app(code, interpreter="bash", outputs={"said": "string"})
    assert dx_local("run", app, "-q", "--object", f"{SCRIPTED}=scripted.txt").exit_code == 0
    again = dx_local("rerun", "main", "--app", app, "-q", "--json")
    assert again.json["output"] == {"said": "by ID"}


def test_changed_local_data_is_a_reason_to_run_again(
    dx_local: DxLocal, make_app: MakeApp, tmp_path: Path
) -> None:
    data = write(tmp_path / "scripted.txt", "by ID")
    code = f'main() {{ dx-jobutil-add-output said "$(dx cat {SCRIPTED})" --class string; }}\n'
    app = make_app(code, interpreter="bash", outputs={"said": "string"})
    options = ["-q", "--json", "--object", f"{SCRIPTED}=scripted.txt"]
    dx_local("run", app, *options)
    same = dx_local("run", app, *options, "--resume")
    assert same.json["resumed"]["takenOver"] == 1
    data.write_text("changed")
    assert dx_local("run", app, *options, "--resume").json["output"] == {"said": "changed"}
