"""Every command of every program with standard streams that are closed, full, or not read."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = {
    "run": "dx-local run app -q",
    "old runner": "dx-run-app-locally app -q",
    "exec": "dx-local exec -- true",
    "lint": "dx-local lint app",
    "doctor": "dx-local doctor",
    "help": "dx-local --help",
    "env help": "dx-local env --help",
    "wizard help": "dx-app-wizard --help",
    "answers schema": "dx-app-wizard --answers-schema",
    "generate": "dx-app-wizard new --language bash --template basic --no-input",
}
PRINT = {name: line for name, line in COMMANDS.items() if name != "exec"}
SLOW_WHEN = {"full": list(PRINT)[::2], "not read": list(PRINT)[1::2]}
"""In `make test`, each command meets a full disk or a reader that has gone."""
CODE = "main() { dx-jobutil-add-output said hello --class=string; }\n"


def printing(condition: str) -> pytest.MarkDecorator:
    """Parametrize by the lines of the commands that print, half of them in `make test`."""
    slow = SLOW_WHEN[condition]
    return pytest.mark.parametrize(
        "line",
        [
            pytest.param(line, id=name, marks=pytest.mark.slow if name in slow else ())
            for name, line in PRINT.items()
        ],
    )


@pytest.fixture
def start(
    make_app: Callable[..., Path], bin_folder: Path, variables: dict[str, str], tmp_path: Path
) -> Start:
    """Run a line of bash in a folder with the folder `app`."""
    make_app(CODE, outputs={"said": "string"}, interpreter="bash", name="app")

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**variables, "PATH": f"{bin_folder}:{variables['PATH']}"},
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_closed_streams_are_as_those_of_dev_null(start: Start, line: str) -> None:
    done = start(f"{line} <&- >&- 2>&-")
    assert done.returncode == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_run_with_one_stream_closed(start: Start, closed: str) -> None:
    done = start(f"{COMMANDS['run']} {closed}")
    assert (done.returncode, done.stdout) == (0, "" if closed == ">&-" else "said\thello\n")


@printing("full")
def test_stdout_on_a_full_disk(start: Start, line: str) -> None:
    done = start(f"{line} >/dev/full")
    assert done.returncode == 1
    assert done.stderr.endswith("error: stdout cannot be written: No space left on device\n")


@printing("not read")
def test_nobody_reads_stdout(start: Start, line: str) -> None:
    done = start(f"{line} > >(exit 0)")
    assert done.returncode == 0
    assert "error:" not in done.stderr


@pytest.mark.parametrize("stderr", ["> >(exit 0)", ">/dev/full"])
def test_nobody_reads_the_progress_of_a_run(start: Start, stderr: str) -> None:
    done = start(f"dx-local run app 2{stderr}")
    assert (done.returncode, done.stdout) == (0, "said\thello\n")


def test_findings_that_nobody_reads_still_decide_the_exit_code(start: Start, tmp_path: Path) -> None:
    (tmp_path / "app" / "dxapp.json").write_text("{}")
    assert start("dx-local lint app > >(exit 0)").returncode == 3


def test_a_server_without_streams_serves(start: Start, tmp_path: Path) -> None:
    state = shlex.quote(str(tmp_path / "state"))
    done = start(
        f"dx-local serve --state {state} <&- >&- 2>&- & dx-local env --state {state} --wait 30 --json;"
        " kill %1; wait %1"
    )
    assert done.returncode == 143
    assert '"error": null' in done.stdout
