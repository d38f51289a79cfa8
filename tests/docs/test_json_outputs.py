"""The JSON Schemas of the documentation hold for the objects that our commands print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.forked import run_ours
from tests.local_server import LocalServer, user_variables
from tests.worker.containers.image_files import Layer, docker_archive

JSON = dict[str, Any]
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SCHEMAS = {path.name.partition(".")[0]: path for path in (REFERENCE / "schemas").iterdir()}
NEW_APP = ("dx-app-wizard", "app", "--language", "python", "--template", "basic", "--input", "reads:file")
BROKEN_SOURCE = """\
import dxpy

@dxpy.entry_point("main")
def main(reads):
    raise dxpy.AppError("no reads")

dxpy.run()
"""


def check(name: str, printed: JSON) -> JSON:
    """Return a printed object. Raises ValidationError unless it fits the schema of this name."""
    schema = json.loads(SCHEMAS[name].read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(printed)
    return printed


def call(folder: Path, *command: str) -> JSON:
    """Run a command with --json in a folder, and return the object that it prints."""
    done = run_ours(command[0], [*command[1:], "--json"], user_variables(folder), folder)
    printed: JSON = json.loads(done.stdout)
    return printed


@pytest.fixture
def app(tmp_path: Path) -> Path:
    check("dx-app-wizard", call(tmp_path, *NEW_APP))
    return tmp_path / "app"


def test_an_app_is_created_and_updated(app: Path) -> None:
    updated = check("dx-app-wizard", call(app.parent, "dx-app-wizard", "--update", "app", "-n"))
    assert updated["update"]["dry_run"] is True


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("app",), "invalid-answers"),
        (("--no-such-flag",), "usage"),
        (("--update", "."), "invalid-record"),
        (("app", "--json-file", "broken.json"), "invalid-spec"),
    ],
)
def test_an_app_is_not_created(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    (tmp_path / "broken.json").write_text('{"name": "app", "inputSpec": 3}', encoding="utf-8")
    printed = check("dx-app-wizard", call(tmp_path, "dx-app-wizard", *arguments))
    assert printed["error"]["code"] == code


def test_files_conflict(app: Path) -> None:
    (app / "dxapp.json").write_text("{}", encoding="utf-8")
    printed = check("dx-app-wizard", call(app.parent, *NEW_APP))
    assert printed["error"]["conflicts"]


def test_an_app_is_linted(app: Path) -> None:
    (app / "dxapp.json").write_text('{"name": "app", "titel": "An app"}', encoding="utf-8")
    assert check("lint", call(app.parent, "dx-local", "lint", "app"))["findings"]
    assert check("lint", call(app.parent, "dx-local", "lint", "app", "--fix"))["fixed"]
    assert check("lint", call(app.parent, "dx-local", "lint", "missing"))["error"]


def test_a_run_is_done(app: Path) -> None:
    assert check("run", call(app, "dx-local", "run"))["usage"]
    assert check("run", call(app, "dx-local", "run", "--resume"))["resumed"]["takenOver"] == 1


def test_a_run_fails(app: Path) -> None:
    (app / "src" / "app.py").write_text(BROKEN_SOURCE, encoding="utf-8")
    assert check("run", call(app, "dx-local", "run"))["failure"]["reason"] == "AppError"


def test_a_run_does_not_start(app: Path) -> None:
    assert check("run", call(app, "dx-local", "run", "-inothing=3"))["error"]["code"] == "usage"
    (app / "dxapp.json").write_text('{"name": "app"}', encoding="utf-8")
    assert check("run", call(app, "dx-local", "run"))["error"]["findings"]


def test_an_app_is_tested(app: Path) -> None:
    cases = check("test", call(app, "dx-local", "test", "interface"))["cases"]
    assert [(case["name"], case["passed"]) for case in cases] == [("interface", True)]
    assert check("test", call(app, "dx-local", "test", "none"))["error"]["code"] == "usage"


def test_the_machine_is_examined(tmp_path: Path) -> None:
    (tmp_path / ".dx-app-wizard.toml").write_text('[wizard]\nlanguage = "bash"\n', encoding="utf-8")
    assert check("doctor", call(tmp_path, "dx-local", "doctor"))["policy"]["settings"]


def test_a_platform_is_served(tmp_path: Path) -> None:
    assert check("server", call(tmp_path, "dx-local", "env"))["error"]["code"] == "not-running"
    with LocalServer(tmp_path) as server:
        check("server", server.ready)
        check("server", call(tmp_path, "dx-local", "env", "--state", str(server.state)))


def test_a_table_is_imported_and_exported(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("name,count\na,1\n", encoding="utf-8")
    within = ("dx-local", "exec", "--state", "platform", "--", "dx-local", "gtable")
    table = check("gtable", call(tmp_path, *within, "import", "in.csv"))["id"]
    assert check("gtable", call(tmp_path, *within, "export", table, "out.csv"))["file"]
    assert check("gtable", call(tmp_path, *within, "export", table, "in.csv"))["error"]


def test_images_are_added_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # of this test alone
    (tmp_path / "image.tar").write_bytes(docker_archive([Layer().add("x", b"1").bytes()], "small:1"))
    assert check("image", call(tmp_path, "dx-local", "image", "add", "image.tar"))["added"]
    assert check("image", call(tmp_path, "dx-local", "image", "ls"))["images"]
    assert check("image", call(tmp_path, "dx-local", "image", "rm", "small:1"))["removed"]
    assert check("image", call(tmp_path, "dx-local", "image", "rm", "small:1"))["error"]


def test_the_page_lists_every_schema() -> None:
    page = (REFERENCE / "json-outputs.md").read_text(encoding="utf-8")
    assert [path.name for path in SCHEMAS.values() if f"(schemas/{path.name})" not in page] == []
