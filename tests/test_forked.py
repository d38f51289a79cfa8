"""Forks do what processes of their own do, so other tests may use them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest
from tests.forked import our_forks, run_ours
from tests.forked_terminal import ForkedSpawn

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = {
    "streams": "import sys; text = sys.stdin.read(); print(text); print(text[::-1], file=sys.stderr)",
    "order": "import os, sys; print(1, file=sys.stderr); os.write(2, b'2\\n'); os._exit(0)",
    "variables": "import os; print(sorted(os.environ.items()), os.environ['HOME'])",
    "place": "import os, sys; print(os.getcwd(), sys.argv, sys.path[0], __name__)",
    "exit code": "raise SystemExit(7)",
    "message": "raise SystemExit('no')",
    "at exit": "import atexit; atexit.register(print, 'end'); print('begin')",
    "signal": "import os; os.kill(os.getpid(), 9)",
    "handlers": "import signal; print([signal.getsignal(n) for n in (1, 2, 13, 14, 15, 17)])",
    "session": "import os; print(os.getsid(0) == os.getpid(), os.isatty(0))",
    "files": "import os; print([n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/dev/fd/{n}')])",
}


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("stdin", [None, "Zähle\n"], ids=["nothing", "text"])
def test_a_fork_ends_as_a_process_does(tmp_path: Path, code: str, stdin: str | None) -> None:
    command = ["-c", code, "one", "zwei ü"]
    variables = {**os.environ, "HOME": str(tmp_path), "EXTRA": "ü"}
    fork = our_forks().run(command, variables, tmp_path, stdin)
    process = subprocess.run(
        [sys.executable, *command],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
    )
    assert (fork.returncode, fork.stdout, fork.stderr) == (
        process.returncode,
        process.stdout,
        process.stderr,
    )


@pytest.mark.parametrize("spawn", [ForkedSpawn, pexpect.spawn])
def test_a_terminal_is_that_of_the_session(spawn: type[pexpect.spawn[str]]) -> None:
    code = "import os; print(os.getsid(0) == os.getpid(), os.ttyname(0), os.get_terminal_size())"
    code += "; print(open('/dev/tty').isatty()); input()"
    terminal = spawn(
        sys.executable, ["-c", code], env={**os.environ}, dimensions=(20, 60), encoding="utf-8", timeout=60
    )
    terminal.expect(r"True /dev/pts/\d+ os.terminal_size\(columns=60, lines=20\)\r\nTrue\r\n")
    terminal.sendintr()
    terminal.expect("KeyboardInterrupt")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert (terminal.exitstatus, terminal.signalstatus) == (None, 2)


def test_other_variables_for_the_start_of_python_start_a_process() -> None:
    done = run_ours("dx-local", ["--version"], {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"})
    assert "import time:" in done.stderr
