"""Copies of apps under a new name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

Wizard = Any


@pytest.fixture
def source(home: Path, count_reads: Path) -> Path:
    """A copy of an app in the current folder."""
    shutil.copytree(count_reads, "count-reads")
    return Path("count-reads")


def spec_of(app: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(Path(app, "dxapp.json").read_text())
    return spec


def test_a_copy_has_the_new_name_everywhere_and_can_be_updated(wizard: Wizard, source: Path) -> None:
    done = wizard("copy", "--from-app", "count-reads")
    assert done.code == 0, done.stderr
    assert (spec_of("copy")["name"], spec_of("copy")["title"]) == ("copy", "Copy")
    assert spec_of("copy")["runSpec"]["file"] == "src/copy.py"
    texts = {
        path: path.read_text()
        for path in Path("copy").rglob("*")
        if path.is_file() and path.suffix != ".fastq"
    }
    assert [path for path, text in texts.items() if "count-reads" in text or "Count reads" in text] == []
    assert wizard("--update", "copy").stderr.startswith("Nothing to do")


def test_the_users_own_changes_are_copied(wizard: Wizard, source: Path) -> None:
    spec = spec_of("count-reads")
    spec["runSpec"]["execDepends"] = [{"name": "samtools"}]
    spec["developers"] = ["user-somebody"]
    spec["authorizedUsers"] = ["org-somebody"]
    (source / "dxapp.json").write_text(json.dumps(spec))
    (source / "resources").mkdir()
    (source / "resources" / "tool").write_text("#!/bin/sh\n")
    (source / "resources" / "tool").chmod(0o755)
    (source / "test-job-workspaces").mkdir()
    (source / "test-job-workspaces" / "log").touch()
    code = source / "src" / "count-reads.py"
    code.write_text(code.read_text() + "\n# mine\n")
    done = wizard("copy", "--from-app", "count-reads", "--title", "My copy")
    assert done.code == 0, done.stderr
    copied = spec_of("copy")
    assert copied["title"] == "My copy"
    assert copied["runSpec"]["execDepends"] == [{"name": "samtools"}]
    assert not {"developers", "authorizedUsers"} & copied.keys()
    assert Path("copy/resources/tool").stat().st_mode & 0o100
    assert Path("copy/src/copy.py").read_text().endswith("# mine\n")
    assert not Path("copy/test-job-workspaces").exists()


def test_an_app_without_a_record_is_copied_as_it_is(wizard: Wizard, source: Path) -> None:
    (source / ".dx-app-wizard.json").unlink()
    assert wizard("copy", "--from-app", "count-reads").code == 0
    assert spec_of("copy")["name"] == "copy"
    assert not Path("copy/.dx-app-wizard.json").exists()
    assert Path("copy/src/copy.py").read_bytes() == (source / "src/count-reads.py").read_bytes()


def test_private_files_and_links_out_of_the_app_are_left_out(
    wizard: Wizard, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "passwords").write_text("secret")
    (source / ".env").write_text("TOKEN=secret")
    (source / ".env.example").write_text("TOKEN=")
    (source / ".venv").mkdir()
    (source / ".venv" / "python").touch()
    (source / "link").symlink_to(tmp_path / "passwords")
    done = wizard("copy", "--from-app", "count-reads")
    assert "links out of the app: .venv, .env, link" in done.stderr
    assert Path("copy/.env.example").exists()
    texts = [path.read_text() for path in Path("copy").rglob("*") if path.is_file()]
    assert not any("secret" in text for text in texts)


def test_an_invalid_run_spec_is_copied_as_it_is(wizard: Wizard, source: Path) -> None:
    (source / ".dx-app-wizard.json").unlink()
    (source / "dxapp.json").write_text('{"name": "x", "runSpec": []}')
    assert wizard("copy", "--from-app", "count-reads").code == 0
    assert spec_of("copy") == {"name": "copy", "runSpec": [], "title": "Copy"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from-app", "count-reads"], "the name of the copy"),
        (["a/b", "--from-app", "count-reads"], "must match"),
        (["copy", "--from-app", "none"], "dxapp.json"),
        (["copy", "--from-app", "count-reads", "--language", "bash"], "takes only NAME"),
        (["copy", "--from-app", "count-reads", "--trial"], "cannot be combined with --trial"),
        (["copy", "--from-app", "count-reads", "--", "ls"], "cannot be combined with a command"),
        (["--from-app", "count-reads", "--update", "count-reads"], "cannot be combined with --update"),
    ],
)
def test_what_cannot_be_copied_is_an_error(
    wizard: Wizard, source: Path, arguments: list[str], message: str
) -> None:
    done = wizard(*arguments)
    assert done.code == 2
    assert message in done.stderr
    assert not Path("copy").exists()


@pytest.mark.parametrize("arguments", [("copy", "--from-app", "."), ("sub", "--from-app", "../count-reads")])
def test_a_copy_cannot_be_inside_of_its_original(
    wizard: Wizard, source: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(source)
    done = wizard(*arguments)
    assert done.code == 2
    assert "would be inside the app" in done.stderr
    assert not Path(arguments[0]).exists()
    assert wizard(*arguments, "-o", "..").code == 0
