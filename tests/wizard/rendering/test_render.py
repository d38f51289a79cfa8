"""render_app: the files that it writes, rejects and leaves unchanged."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from cookiecutter.main import cookiecutter

from dx_app_wizard.answers.choices import CI_SERVICES, LANGUAGES, PATTERNS
from dx_app_wizard.dxapp.classes import EMULATED_CLASSES, IO_CLASSES, VALUE_CLASSES
from dx_app_wizard.dxapp.model import AppSpec, SpecShapeError
from dx_app_wizard.errors import ConflictError
from dx_app_wizard.rendering import render
from dx_app_wizard.rendering.change_report import next_commands, written_text
from dx_app_wizard.rendering.changes import OnConflict, change_set
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app, template_of, templates
from dx_app_wizard.rendering.values.samples import templates_folder

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.answers.choices import Language, Pattern


def plan(**changes: Any) -> Plan:
    spec = {
        "name": "count-reads",
        "title": "Count reads",
        "version": "0.0.1",
        "inputSpec": [{"name": "reads", "class": "file"}],
        "outputSpec": [{"name": "n_lines", "class": "int"}],
        "runSpec": {"interpreter": "python3", "file": "src/count-reads.py"},
    }
    return Plan(spec=AppSpec.from_dict({**spec, **changes}), language="python", pattern="basic")


def test_the_files_of_the_app_are_returned_sorted(tmp_path: Path) -> None:
    written = render_app(plan(), tmp_path / "count-reads")
    assert [str(path) for path in written] == [
        ".gitignore",
        "Readme.developer.md",
        "Readme.md",
        "dxapp.json",
        "src/count-reads.py",
        "test/cases/interface.json",
        "test/cases/sample.json",
        "test/data/sample.fastq",
        "test/input.json",
        "test/test_app.py",
    ]
    assert all((tmp_path / "count-reads" / path).is_file() for path in written)


def test_the_spec_is_written_as_it_is(tmp_path: Path) -> None:
    odd = plan(title='Sörtieren {{ 7 * 7 }} "<&>"', unknown={"z": 1, "a": [{"b": None}]})
    render_app(odd, tmp_path / "app")
    assert (tmp_path / "app" / "dxapp.json").read_text(encoding="utf-8") == odd.spec.dumps()


def test_text_of_the_user_is_no_template(tmp_path: Path) -> None:
    render_app(plan(title="{{ 7 * 7 }}"), tmp_path / "app")
    assert "# {{ 7 * 7 }}\n" in (tmp_path / "app" / "Readme.md").read_text(encoding="utf-8")


def test_missing_folders_above_the_destination_are_made(tmp_path: Path) -> None:
    render_app(plan(), tmp_path / "new" / "folder" / "app")
    assert (tmp_path / "new" / "folder" / "app" / "dxapp.json").is_file()


@pytest.mark.parametrize("kind", ["file", "full folder", "broken link"])
def test_an_existing_destination_is_left_alone(tmp_path: Path, kind: str) -> None:
    destination = tmp_path / "app"
    if kind == "file":
        destination.touch()
    elif kind == "full folder":
        (destination / "mine").mkdir(parents=True)
    else:
        destination.symlink_to(tmp_path / "nowhere")
    before = destination.lstat().st_mtime_ns
    with pytest.raises(ConflictError) as error:
        render_app(plan(), destination)
    assert error.value.path == destination
    assert destination.lstat().st_mtime_ns == before
    assert list(tmp_path.iterdir()) == [destination]


@pytest.mark.parametrize("file", ["code.py", "src/deep/er/code.py", "src/test_app.py"])
def test_the_source_stands_where_the_spec_says(tmp_path: Path, file: str) -> None:
    written = render_app(plan(runSpec={"interpreter": "python3", "file": file}), tmp_path / "app")
    assert file in map(str, written)
    assert sum(path.parts[0] == "src" or path.name == "code.py" for path in written) == 1


@pytest.mark.parametrize(
    "file", ["../code.py", "/tmp/code.py", "src/../../x", "src\\x", "", "dxapp.json", "src"]
)
def test_a_source_that_has_no_place_in_the_app_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(SpecShapeError, match=r"runSpec\.file"):
        render_app(plan(runSpec={"file": file}), tmp_path / "app")
    assert list(tmp_path.iterdir()) == []


def test_a_description_takes_the_place_of_the_readme(tmp_path: Path) -> None:
    written = render_app(plan(description="What it does."), tmp_path / "app")
    assert "Readme.md" not in map(str, written)
    assert "Readme.developer.md" in map(str, written)


def test_of_the_home_of_the_user_only_the_cache_is_read_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".cookiecutterrc").write_text("this: is: no: YAML")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COOKIECUTTER_CONFIG", str(home / ".cookiecutterrc"))
    render_app(plan(), tmp_path / "app")
    assert {path.name for path in home.iterdir()} <= {".cookiecutterrc", ".cache"}


def test_samples_are_given_for_what_a_run_must_have(tmp_path: Path) -> None:
    inputs = [
        {"name": "reads", "class": "array:file"},
        {"name": "mode", "class": "string", "choices": ["fast", "slow"]},
        {"name": "depth", "class": "int", "default": 3},
        {"name": "note", "class": "string", "optional": True},
        {"name": "table", "class": "record"},
        {"name": "store", "class": "database"},
    ]
    render_app(plan(inputSpec=inputs), tmp_path / "app")
    assert json.loads((tmp_path / "app" / "test" / "input.json").read_text()) == {
        "reads": ["test/data/sample_1.fastq", "test/data/sample_2.fastq"],
        "mode": "fast",
        "table": {"$dx_local": "record"},
    }


def test_every_class_that_the_platform_has_gets_a_sample(tmp_path: Path) -> None:
    render_app(plan(inputSpec=[{"name": name, "class": name} for name in IO_CLASSES]), tmp_path / "app")
    samples = json.loads((tmp_path / "app" / "test" / "input.json").read_text())
    assert samples.keys() == {*VALUE_CLASSES, *EMULATED_CLASSES}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_plain_cookiecutter_writes_the_same_app(tmp_path: Path, language: Language, pattern: Pattern) -> None:
    folder = cookiecutter(
        str(templates()),
        no_input=True,
        default_config={"replay_dir": str(tmp_path / "replay")},
        extra_context={"language": language, "pattern": pattern, "title": 'Count "lines"'},
        output_dir=str(tmp_path / "plain"),
    )
    plain = tmp_path / "plain" / "count-lines"
    assert folder == str(plain)
    spec = AppSpec.load(plain / "dxapp.json")
    written = render_app(Plan(spec, language, pattern), tmp_path / "ours" / "count-lines")
    for path in written:
        if path.name != "dxapp.json":
            assert (plain / path).read_text() == (tmp_path / "ours" / "count-lines" / path).read_text()
    assert spec.to_dict()["title"] == 'Count "lines"'


def test_the_template_offers_and_describes_the_choices_of_the_wizard() -> None:
    variables = json.loads((templates() / "cookiecutter.json").read_text(encoding="utf-8"))
    offered = [tuple(variables[key]) for key in ("language", "pattern", "ci")]
    assert offered == [LANGUAGES, PATTERNS, CI_SERVICES]
    assert tuple(variables["_patterns"]) == PATTERNS


@pytest.mark.parametrize(("io_class", "is_there"), [("file", True), ("array:file", True), ("int", False)])
def test_an_output_file_has_a_golden_file(tmp_path: Path, io_class: str, is_there: bool) -> None:
    render_app(plan(outputSpec=[{"name": "out", "class": io_class}]), tmp_path / "app")
    assert (tmp_path / "app/test/cases/sample/out.tsv").is_file() is is_there


def test_the_hash_of_the_template_covers_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(templates_folder(), tmp_path / "templates")
    monkeypatch.setattr(render, "templates_folder", lambda: tmp_path / "templates")
    before = template_of(plan(), tmp_path / "app").hash
    (tmp_path / "templates" / "samples" / "sample_1.bed").write_text("chr1\t1\t2\n")
    assert template_of(plan(), tmp_path / "app").hash != before


@pytest.mark.parametrize(
    ("packages", "is_needed"),
    [
        ([{"name": "no-such-package"}], True),
        ([{"name": "dpkg"}], False),
        ([{"name": "no-such-package", "package_manager": "pip"}], False),
        ([], False),
    ],
)
def test_the_next_commands_install_debian_packages(
    tmp_path: Path, packages: list[dict[str, str]], is_needed: bool
) -> None:
    run_spec = {"interpreter": "python3", "file": "src/count-reads.py", "execDepends": packages}
    files = render.render(plan(runSpec=run_spec), "count-reads")
    changes = change_set(tmp_path / "app", files, OnConflict.ABORT)
    commands = next_commands(changes)
    assert [command.endswith(" --install-depends") for command in commands[1:]] == [is_needed] * 2
    assert ("this machine lacks no-such-package." in written_text(changes, was_new=True)) is is_needed
