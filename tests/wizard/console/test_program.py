"""Ctrl-C from the first moment of a program to its last: exit code 130, and no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPT = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        # Shells ignore it for what they start in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("program", ["dx_local.start", "dx_app_wizard.start"])
def test_a_program_that_has_just_begun_ends_silently(program: str, tmp_path: Path) -> None:
    done = run(f"import {program}; {INTERRUPT}", tmp_path)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize(
    "command",
    [
        "import slow",
        "try:\n        import slow\n    except BaseException:\n        print('caught')",
        INTERRUPT,
        "raise KeyboardInterrupt",
    ],
    ids=["import", "guarded import", "work", "raised"],
)
def test_a_command_that_is_interrupted_exits_with_130(command: str, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(INTERRUPT)
    code = f"from dx_app_wizard.console.program import start\ndef command():\n    {command}\nstart(command)\n"
    done = run(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


def test_the_end_of_a_command_cannot_be_interrupted(tmp_path: Path) -> None:
    code = f"""
import sys
from dx_app_wizard.console.program import start

class Last:
    def write(self, text): pass
    def flush(self): {INTERRUPT}

def command():
    sys.stdout = Last()
    sys.exit(3)

start(command)
"""
    done = run(code, tmp_path)
    assert (done.returncode, done.stderr) == (3, "")
