"""Finding the Pythons of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.engine.environments.python_versions import find_python

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, begin: bytes = b"\x7fELF") -> Path:
    path.parent.mkdir(parents=True)
    path.write_bytes(begin)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a Python: those of uv belong into `uv`, of pyenv into `pyenv`, others into `bin`."""
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_the_newest_python_of_uv_comes_first(machine: Path) -> None:
    for release in ("3.12.9", "3.12.10", "3.1.12"):
        program(machine / "uv" / f"cpython-{release}-linux-x86_64-gnu" / "bin" / "python3.12")
    program(machine / "bin" / "python3.12")
    assert find_python("3.12") == machine / "uv/cpython-3.12.10-linux-x86_64-gnu/bin/python3.12"
    assert find_python("3.12.9") == machine / "uv/cpython-3.12.9-linux-x86_64-gnu/bin/python3.12"


def test_a_script_in_path_is_no_python(machine: Path) -> None:
    program(machine / "bin" / "python3.12", b"#!/bin/sh\n")
    pyenv = program(machine / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12")
    assert find_python("3.12") == pyenv


def test_a_folder_that_cannot_be_looked_into_has_no_pythons(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(machine / ("x" * 300)))  # root may look into any, but not into this
    assert find_python("3.12") is None


@pytest.mark.parametrize("version", ["3.12", "", "python3", "*", "../3.12", "3.12.1"])
def test_what_is_not_there_is_not_found(machine: Path, version: str) -> None:
    program(machine / "bin" / "python3.11")
    assert find_python(version) is None
