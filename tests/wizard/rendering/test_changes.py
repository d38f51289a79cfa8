"""The treatment of existing files: --on-conflict, --dry-run, and interruptions."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from dx_app_wizard.errors import ConflictError
from dx_app_wizard.rendering.changes import FileContent, OnConflict, change_set

Wizard = Callable[..., Any]
"""The command; see conftest.py."""

NEW = ("count-reads", "--language", "python", "--template", "basic", "--input", "reads:file")
SOURCE = "src/count-reads.py"
MODES = ("skip", "overwrite", "new")


@pytest.fixture
def app(count_reads: Path, home: Path, tmp_path: Path) -> Path:
    """A generated app."""
    copy = tmp_path / "count-reads"
    shutil.copytree(count_reads, copy)
    return copy


def state(folder: Path) -> dict[str, tuple[str | None, int]]:
    """Return the paths in folder, without following links, with their modification times."""
    return {
        str(path.relative_to(folder)): (
            path.read_text() if path.is_file() else None,
            path.lstat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


def verdicts(outcome: Any) -> dict[str, str]:
    return {change["path"]: change["verdict"] for change in outcome.json["app"]["changes"]}


def test_the_same_app_a_second_time_is_nothing_to_do(wizard: Wizard, app: Path) -> None:
    (app / "mine").write_text("mine")
    before = state(app.parent)
    outcome = wizard(*NEW)
    assert (outcome.code, outcome.stdout) == (0, "count-reads\n")
    assert outcome.stderr == "Nothing to do: count-reads is up to date.\n"
    assert state(app.parent) == before


def test_a_file_that_differs_stops_everything_and_is_named(wizard: Wizard, app: Path) -> None:
    (app / SOURCE).write_text("mine")
    (app / "Readme.md").unlink()
    before = state(app)
    outcome = wizard(*NEW)
    assert outcome.code == 4
    assert f"count-reads/{SOURCE} differs from the file to be written" in outcome.stderr
    assert "--on-conflict skip, overwrite or new" in outcome.stderr
    assert state(app) == before


def test_a_missing_file_is_added_where_all_else_is_ours(wizard: Wizard, app: Path) -> None:
    (app / "Readme.md").unlink()
    assert wizard(*NEW).code == 0
    assert (app / "Readme.md").is_file()


def test_nothing_is_mixed_into_a_folder_with_other_files(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "count-reads" / "data").mkdir(parents=True)
    outcome = wizard(*NEW, "--json")
    assert outcome.code == 4
    assert outcome.json["error"]["conflicts"] == [
        {"path": "count-reads", "reason": "contains other files: data"}
    ]


def test_an_empty_folder_is_filled_and_stays_the_same_folder(wizard: Wizard, tmp_path: Path) -> None:
    folder = tmp_path / "count-reads"
    folder.mkdir(mode=0o700)
    before = folder.stat()
    assert wizard(*NEW).code == 0
    assert (folder / "dxapp.json").is_file()
    assert (folder.stat().st_ino, folder.stat().st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.parametrize("mode", MODES)
def test_what_differs_is_skipped_overwritten_or_written_beside(wizard: Wizard, app: Path, mode: str) -> None:
    written = (app / SOURCE).read_text()
    (app / SOURCE).write_text("mine")
    (app / "mine").write_text("mine")
    assert wizard(*NEW, "--on-conflict", mode).code == 0
    assert (app / SOURCE).read_text() == (written if mode == "overwrite" else "mine")
    beside = app / f"{SOURCE}.new"
    assert (beside.read_text() if beside.exists() else None) == (written if mode == "new" else None)
    assert (app / "mine").read_text() == "mine"


@pytest.mark.parametrize("mode", MODES)
def test_a_second_time_changes_nothing_in_any_mode(wizard: Wizard, app: Path, mode: str) -> None:
    (app / SOURCE).write_text("mine")
    wizard(*NEW, "--on-conflict", mode)
    before = state(app)
    outcome = wizard(*NEW, "--on-conflict", mode)
    assert (outcome.code, "Nothing to do" in outcome.stderr) == (0, True)
    assert state(app) == before


def test_new_takes_a_free_number(wizard: Wizard, app: Path) -> None:
    for name in (SOURCE, f"{SOURCE}.new"):
        (app / name).write_text("mine")
    (app / f"{SOURCE}.new.2").symlink_to("nowhere")
    assert wizard(*NEW, "--on-conflict", "new").code == 0
    assert (app / f"{SOURCE}.new").read_text() == "mine"
    assert "import dxpy" in (app / f"{SOURCE}.new.3").read_text()


@pytest.mark.parametrize(
    "inputs", ["a:array:int=[1, 2]", 'h:hash={"b": [1.5, null], "a": "é"}', "x:string=1e3?"]
)
def test_values_of_every_kind_are_recorded_as_they_are(wizard: Wizard, inputs: str) -> None:
    arguments = (*NEW, "--input", inputs)
    assert wizard(*arguments).code == 0
    outcome = wizard(*arguments)
    assert (outcome.code, "Nothing to do" in outcome.stderr) == (0, True)


def test_an_unknown_mode_is_wrong_use(wizard: Wizard) -> None:
    assert wizard(*NEW, "--on-conflict", "merge").code == 2


def test_permissions_of_a_file_survive_overwriting(wizard: Wizard, app: Path) -> None:
    (app / SOURCE).write_text("mine")
    (app / SOURCE).chmod(0o600)
    wizard(*NEW, "--on-conflict", "overwrite")
    assert (app / SOURCE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", ["abort", *MODES])
def test_links_and_wrong_kinds_are_all_named_before_anything_is_written(
    wizard: Wizard, app: Path, mode: str
) -> None:
    elsewhere = app.parent / "elsewhere"
    (app / "src").rename(elsewhere)
    (app / "src").symlink_to(elsewhere)
    for name in ("Readme.md", "dxapp.json"):
        (app / name).unlink()
    (app / "Readme.md").symlink_to("/etc/passwd")
    (app / "dxapp.json").mkdir()
    (app / "test").rename(app / "elsewhere")
    (app / "test").write_text("mine")
    before = state(app.parent)
    outcome = wizard(*NEW, "--on-conflict", mode, "--json")
    reasons = {item["path"]: item["reason"] for item in outcome.json["error"]["conflicts"]}
    assert (outcome.code, state(app.parent)) == (4, before)
    assert reasons == {
        "count-reads/Readme.md": "is a symbolic link",
        "count-reads/dxapp.json": "is a folder",
        "count-reads/src": "is a symbolic link",
        "count-reads/test": "is not a folder",
    }


@pytest.mark.parametrize("mode", MODES)
def test_a_link_to_a_folder_is_not_the_app(wizard: Wizard, tmp_path: Path, mode: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "count-reads").symlink_to("elsewhere")
    assert wizard(*NEW, "--on-conflict", mode).code == 4
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_dry_run_prints_tree_and_texts_and_writes_nothing(wizard: Wizard, tmp_path: Path) -> None:
    outcome = wizard(*NEW, "-o", "apps", "--dry-run")
    assert outcome.code == 0
    assert "apps/count-reads/\n  .dx-app-wizard.json  (create)\n  .gitignore  (create)\n" in outcome.stdout
    assert f"==> apps/count-reads/{SOURCE} <==\n" in outcome.stdout
    assert outcome.stderr == "Nothing was written.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_the_real_run_does(wizard: Wizard, app: Path) -> None:
    (app / SOURCE).write_text("mine")
    (app / "Readme.md").unlink()
    before = state(app)
    outcome = wizard(*NEW, "-n", "--on-conflict", "new", "--json")
    assert (outcome.code, state(app)) == (0, before)
    said = verdicts(outcome)
    assert (said["Readme.md"], said[SOURCE], said["dxapp.json"]) == ("create", "beside", "unchanged")
    real = wizard(*NEW, "--on-conflict", "new", "--json")
    assert verdicts(real) == said


def test_a_dry_run_has_the_texts_as_data(wizard: Wizard, tmp_path: Path) -> None:
    changes = wizard(*NEW, "--dry-run", "--json").json["app"]["changes"]
    wizard(*NEW)
    for change in changes:
        assert (tmp_path / "count-reads" / change["target"]).read_text() == change["text"]


def test_a_dry_run_ends_as_the_real_run_would(wizard: Wizard, app: Path) -> None:
    (app / SOURCE).write_text("mine")
    outcome = wizard(*NEW, "--dry-run", "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (4, "conflict")
    assert verdicts(outcome)[SOURCE] == "conflict"


def test_a_dry_run_shows_what_is_filled_in_to_a_dxapp_json(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text('{\n  "name": "given",\n  "custom": [1]\n}\n')
    outcome = wizard("--json-file", "given.json", *NEW[1:], "--dry-run")
    assert outcome.code == 0, outcome.stderr
    assert "--- dxapp.json as given\n+++ dxapp.json\n" in outcome.stderr
    assert '+  "dxapi": "1.0.0",\n' in outcome.stderr
    assert '\n-  "name"' not in outcome.stderr


def test_a_dry_run_in_a_c_locale_prints_utf_8(wizard_process: Wizard) -> None:
    c_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    outcome = wizard_process(*NEW, "--title", "Zähle", "--dry-run", **c_locale)
    assert (outcome.code, "# Zähle" in outcome.stdout) == (0, True), outcome.stderr


OLD = {PurePosixPath(f"{number}/file"): FileContent(b"old") for number in range(4)}
WANTED = {PurePosixPath(f"{number}/file"): FileContent(b"wanted") for number in range(5)}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with the old files."""
    change_set(tmp_path / "app", OLD, OnConflict.ABORT).apply()
    return tmp_path / "app"


