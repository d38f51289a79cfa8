"""The compiled client of the warm tools: compiled once, and optional."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.environments.tool_client import native_client

if TYPE_CHECKING:
    from pathlib import Path


def compiles() -> bool:
    """Return whether this machine has a compiler that does anything."""
    asked = ["cc", "--version"]
    return bool(shutil.which("cc")) and not subprocess.run(asked, capture_output=True, check=False).returncode


needs_compiler = pytest.mark.skipif(not compiles(), reason="there is no compiler here")


def fake_compiler(folder: Path, script: str) -> None:
    compiler = folder / "cc"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)


@needs_compiler
def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = native_client(tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program is not None
    assert native_client(tmp_path / "cache") == program
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [
        program.name,
        f"{program.name}.so",
    ]


def test_without_a_compiler_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert native_client(tmp_path / "cache") is None


def test_a_compiler_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_compiler(tmp_path, 'echo "$*" >> "${0%/*}/calls"; exit 1')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert native_client(tmp_path / "cache") is None
    assert list((tmp_path / "cache").iterdir()) == []
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [[option for option in ("-shared", "-static") if option in call] for call in calls] == [
        ["-shared"],
        ["-static"],
        [],
    ]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert native_client(tmp_path / "cache") is None
