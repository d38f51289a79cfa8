"""Locks between real processes: with flock, and on a system whose kernel refuses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import missing_calls

from dx_local.worker.process import file_systems, locks

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
FOLDER = locks.Wish(of_folder=True)

# Answers each line of input, so that a test decides on the order of events.
HOLDER = """
import sys
from dx_local.worker.process import locks
held = []
for line in sys.stdin:
    action, path = line.split()
    if action == "release":
        held.pop().release()
        print("released", flush=True)
    elif action == "ask":
        print(locks.is_held(path), flush=True)
    else:
        wish = locks.Wish(shared=action.endswith("shared"), of_folder=path.endswith("folder"))
        lock = (locks.hold if action.startswith("wait") else locks.try_hold)(path, wish)
        held += [lock] if lock else []
        print(bool(lock), flush=True)
"""

COUNTER = """
import sys
from pathlib import Path
from dx_local.worker.process import locks
counter = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with locks.hold(f"{counter}.lock"):
        counter.write_text(str(int(counter.read_text()) + 1))
"""

needs_filters = pytest.mark.skipif(not missing_calls.is_possible(), reason="this system has no seccomp")
SYSTEMS = [
    pytest.param((), id="flock"),
    pytest.param(
        (sys.executable, "-m", "tests.missing_calls", missing_calls.NO_LOCKS), id="marks", marks=needs_filters
    ),
]


class Process:
    """A process that takes and releases locks as told."""

    def __init__(self, prefix: tuple[str, ...]) -> None:
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-c", HOLDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __call__(self, action: str, path: Path) -> str:
        self.begin(action, path)
        return self.answer()

    def begin(self, action: str, path: Path) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{action} {path}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


class Processes:
    """Two processes on one system, and the folder and the file that they lock."""

    def __init__(self, prefix: tuple[str, ...], folder: Path) -> None:
        self.one, self.other = Process(prefix), Process(prefix)
        self.folder, self.file = folder / "folder", folder / "file"
        self.folder.mkdir()


@pytest.fixture(params=SYSTEMS)
def processes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Processes]:
    made = Processes(request.param, tmp_path)
    yield made
    made.one.kill()
    made.other.kill()


def test_locks_exclude_each_other(processes: Processes) -> None:
    one, other = processes.one, processes.other
    for path in (processes.file, processes.folder):
        assert one("try", path) == "True"
        assert (other("try", path), other("try-shared", path), other("ask", path)) == (
            "False",
            "False",
            "True",
        )
        assert one("release", path) == "released"
        assert (other("ask", path), other("try-shared", path), one("try-shared", path)) == (
            "False", "True", "True",
        )  # fmt: skip
        assert (other("ask", path), one("try", path)) == ("False", "False")
        assert (one("release", path), other("release", path)) == ("released", "released")
        assert one("try", path) == "True"
    assert sorted(path.name for path in processes.folder.iterdir()) in ([], [".dx-local.owner"])


def test_a_killed_process_holds_no_lock(processes: Processes) -> None:
    for path in (processes.file, processes.folder):
        assert processes.one("try", path) == "True"
        processes.other.begin("wait", path)
    processes.one.kill()
    assert [processes.other.answer(), processes.other.answer()] == ["True", "True"]


@pytest.mark.parametrize("prefix", SYSTEMS)
def test_no_change_under_a_lock_is_lost(prefix: tuple[str, ...], tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    command = [*prefix, sys.executable, "-c", COUNTER, str(counter), "15"]
    counting = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait() for process in counting] == [0, 0, 0]
    assert counter.read_text() == "45"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter", "counter.lock"]


@pytest.mark.parametrize(("age", "is_alive"), [(0, True), (110, True), (200, False)])
def test_a_mark_of_another_host_counts_while_it_is_renewed(
    tmp_path: Path, age: float, is_alive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_systems, "type_of", lambda _: "nfs4")
    mark = tmp_path / ".dx-local.owner"
    mark.write_text(json.dumps({"host": "another", "pid": 1, "begin": 1, "name": "node-7"}))
    os.utime(mark, (time.time() - age,) * 2)
    assert locks.is_held(tmp_path) is is_alive
    lock = locks.try_hold(tmp_path, FOLDER)
    assert (lock is None) is is_alive
    if lock:
        lock.release()
    assert mark.exists() is is_alive


def test_an_unfinished_mark_counts_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_systems, "type_of", lambda _: "nfs4")
    mark = tmp_path / ".dx-local.owner"
    mark.touch()
    assert locks.try_hold(tmp_path, FOLDER) is None
    os.utime(mark, (time.time() - 60,) * 2)
    with locks.hold(tmp_path, FOLDER) as lock:
        assert lock.is_mark
