from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from tests import compiled_templates
from tests.forked import run_ours
from tests.forked_terminal import ForkedSpawn

from dx_app_wizard.cli import main

compiled_templates.keep()

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run of the command."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.stdout)
        return result


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new HOME, our programs on PATH, and tmp_path as the current folder."""
    folder = tmp_path.parent / f"{tmp_path.name}-home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture(scope="session")
def count_reads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app to be copied: Python, basic, with the input reads:file."""
    folder = tmp_path_factory.mktemp("generated")
    flags = ("--language", "python", "--template", "basic", "--input", "reads:file", "--no-input")
    command = [sys.executable, "-m", "dx_app_wizard", "count-reads", *flags]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "count-reads"


@pytest.fixture
def wizard(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command, run within this process in tmp_path."""

    def run(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as exit_info:
            main(arguments)
        captured = capsys.readouterr()
        return Outcome(int(exit_info.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def wizard_process(home: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """The command, run in a process of its own in tmp_path, with stdin closed."""

    def run(*arguments: str, **environment: str) -> Outcome:
        done = run_ours("dx-app-wizard", arguments, {**os.environ, **environment}, tmp_path)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """The wizard on a pseudo-terminal; `seen` collects its output."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (24, 80), **environment: str) -> None:
        inherited = {key: value for key, value in os.environ.items() if key != "CI"}
        self.process: pexpect.spawn[str] = ForkedSpawn(
            sys.executable,
            ["-m", "dx_app_wizard", *arguments],
            env={**inherited, "TERM": "xterm-256color", **environment},
            encoding="utf-8",
            timeout=30,
            dimensions=size,
        )
        self.process.delaybeforesend = None

    def talk(self, *pairs: tuple[str, str]) -> None:
        for expected, line in pairs:
            self.process.expect(expected)
            self.process.sendline(line)

    def press(self, *keys: str) -> None:
        """Send keys or texts one by one, with the pauses of a person."""
        for key in keys:
            time.sleep(0.1)
            self.process.send(key)

    def end(self) -> tuple[int, str]:
        """Return the exit code and the text that came last, without escapes."""
        self.process.expect(pexpect.EOF)
        self.process.close()
        return int(self.process.exitstatus or 0), ESCAPES.sub("", self.process.before or "")

    def written(self, name: str = "counts") -> dict[str, Any]:
        """Return the dxapp.json of the app that was written."""
        spec: dict[str, Any] = json.loads(Path(name, "dxapp.json").read_text(encoding="utf-8"))
        return spec


@pytest.fixture
def terminal(home: Path) -> Iterator[Callable[..., Terminal]]:
    """The command on a pseudo-terminal of its own in tmp_path."""
    opened: list[Terminal] = []

    def start(*arguments: str, **options: Any) -> Terminal:
        opened.append(Terminal(*arguments, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.process.close(force=True)
