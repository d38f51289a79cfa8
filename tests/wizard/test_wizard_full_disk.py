"""Generating and updating an app on a full disk: nothing is written, and the error names the folder."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.small_disk import SmallDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GENERATE = ("app", "--language", "bash", "--template", "basic", "--no-input")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk", 4 << 20) as disk:
        yield disk


def wizard(disk: SmallDisk, *arguments: str | Path) -> tuple[int, dict[str, str]]:
    """Run the wizard on the disk; return its exit code and error."""
    done = subprocess.run(
        [*disk.prefix, sys.executable, "-m", "dx_app_wizard", *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout).get("error") or {}


def content(disk: SmallDisk) -> dict[str, bytes]:
    """Return all files of the app on the disk."""
    app = disk.seen_from_outside / "app"
    return {str(path.relative_to(app)): path.read_bytes() for path in app.rglob("*") if path.is_file()}


def test_an_app_without_space_is_not_written(disk: SmallDisk) -> None:
    disk.leave(0)
    code, error = wizard(disk, *_GENERATE, "--output-dir", disk.folder)
    assert (code, error["code"]) == (6, "disk-full")
    assert str(disk.folder / "app") in error["message"]
    assert "--output-dir" in error["hint"]
    assert [path.name for path in disk.seen_from_outside.iterdir()] == ["filler"]


def test_an_update_without_space_changes_nothing(disk: SmallDisk) -> None:
    assert wizard(disk, *_GENERATE, "--output-dir", disk.folder) == (0, {})
    before = content(disk)
    disk.leave(0)
    code, error = wizard(disk, "--update", disk.folder / "app", "--set", "summary=changed")
    assert (code, error["code"]) == (6, "disk-full")
    assert str(disk.folder / "app") in error["message"]
    assert content(disk) == before
    disk.empty()
    assert wizard(disk, "--update", disk.folder / "app", "--set", "summary=changed") == (0, {})
    assert content(disk) != before
