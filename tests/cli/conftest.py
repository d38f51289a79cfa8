"""Run commands as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from click.testing import CliRunner

from dx_local.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable


BIN = Path(sys.executable).parent
NOT_INHERITED = ("CI", "GITHUB_ACTIONS", "NO_COLOR", "TERM")


@dataclass(frozen=True)
class Command:
    """The exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.stdout)
        return answer


class DxLocal(Protocol):
    """Runs `dx-local` in the folder of the test."""

    def __call__(self, *arguments: str | Path, stdin: str = "") -> Command: ...


@pytest.fixture
def dx_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DxLocal:
    """Run `dx-local` in this process, which saves the time of starting Python."""
    monkeypatch.chdir(tmp_path)
    for name in NOT_INHERITED:
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path, stdin: str = "") -> Command:
        done = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
        return Command(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def variables() -> dict[str, str]:
    """The environment of a user's terminal."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}


@pytest.fixture
def bin_folder() -> Path:
    """The folder of our commands."""
    return BIN


@pytest.fixture
def command(tmp_path: Path, variables: dict[str, str]) -> Callable[..., Command]:
    """Run one of our commands in a process of its own, as a user does."""

    def run(program: str, *arguments: str | Path) -> Command:
        done = subprocess.run(
            [BIN / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=variables,
            check=False,
            timeout=60,
        )
        return Command(done.returncode, done.stdout, done.stderr)

    return run


SLEEPS = """
main() {
  trap '' TERM
  sleep 600 &
  echo "in $HOME"
  while true; do sleep 600; done
}
"""


@pytest.fixture
def sleeping_app(make_app: Callable[..., Path]) -> Path:
    """An app that prints its job's folder and never ends by itself."""
    return make_app(SLEEPS, name="sleeps", interpreter="bash")


ECHO = """
import dxpy

@dxpy.entry_point('main')
def main(**inputs):
    print('inside the job')
    contents = [dxpy.open_dxfile(link).read() for link in inputs.get('reads', [])]
    return {'echo': {**inputs, 'reads': contents}}

@dxpy.entry_point('other')
def other(**inputs):
    return {'echo': inputs}

dxpy.run()
"""

ECHO_INPUTS = {
    "reads": "array:file?",
    "n": "int?",
    "ns": "array:int?",
    "ratio": "float?",
    "flag": "boolean?",
    "text": "string?",
    "texts": "array:string?",
    "options": "hash?",
}


@pytest.fixture
def echo_app(make_app: Callable[..., Path]) -> Path:
    """An app that puts its input out, with the contents of files in place of the files."""
    return make_app(ECHO, inputs=ECHO_INPUTS, outputs={"echo": "hash"}, name="echo")
