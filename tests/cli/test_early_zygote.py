"""The zygote that starts before the engine: for the environment of the last run, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dx_app_wizard.user_dirs import cache_dir

# Without sandboxes, an early zygote is of no use.
pytestmark = pytest.mark.usefixtures("sandboxed")

MakeApp = Callable[..., Path]

# The executor's folder, in which the log of an early zygote is zygote-0.log.
SHOWS_LOGS = "main() { cd /.dx-local && echo zygote-*.log; }\n"
BIN = Path(sys.executable).parent
EARLY, LATE = "zygote-0.log", "zygote-1.log"
_DEADLINE_SECONDS = 20


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """The file of the last environments, in a cache with the user's worker environments."""
    cache = tmp_path / "cache" / "dx-local"
    cache.mkdir(parents=True)
    (cache / "environments").symlink_to(cache_dir("dx-local") / "environments")
    return cache / "last-environments.json"


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The folder for the command's temporary files; its path must be short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def user(memory: Path, temporary: Path, variables: dict[str, str]) -> dict[str, str]:
    return {**variables, "XDG_CACHE_HOME": str(memory.parents[1]), "TMPDIR": str(temporary)}


@pytest.fixture
def run(user: dict[str, str], tmp_path: Path) -> Callable[..., Any]:
    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "dx-local", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=user,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(SHOWS_LOGS, interpreter="bash")


def zygotes_in(temporary: Path) -> list[str]:
    """Return the command lines of processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(temporary) in line:
            found.append(line.decode(errors="replace"))
    return found


def log_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the name of the log of the zygote that ran the job."""
    assert done.returncode == 0, done.stderr
    found = [name for name in (EARLY, LATE) if name in done.stderr]
    if not found:
        pytest.skip("without a sandbox, jobs do not see the executor's folder")
    assert len(found) == 1
    return found[0]


def test_the_second_run_of_an_app_starts_its_zygote_early(
    run: Callable[..., Any], app: Path, memory: Path, temporary: Path
) -> None:
    assert log_of(run("run", app)) == LATE
    assert list(json.loads(memory.read_text())) == [str(app)]
    for command in (("run", app), ("rerun", "main", "--app", app)):
        assert log_of(run(*command)) == EARLY
    assert list(temporary.iterdir()) == []
    assert zygotes_in(temporary) == []


def as_folder(memory: Path, _app: Path) -> None:
    memory.mkdir()


def of_another_python(memory: Path, app: Path) -> None:
    memory.write_text(json.dumps({str(app): [sys.executable, str(BIN), None]}))


def of_another_app(memory: Path, _app: Path) -> None:
    memory.write_text(json.dumps({"/another/app": [sys.executable, str(BIN), None]}))


def of_no_python(memory: Path, app: Path) -> None:
    memory.write_text(json.dumps({str(app): ["/no/such/python", str(BIN), None]}))


def of_a_program_that_ends(memory: Path, app: Path) -> None:
    memory.write_text(json.dumps({str(app): ["/bin/false", "/bin", None]}))


def of_a_nul(memory: Path, app: Path) -> None:
    memory.write_text(json.dumps({str(app): ["a\0b", "/bin", None]}))


def without_json(memory: Path, _app: Path) -> None:
    memory.write_bytes(b"\xff{")


def of_other_json(memory: Path, app: Path) -> None:
    memory.write_text(json.dumps({str(app): [None, None, None, None]}))


@pytest.mark.parametrize(
    "write",
    [
        *(as_folder, of_another_python, of_another_app, of_no_python),
        *(of_a_program_that_ends, of_a_nul, without_json, of_other_json),
    ],
)
def test_a_wrong_memory_costs_time_only(
    run: Callable[..., Any],
    app: Path,
    memory: Path,
    temporary: Path,
    write: Callable[[Path, Path], None],
) -> None:
    write(memory, app)
    assert log_of(run("run", app)) == LATE
    assert zygotes_in(temporary) == []
    assert list(temporary.iterdir()) == []
    if memory.is_file():
        assert "dx-local/environments/" in json.loads(memory.read_text())[str(app)][0]


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["run", "app", "--no-such-option"], 2),
        (["run", "app", "-inope=1"], 2),
        (["run", "app", "--function", "nope"], 2),
        (["run", "app", "--max-parallel", "0"], 2),
        (["run", "broken"], 3),
        (["test", "--app", "app", "nope"], 2),
        (["rerun", "nope", "--app", "app"], 2),
        (["run", "app", "--isolation", "none", "-q"], 6),  # the job does not see the folder
    ],
)
def test_a_zygote_that_no_job_needs_is_gone_when_the_command_ends(
    run: Callable[..., Any],
    make_app: MakeApp,
    memory: Path,
    temporary: Path,
    arguments: list[str],
    exit_code: int,
) -> None:
    app = make_app(SHOWS_LOGS, interpreter="bash")
    broken = app.parent / "broken"
    broken.mkdir()
    (broken / "dxapp.json").write_text("{}")
    environments = sorted((memory.parent / "environments").glob("python*/bin/python"))
    programs = [str(environments[0]), str(environments[0].parent), None]
    memory.write_text(json.dumps({str(path): programs for path in (app, broken)}))
    done = run(*[str(app.parent / word) if word in ("app", "broken") else word for word in arguments])
    assert done.returncode == exit_code, done.stderr
    assert zygotes_in(temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "seconds"),
    [(signal.SIGKILL, 0), (signal.SIGKILL, 0.15), (signal.SIGTERM, 0), (signal.SIGINT, 0.15)],
)
def test_a_command_that_is_killed_before_it_needs_the_zygote_leaves_nothing(
    app: Path,
    user: dict[str, str],
    memory: Path,
    temporary: Path,
    number: int,
    seconds: float,
) -> None:
    environments = sorted((memory.parent / "environments").glob("python*/bin/python"))
    memory.write_text(json.dumps({str(app): [str(environments[0]), str(environments[0].parent), None]}))
    process = subprocess.Popen(
        [BIN / "dx-local", "run", app, "-q"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=user,
        start_new_session=True,
    )
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not zygotes_in(temporary):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGSTOP)  # before it can go on to the end of its imports
    time.sleep(seconds)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    process.wait(_DEADLINE_SECONDS)
    while (zygotes_in(temporary) or any(temporary.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert zygotes_in(temporary) == []
    assert list(temporary.iterdir()) == []
