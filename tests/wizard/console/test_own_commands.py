from __future__ import annotations

import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.console import own_commands

if TYPE_CHECKING:
    import pytest

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[3]


def foreign_program(folder: Path) -> str:
    """Put a program called dx-local that is not ours into folder."""
    folder.mkdir()
    (folder / "dx-local").write_text("#!/bin/sh\n")
    (folder / "dx-local").chmod(0o755)
    return str(folder)


def link_to_ours(folder: Path) -> str:
    """Put a link to our program into folder, as uv and pipx do."""
    folder.mkdir()
    (folder / "dx-local").symlink_to(BIN / "dx-local")
    return str(folder)


def test_a_program_on_path_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"/usr/bin:{BIN}")
    assert (own_commands.dx_local(), own_commands.pytest()) == ("dx-local", "pytest")


def test_a_link_on_path_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", link_to_ours(tmp_path / "bin"))
    assert own_commands.dx_local() == "dx-local"


def test_a_program_that_path_lacks_goes_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert own_commands.dx_local() == shlex.quote(str(BIN / "dx-local"))


def test_another_program_of_the_name_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{foreign_program(tmp_path / 'bin')}:{BIN}")
    assert own_commands.dx_local() == shlex.quote(str(BIN / "dx-local"))


def test_a_relative_folder_on_path_is_left_by_cd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    link_to_ours(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "bin")
    assert own_commands.dx_local() == shlex.quote(str(BIN / "dx-local"))


def test_without_programs_the_modules_are_called(tmp_path: Path) -> None:
    """As after `pip install --target`: the packages can be imported; the programs are in no known folder."""
    venv.create(tmp_path / "with space", with_pip=False)
    folders = [ROOT / "wizard", ROOT / "runtime", *(path for path in sys.path if "site-packages" in path)]
    python = tmp_path / "with space/bin/python"
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": ":".join(map(str, folders))}
    script = "from dx_app_wizard.console import own_commands; print(own_commands.dx_local())"
    printed = subprocess.check_output([python, "-c", script], env=environment, text=True)
    assert printed == f"'{python}' -m dx_local\n"
    version = subprocess.check_output(f"{printed.rstrip()} --version", shell=True, env=environment, text=True)
    assert version.startswith("dx-local, version")
