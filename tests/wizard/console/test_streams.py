"""Standard streams that are closed, full, without a reader, or in another encoding."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.console.streams import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "from dx_app_wizard.console.program import start\nstart(lambda: {})\n"


def run(expression: str, redirections: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a program that evaluates an expression, with standard streams as redirected by a shell."""
    code = f"import os, sys, errno\n{PROGRAM.format(expression)}"
    return subprocess.run(
        ["bash", "-c", f'exec "$0" -c "$1" {redirections}', sys.executable, code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **variables},
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_open_within(closed: str) -> None:
    numbers = (
        "os.open('/', os.O_RDONLY) > 2 and sys.stdin.read() == '' and [print(1), print(2, file=sys.stderr)]"
    )
    done = run(f"sys.exit(0 if {numbers} else 9)", closed)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_children_get_the_streams_that_were_opened() -> None:
    done = run("os.execlp('bash', 'bash', '-c', 'read x; echo out; echo err >&2')", "<&- 2>&-")
    assert (done.returncode, done.stdout) == (0, "out\n")


@pytest.mark.parametrize("code", [0, 3])
def test_a_full_disk_behind_stdout_is_told_and_the_rest_is_done(code: int) -> None:
    done = run(f"[print('x' * 100_000), print('done', file=sys.stderr), sys.exit({code})]", ">/dev/full")
    assert done.stderr == "done\nerror: stdout cannot be written: No space left on device\n"
    assert done.returncode == (code or 1)


def test_a_full_disk_behind_stderr_does_not_touch_the_result() -> None:
    done = run("[print('talk', file=sys.stderr), print('data')]", "2>/dev/full")
    assert (done.returncode, done.stdout) == (0, "data\n")


@pytest.mark.parametrize("code", [0, 3])
def test_a_reader_that_left_has_seen_enough(code: int) -> None:
    done = run(f"[print('x' * 100_000), sys.exit({code})]", "> >(exit 0)")
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize(
    ("locale", "printed"), [("C.UTF-8", "é\udce9\\ud800"), ("C", "\\u00e9\udce9\\ud800")]
)
def test_what_an_encoding_lacks_is_shown_all_the_same(locale: str, printed: str) -> None:
    done = run(r"print('\xe9\udce9\ud800')", "", LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stdout) == (0, f"{printed}\n")


def test_a_text_given_to_exit_is_printed() -> None:
    done = run("sys.exit('wrong')", "")
    assert (done.returncode, done.stderr) == (1, "wrong\n")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_pipe_that_does_not_block_gets_everything(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    os.set_blocking(write_end, False)
    data, received = b"x" * 1_000_000, bytearray()

    def read() -> None:
        while len(received) < len(data):
            received.extend(os.read(read_end, 4096))

    reader = threading.Thread(target=read)
    reader.start()
    output, at = Output(write_end), 0
    while at < len(data):
        at += output.write(data[at:])
    reader.join(timeout=20)
    assert (bytes(received), output.error) == (data, None)