@pytest.mark.parametrize("count", range(5))
def test_an_interruption_leaves_each_file_old_or_new(
    written: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace
    left = iter(range(count))

    def interrupted(self: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        change_set(written, WANTED, OnConflict.OVERWRITE).apply()
    contents = [path.read_bytes() for path in sorted(written.rglob("file"))]
    assert contents == [b"wanted"] * count + [b"old"] * (4 - count)
    monkeypatch.undo()
    change_set(written, WANTED, OnConflict.OVERWRITE).apply()
    assert [path.read_bytes() for path in sorted(written.rglob("*")) if path.is_file()] == [b"wanted"] * 5


def test_what_a_killed_run_left_is_no_conflict(tmp_path: Path) -> None:
    (tmp_path / "app" / ".dx-app-wizard-killed" / "app").mkdir(parents=True)
    change_set(tmp_path / "app", WANTED, OnConflict.ABORT).apply()
    assert (tmp_path / "app" / "4" / "file").read_bytes() == b"wanted"


def test_a_full_disk_changes_nothing(app: Path, home: Path) -> None:
    """A limit on the size of files simulates a full disk."""
    (app / SOURCE).write_text("mine")
    (app / "Readme.md").unlink()
    before = state(app)
    done = subprocess.run(
        [sys.executable, "-m", "dx_app_wizard", *NEW, "--on-conflict", "overwrite", "--json"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (done.returncode, b"not-writable" in done.stdout) == (2, True), done.stderr
    assert state(app) == before


def test_a_conflict_seen_before_holds_when_applied(written: Path) -> None:
    changes = change_set(written, WANTED, OnConflict.ABORT)
    with pytest.raises(ConflictError):
        changes.apply()


def test_programs_can_be_run(tmp_path: Path) -> None:
    files = {PurePosixPath("run"): FileContent(b"", executable=True), PurePosixPath("read"): FileContent(b"")}
    change_set(tmp_path / "app", files, OnConflict.ABORT).apply()
    modes = [(tmp_path / "app" / name).stat().st_mode & 0o111 for name in ("run", "read")]
    assert (modes[0] > 0, modes[1]) == (True, 0)


@pytest.mark.parametrize("is_new", [True, False])
def test_an_interrupted_command_says_whether_files_may_be_new(
    wizard: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    method = "rename" if is_new else "replace"
    original = getattr(Path, method)

    def interrupted(self: Path, target: Path) -> Any:
        if "count-reads" in Path(target).parts:  # and not in the cache of templates
            raise KeyboardInterrupt
        return original(self, target)

    if not is_new:
        (tmp_path / "count-reads").mkdir()
    monkeypatch.setattr(Path, method, interrupted)
    outcome = wizard(*NEW)
    said = "no app was written" if is_new else "interrupted while writing count-reads\n  hint: Each file is"
    assert (outcome.code, said in outcome.stderr) == (130, True), outcome.stderr
