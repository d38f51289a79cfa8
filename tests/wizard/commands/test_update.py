"""--update: an app is re-rendered and merged with the user's changes, with the real git."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dx_app_wizard.rendering.render
from dx_app_wizard.rendering.changes import FileContent
from dx_app_wizard.rendering.merge import Labels, merge
from dx_app_wizard.rendering.provenance import Digest, Origin, Record, Template, read_record
from dx_app_wizard.rendering.render import templates

if TYPE_CHECKING:
    from collections.abc import Iterator

Wizard = Callable[..., Any]
"""The command; see conftest.py."""

NEW = ("count-reads", "--language", "python", "--template", "basic", "--input", "reads:file")
SOURCE = "src/count-reads.py"
RECORD = ".dx-app-wizard.json"
APP_FOLDER = "{{cookiecutter.name}}"
BINARY = bytes(range(256))
OURS = 'OURS = 1\n"""Added by the user at the very end."""\n'


@dataclass(frozen=True)
class TemplateCopy:
    """A template that a test changes."""

    folder: Path

    def file(self, name: str) -> Path:
        return self.folder / APP_FOLDER / name

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.file(name).read_text(encoding="utf-8")
        assert old in text
        self.file(name).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TemplateCopy:
    """A copy of the built-in template that is used instead of it."""
    copy = tmp_path / "template"
    shutil.copytree(templates(), copy)
    monkeypatch.setattr(dx_app_wizard.rendering.render, "templates", lambda: copy)
    return TemplateCopy(copy)


@pytest.fixture
def app(template: TemplateCopy, count_reads: Path, home: Path, tmp_path: Path) -> Path:
    """An app, generated from that template."""
    copy = tmp_path / "count-reads"
    shutil.copytree(count_reads, copy)
    return copy


def texts(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def verdicts(outcome: Any) -> dict[str, str]:
    return {
        change["path"]: change["verdict"]
        for change in outcome.json["update"]["changes"]
        if change["verdict"] != "unchanged" and change["path"] != RECORD
    }


def test_without_a_change_there_is_nothing_to_do(wizard: Wizard, app: Path) -> None:
    (app / SOURCE).write_text("mine")
    before = texts(app)
    outcome = wizard("--update", "count-reads")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert outcome.stderr == "Nothing to do: count-reads is up to date.\n"
    assert wizard("--update", "count-reads", "--dry-run").code == 0
    assert texts(app) == before


def test_what_the_template_changed_is_merged_into_what_the_user_changed(
    wizard: Wizard, app: Path, template: TemplateCopy
) -> None:
    template.replace(".gitignore", "__pycache__/", "__pycache__/\n*.bam")
    template.replace("Readme.developer.md", "# ", "# New: ")
    (app / ".gitignore").write_text("mine/\n" + (app / ".gitignore").read_text())
    assert wizard("--update", "count-reads").code == 0
    assert (app / ".gitignore").read_text().startswith("mine/\n")
    assert "\n*.bam\n" in (app / ".gitignore").read_text()
    assert (app / "Readme.developer.md").read_text().startswith("# New: ")


def test_a_dry_run_tells_of_each_file_and_exits_with_7(
    wizard: Wizard, app: Path, template: TemplateCopy
) -> None:
    template.replace(".gitignore", "__pycache__/", "__pycache__/\n*.bam")
    template.file("NEWS.md").write_text("new")
    template.file("Readme.developer.md").write_text("# Other\n")
    (app / "Readme.developer.md").write_text("# Mine\n")
    (app / "test" / "input.json").unlink()
    before = texts(app)
    outcome = wizard("--update", "count-reads", "--dry-run")
    assert outcome.code == 7
    assert outcome.stdout.splitlines() == [
        "replace         .gitignore",
        "create          NEWS.md",
        "merge-conflict  Readme.developer.md",
        "deleted         test/input.json",
    ]
    assert "--- count-reads/.gitignore now\n+++ count-reads/.gitignore\n" in outcome.stderr
    assert "\n+*.bam\n" in outcome.stderr
    assert outcome.stderr.endswith("An update would change 3 files of count-reads. Nothing was written.\n")
    assert texts(app) == before


def test_the_dry_run_says_what_the_update_then_does(
    wizard: Wizard, app: Path, template: TemplateCopy
) -> None:
    template.replace("Readme.developer.md", "# ", "# New: ")
    said = wizard("--update", "count-reads", "-n", "--json").json["update"]
    done = wizard("--update", "count-reads", "--json").json["update"]
    rows = [{key: row[key] for key in ("path", "verdict", "target")} for row in said["changes"]]
    assert (done["changes"], done["available"], done["conflicts"]) == (rows, True, [])
    for row in said["changes"]:
        assert (app / row["target"]).read_text() == row["text"]


def test_after_an_update_there_is_none(wizard: Wizard, app: Path, template: TemplateCopy) -> None:
    (app / SOURCE).write_text((app / SOURCE).read_text() + OURS)
    template.replace("Readme.developer.md", "# ", "# New: ")
    former = json.loads((app / RECORD).read_text())
    wizard("--update", "count-reads")
    record = json.loads((app / RECORD).read_text())
    assert record["base"]["Readme.developer.md"][0].startswith("# New: ")
    assert record["template"]["hash"] != former["template"]["hash"]
    assert wizard("--update", "count-reads", "--dry-run").code == 0


@pytest.fixture
def conflict(wizard: Wizard, app: Path, template: TemplateCopy) -> Any:
    """An update in which both sides changed the same line."""
    template.replace("Readme.developer.md", "# ", "# Theirs: ")
    text = (app / "Readme.developer.md").read_text()
    (app / "Readme.developer.md").write_text(text.replace("# ", "# Ours: ", 1))
    (app / SOURCE).write_text((app / SOURCE).read_text() + OURS)
    return wizard("--update", "count-reads", "--json")


def test_the_same_lines_changed_stand_between_markers(conflict: Any, app: Path) -> None:
    assert (conflict.code, conflict.json["error"]["code"]) == (4, "merge-conflicts")
    assert conflict.json["update"]["conflicts"] == ["Readme.developer.md"]
    lines = (app / "Readme.developer.md").read_text().splitlines()
    assert lines[0] == "<<<<<<< yours"
    assert [line.split(" ")[0] for line in lines if line[:3] in ("<<<", "===", ">>>")][2] == ">>>>>>>"
    assert any(line.startswith(">>>>>>> template ") for line in lines)
    assert (app / SOURCE).read_text().endswith(OURS)


def test_markers_that_are_left_refuse_the_next_update(
    conflict: Any, wizard: Wizard, app: Path, template: TemplateCopy
) -> None:
    template.replace(".gitignore", "__pycache__/", "__pycache__/\n*.bam")
    before = texts(app)
    outcome = wizard("--update", "count-reads", "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (4, "update-blocked")
    assert outcome.json["error"]["conflicts"] == [
        {"path": "count-reads/Readme.developer.md", "reason": "has a conflict marker in line 1"}
    ]
    assert texts(app) == before


def test_a_resolved_conflict_does_not_come_again(
    conflict: Any, wizard: Wizard, app: Path, template: TemplateCopy
) -> None:
    (app / "Readme.developer.md").write_text("# Resolved\n")
    template.replace(".gitignore", "__pycache__/", "__pycache__/\n*.bam")
    assert verdicts(wizard("--update", "count-reads", "--json")) == {".gitignore": "replace"}


def edited(path: Path, *replacements: tuple[str, str]) -> str:
    """Replace each old text in a file by the new one, and return the result."""
    text = path.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return text


READS = """    {
      "name": "reads",
      "class": "file"
    }"""
MY_READS = """    {
        "name": "reads", "class": "file",
        "help": "\\u00dcber 1e3 reads"
    }"""


def test_a_help_text_and_a_new_input_after_it_are_merged(wizard: Wizard, app: Path) -> None:
    mine = edited(
        app / "dxapp.json", (READS, MY_READS), ('  "summary"', '  "details": {"mine": 1.0},\n  "summary"')
    )
    samples = edited(app / "test/input.json", ("sample.fastq", "mine.fastq"))
    flags = ("--input", "reads:file", "--input", "k:int", "--timeout", "12h")
    outcome = wizard("--update", "count-reads", *flags, "--json")
    assert outcome.code == 0, outcome.stderr
    assert verdicts(outcome)["dxapp.json"] == verdicts(outcome)["test/input.json"] == "merge"
    new = (
        MY_READS
        + """,
    {
      "name": "k",
      "class": "int"
    }"""
    )
    expected = mine.replace(MY_READS, new).replace('"hours": 48', '"hours": 12')
    assert (app / "dxapp.json").read_text(encoding="utf-8") == expected
    expected = samples.replace('mine.fastq"', 'mine.fastq",\n  "k": 3')
    assert (app / "test/input.json").read_text(encoding="utf-8") == expected


def test_in_json_only_what_both_sides_changed_stands_between_markers(wizard: Wizard, app: Path) -> None:
    edited(app / "dxapp.json", ('"hours": 48', '"hours": 7'), (READS, MY_READS))
    outcome = wizard("--update", "count-reads", "--timeout", "12h", "--title", "Tally", "--json")
    assert (outcome.code, outcome.json["update"]["conflicts"]) == (4, ["dxapp.json"])
    text = (app / "dxapp.json").read_text(encoding="utf-8")
    marked = re.findall("^<{7} yours\n(.*?)={7}\n(.*?)>{7} template .*?\n", text, re.DOTALL | re.MULTILINE)
    assert [tuple(side.strip() for side in sides) for sides in marked] == [('"hours": 7', '"hours": 12')]
    assert '"title": "Tally"' in text
    assert MY_READS in text


def test_a_byte_order_mark_and_line_ends_of_windows_stay(wizard: Wizard, app: Path) -> None:
    text = edited(app / "dxapp.json", (READS, MY_READS), ("\n", "\r\n"))
    (app / "dxapp.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    flags = ("--timeout", "12h", "--input", "reads:file", "--input", "k:int")
    assert wizard("--update", "count-reads", *flags).code == 0
    written = (app / "dxapp.json").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf{\r\n")
    assert written.count(b"\n") == written.count(b"\r\n")
    assert b'"hours": 12' in written


def test_json_that_is_none_any_more_is_merged_by_lines(wizard: Wizard, app: Path) -> None:
    text = edited(app / "dxapp.json", ('  "title"', '  // mine\n  "title"'))
    assert wizard("--update", "count-reads", "--timeout", "12h").code == 0
    expected = text.replace('"hours": 48', '"hours": 12')
    assert (app / "dxapp.json").read_text(encoding="utf-8") == expected


def test_what_the_user_changed_already_is_not_written_again(wizard: Wizard, app: Path) -> None:
    edited(app / "dxapp.json", ('"hours": 48', '"hours": 12'), ('  "summary"', '  "x": 1,\n  "summary"'))
    outcome = wizard("--update", "count-reads", "--timeout", "12h", "--json")
    assert "dxapp.json" not in verdicts(outcome)


def test_deleted_files_stay_deleted_and_dropped_ones_stay(
    wizard: Wizard, app: Path, template: TemplateCopy
) -> None:
    (app / ".gitignore").unlink()
    template.file(".gitignore").write_text("changed\n")
    template.file("Readme.developer.md").unlink()
    outcome = wizard("--update", "count-reads", "--json")
    assert outcome.code == 0
    assert verdicts(outcome) == {".gitignore": "deleted", "Readme.developer.md": "obsolete"}
    assert not (app / ".gitignore").exists()
    assert (app / "Readme.developer.md").is_file()


def test_a_new_file_goes_beside_one_of_the_users_and_only_once(
    wizard: Wizard, app: Path, template: TemplateCopy
) -> None:
    (app / "NEWS.md").write_text("mine")
    template.file("NEWS.md").write_text("theirs")
    assert verdicts(wizard("--update", "count-reads", "--json")) == {"NEWS.md": "beside"}
    assert ((app / "NEWS.md").read_text(), (app / "NEWS.md.new").read_text()) == ("mine", "theirs")
    (app / "NEWS.md.new").unlink()
    template.file("NEWS.md").write_text("theirs again")
    assert verdicts(wizard("--update", "count-reads", "--json")) == {"NEWS.md": "skip"}
    assert [path.name for path in app.glob("NEWS*")] == ["NEWS.md"]


@pytest.mark.parametrize("users", [b"mine", BINARY])
def test_files_that_are_no_text_are_never_merged(
    wizard: Wizard, template: TemplateCopy, tmp_path: Path, users: bytes
) -> None:
    template.file("logo").write_bytes(BINARY)
    wizard(*NEW)
    app = tmp_path / "count-reads"
    (app / "logo").write_bytes(users)
    template.file("logo").write_bytes(BINARY * 2)
    kept = users == b"mine"
    expected = {"logo": "beside" if kept else "replace"}
    assert verdicts(wizard("--update", "count-reads", "--json")) == expected
    assert (app / ("logo.new" if kept else "logo")).read_bytes() == BINARY * 2
    assert wizard("--update", "count-reads", "-n").code == 0


def test_files_kept_when_generated_are_never_merged(
    wizard: Wizard, template: TemplateCopy, tmp_path: Path
) -> None:
    (tmp_path / "count-reads").mkdir()
    (tmp_path / "count-reads" / "Readme.md").write_text("mine")
    wizard(*NEW, "--on-conflict", "skip")
    template.file("{{cookiecutter.__readme}}").write_text("changed")
    outcome = wizard("--update", "count-reads", "--json")
    assert (outcome.code, verdicts(outcome)) == (0, {"Readme.md": "skip"})
    assert (tmp_path / "count-reads" / "Readme.md").read_text() == "mine"


def test_new_answers_override_the_recorded_ones(wizard: Wizard, app: Path) -> None:
    spec = json.loads((app / "dxapp.json").read_text())
    spec["title"] = "Mine"
    (app / "dxapp.json").write_text(json.dumps(spec, indent=2) + "\n")
    outcome = wizard("--update", "count-reads", "--timeout", "5h", "--set", "region=aws:eu-west-2")
    assert outcome.code == 0
    merged = json.loads((app / "dxapp.json").read_text())
    assert (merged["title"], list(merged["regionalOptions"])) == ("Mine", ["aws:eu-west-2"])
    assert merged["runSpec"]["timeoutPolicy"] == {"*": {"hours": 5}}
    assert json.loads((app / RECORD).read_text())["answers"]["timeout"] == {"hours": 5}
    assert wizard("--update", "count-reads", "-n").code == 0


def test_a_new_dxapp_json_takes_the_place_of_the_recorded_one(
    wizard: Wizard, template: TemplateCopy, tmp_path: Path
) -> None:
    given = {"name": "given", "title": "Given", "x-own": 1}
    (tmp_path / "given.json").write_text(json.dumps(given))
    assert wizard("--json-file", "given.json", *NEW[1:]).code == 0
    assert wizard("--update", "given", "-n").code == 0
    new = {**given, "x-own": 2, "inputSpec": [{"name": "bam", "class": "file"}]}
    (tmp_path / "given.json").write_text(json.dumps(new))
    outcome = wizard("--update", "given", "--json-file", "given.json")
    assert outcome.code == 0, outcome.stderr
    written = json.loads((tmp_path / "given" / "dxapp.json").read_text())
    assert (written["x-own"], written["inputSpec"]) == (2, new["inputSpec"])


def test_the_record_has_no_path_of_this_machine(app: Path, tmp_path: Path) -> None:
    assert str(tmp_path) not in (app / RECORD).read_text()
    assert str(Path.home()) not in (app / RECORD).read_text()


@pytest.mark.parametrize("name", [("other",), ("--set", "name=other")])
def test_the_name_of_an_app_stays(wizard: Wizard, app: Path, name: tuple[str, ...]) -> None:
    outcome = wizard("--update", "count-reads", *name)
    assert (outcome.code, "keeps its name" in outcome.stderr) == (2, True)


def test_invalid_new_answers_are_all_named(wizard: Wizard, app: Path) -> None:
    before = texts(app)
    outcome = wizard("--update", "count-reads", "--timeout", "99d", "--language", "perl", "--json")
    assert [problem["flag"] for problem in outcome.json["error"]["problems"]] == ["--timeout", "--language"]
    assert (outcome.code, texts(app)) == (2, before)


@pytest.mark.parametrize("flags", [("--resume",), ("--on-conflict", "skip"), ("-o", "x")])
def test_flags_that_say_nothing_of_an_update_are_refused(
    wizard: Wizard, app: Path, flags: tuple[str, ...]
) -> None:
    outcome = wizard("--update", "count-reads", *flags, "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (2, "usage")


def damage(text: str) -> Iterator[tuple[str, str]]:
    """Yield damaged versions of a record, and the error about each."""
    record = json.loads(text)
    yield text[:-20], ".dx-app-wizard.json:"
    yield "<<<<<<< HEAD\n" + text, ".dx-app-wizard.json:1:1"
    yield "[]", "it must be an object"
    yield json.dumps({**record, "schema": 2}), "schema has a version other than 1"
    yield json.dumps({key: value for key, value in record.items() if key != "base"}), "it lacks 'base'"
    yield json.dumps({**record, "base": {"../evil": ["x"]}}), "names '../evil'"
    yield json.dumps({**record, "base": {"/etc/passwd": ["x"]}}), "names '/etc/passwd'"
    yield json.dumps({**record, "base": {"a": "text"}}), "base.a must be an array"
    yield json.dumps({**record, "base": {"a": [1]}}), "base.a must be an array of lines"
    yield json.dumps({**record, "base": {"a": {}}}), "base.a.sha256 must be a string"
    yield json.dumps({**record, "template": "x"}), "template must be an object"
    yield json.dumps({**record, "answers": [1]}), "answers must be an object"
    yield json.dumps({**record, "answers": {"langage": "bash"}}), "did you mean"


def test_a_damaged_record_is_refused_with_its_place(wizard: Wizard, app: Path) -> None:
    for text, message in damage((app / RECORD).read_text()):
        (app / RECORD).write_text(text)
        before = texts(app)
        outcome = wizard("--update", "count-reads")
        assert (outcome.code, texts(app)) == (2, before)
        assert message.lower() in outcome.stderr.lower()


@pytest.mark.parametrize("folder", ["count-reads", "nowhere"])
def test_an_app_without_a_record_cannot_be_updated(wizard: Wizard, app: Path, folder: str) -> None:
    (app / RECORD).unlink()
    outcome = wizard("--update", folder, "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (2, "invalid-record")
    assert outcome.json["error"]["file"] == (f"{folder}/{RECORD}" if folder == app.name else folder)


def test_links_in_the_way_of_an_update_are_named(wizard: Wizard, app: Path, template: TemplateCopy) -> None:
    for name in (".gitignore", "Readme.developer.md"):
        (app / name).unlink()
        (app / name).symlink_to("/etc/hostname")
    template.file(".gitignore").write_text("changed\n")
    outcome = wizard("--update", "count-reads", "--json")
    assert outcome.code == 4
    assert outcome.json["error"]["conflicts"] == [
        {"path": "count-reads/.gitignore", "reason": "is a symbolic link"}
    ]


def test_a_link_to_an_app_is_that_app(wizard: Wizard, app: Path, template: TemplateCopy) -> None:
    (app.parent / "link").symlink_to(app)
    template.file(".gitignore").write_text("changed\n")
    assert wizard("--update", "link").code == 0
    assert (app / ".gitignore").read_text() == "changed\n"


def test_without_git_a_merge_is_an_error(
    wizard: Wizard, app: Path, template: TemplateCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    template.file(".gitignore").write_text("changed\n")
    (app / ".gitignore").write_text("mine\n")
    monkeypatch.setenv("PATH", str(app))
    outcome = wizard("--update", "count-reads", "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (2, "git")
    assert (app / ".gitignore").read_text() == "mine\n"


def test_an_update_within_the_app_s_own_folder(
    wizard: Wizard, app: Path, template: TemplateCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    template.file(".gitignore").write_text("changed\n")
    monkeypatch.chdir(app)
    assert wizard("--update", ".").code == 0
    assert (app / ".gitignore").read_text() == "changed\n"


def test_an_interrupted_update_is_completed_by_the_next(
    wizard: Wizard, app: Path, template: TemplateCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".gitignore", "Readme.developer.md"):
        (app / name).write_text((app / name).read_text() + "mine\n")
        template.replace(name, template.file(name).read_text()[:1], "theirs\n")
    expected_dry = wizard("--update", "count-reads", "-n", "--json").json["update"]["changes"]
    replace = Path.replace
    left = iter([1])

    def interrupted(self: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    outcome = wizard("--update", "count-reads")
    assert (outcome.code, "run the same command again to finish" in outcome.stderr) == (130, True)
    monkeypatch.undo()
    monkeypatch.setattr(dx_app_wizard.rendering.render, "templates", lambda: template.folder)
    monkeypatch.chdir(app.parent)
    assert wizard("--update", "count-reads").code == 0
    for row in expected_dry:
        assert (app / row["target"]).read_text() == row["text"]


@pytest.fixture
def own_template(tmp_path: Path) -> Path:
    """A custom template with one file besides the dxapp.json."""
    folder = tmp_path / "own"
    (folder / APP_FOLDER / "src").mkdir(parents=True)
    (folder / "cookiecutter.json").write_text('{"name": "x"}')
    (folder / APP_FOLDER / "src" / "{{cookiecutter.__source}}").write_text("# {{cookiecutter.title}}\n")
    return folder


def test_an_app_of_an_own_template_is_updated_from_that(
    wizard: Wizard, own_template: Path, tmp_path: Path
) -> None:
    assert wizard(*NEW, "--template-source", "own").code == 0
    record = json.loads((tmp_path / "count-reads" / RECORD).read_text())
    assert record["template"]["source"] == "../own"
    (own_template / APP_FOLDER / "src" / "{{cookiecutter.__source}}").write_text("# Changed\n")
    outcome = wizard("--update", "count-reads", "--template-source", "own", "--json")
    assert verdicts(outcome) == {SOURCE: "replace"}


def test_a_record_makes_no_template_run(wizard: Wizard, own_template: Path, tmp_path: Path) -> None:
    wizard(*NEW, "--template-source", "own")
    before = texts(tmp_path / "count-reads")
    outcome = wizard("--update", "count-reads", "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (2, "invalid-template")
    assert "'../own'" in outcome.json["error"]["message"]
    assert texts(tmp_path / "count-reads") == before


BASES = st.none() | st.text(st.characters(codec="utf-8")) | st.builds(Digest, st.text("0123456789abcdef"))


@given(base=st.dictionaries(st.sampled_from(["a", "b/c", "ä"]).map(PurePosixPath), BASES), text=st.text())
def test_a_record_reads_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, base: dict[PurePosixPath, Any], text: str
) -> None:
    record = Record(Origin(Template("built-in", "x"), {"title": text}, text), base)
    folder = tmp_path_factory.mktemp("app")
    (folder / RECORD).write_text(record.dumps(), encoding="utf-8", newline="")
    assert read_record(folder) == record


LINES = st.lists(st.sampled_from("abcdef"), max_size=6).map(lambda lines: "".join(f"{x}\n" for x in lines))


@settings(max_examples=40)
@given(base=LINES, ours=LINES, theirs=LINES)
def test_no_line_of_the_users_is_lost_but_by_the_template(
    tmp_path_factory: pytest.TempPathFactory, base: str, ours: str, theirs: str
) -> None:
    folder, path = tmp_path_factory.mktemp("app"), PurePosixPath("file")
    (folder / path).write_text(ours)
    record = Record(Origin(Template("built-in", "x"), {}), {path: base})
    rendered = {path: FileContent(theirs.encode())}
    (change,) = merge(folder, record, rendered, Labels("yours", "base", "template"))
    result = change.content.text if change.writes else ours
    added = set(ours.split()) - set(base.split())
    assert result is not None
    assert added <= set(result.split())
    assert change.writes == (result != ours)
    assert not (change.writes and theirs in (base, ours))


@pytest.mark.parametrize(
    ("flags", "texts"),
    [
        (("--title", "Tally"), ['"title": "Tally"', '"summary": "Tally"']),
        (("--region", "azure:westus"), ['"instanceType": "azure:mem1_ssd1_x4"']),
        (("--title", "Tally", "--summary", "Tells"), ['"title": "Tally"', '"summary": "Tells"']),
    ],
)
def test_what_followed_from_an_answer_follows_from_the_new_one(
    wizard: Wizard, app: Path, flags: tuple[str, ...], texts: list[str]
) -> None:
    outcome = wizard("--update", "count-reads", *flags)
    assert outcome.code == 0, outcome.stderr
    written = (app / "dxapp.json").read_text(encoding="utf-8")
    assert [text for text in texts if text not in written] == []


def test_what_was_said_beside_it_stays(wizard: Wizard, app: Path) -> None:
    wizard("--update", "count-reads", "--summary", "Tells", "--instance-type", "mem1_ssd1_v2_x8")
    wizard("--update", "count-reads", "--title", "Tally", "--region", "aws:eu-west-2")
    written = (app / "dxapp.json").read_text(encoding="utf-8")
    assert '"summary": "Tells"' in written
    assert '"instanceType": "mem1_ssd1_v2_x8"' in written
