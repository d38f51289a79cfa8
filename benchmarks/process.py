"""Run one command, and measure its time, processor time, memory, open files and leftover processes."""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dx_local.worker.process import linux

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LIMIT_SECONDS = 900
_GRACE_SECONDS = 1.0
_SAMPLE_SECONDS = 0.1
_LAST_CHARACTERS = 600
_MIB = 1 << 20
_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


class CommandError(Exception):
    """A command failed; the message is one line with the reason."""


@dataclass(frozen=True)
class Command:
    """A command: its arguments, working folder, additional environment variables, and standard input."""

    argv: Sequence[str | Path]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    lines: str = ""


@dataclass(frozen=True)
class EndedCommand:
    """The measurements of a command that has ended."""

    began: float
    """Seconds since 1970."""
    seconds: float
    cpu_seconds: float
    """User and system time of all its processes, orphans included."""
    largest_mib: float
    """The largest peak memory of any of these processes."""
    control_mib: float
    """The peak memory of the command's own process, or 0 if /proc does not report it."""
    descriptors: tuple[int, int]
    """Median numbers of its open files in the first and in the last third; zeros without /proc."""
    left_over: int
    """Number of processes that outlived the command and had to be killed."""
    output: str


@dataclass
class _Watch:
    """Samples of a running process from /proc."""

    pid: int
    control_mib: float = 0
    descriptors: list[int] = field(default_factory=list)

    def sample(self) -> None:
        """Sample the memory and the open files of the process, if it still runs."""
        process = Path("/proc") / str(self.pid)
        with suppress(OSError):
            for line in process.joinpath("status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.control_mib = int(line.split()[1]) / 1024
            self.descriptors.append(len(list(process.joinpath("fd").iterdir())))

    def early_and_late(self) -> tuple[int, int]:
        """Return the median number of open files in the first and in the last third of the samples."""
        if not self.descriptors:
            return 0, 0
        third = len(self.descriptors) // 3 + 1
        return statistics.median_low(self.descriptors[:third]), statistics.median_low(
            self.descriptors[-third:]
        )


def run(command: Command) -> EndedCommand:
    """Run a command. Raises CommandError if it fails or takes longer than LIMIT_SECONDS.

    Orphans are measured and ended if this process adopts them (`linux.adopt_orphans`).
    """
    with ExitStack() as stack:
        given = stack.enter_context(_pipe_with(command.lines.encode()))
        output, errors = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        cpu_before = _cpu_of_reaped()
        began, clock = time.time(), time.perf_counter()
        try:
            process = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=_variables(command),
                stdin=given,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(f"cannot be started: {error}") from None
        with _time_limit(process), _watched(process.pid) as watch:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - clock
            process.returncode = os.waitstatus_to_exitcode(status)
        left_over = _kill_orphans()
        cpu_seconds = _cpu_of_reaped() - cpu_before
        printed = _text(output)
        if process.returncode != 0:
            raise CommandError(f"ends with {process.returncode}: {_last_line(_text(errors) or printed)}")
    return EndedCommand(
        began=began,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        largest_mib=usage.ru_maxrss * _BYTES_PER_MAXRSS / _MIB,
        control_mib=watch.control_mib,
        descriptors=watch.early_and_late(),
        left_over=left_over,
        output=printed,
    )


def _variables(command: Command) -> dict[str, str]:
    """Return the environment of a command: this process's, but programs may cache their bytecode as usual."""
    variables = {**os.environ, **command.variables}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


@contextmanager
def _pipe_with(content: bytes) -> Iterator[int]:
    """Return the reading end of a pipe with this content, which has to fit into it."""
    reading, writing = os.pipe()
    try:
        with open(writing, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
        yield reading
    finally:
        os.close(reading)


def _cpu_of_reaped() -> float:
    """Return the user and system time in seconds of all children that were reaped, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _time_limit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the process and its group if it takes too long, or if the benchmarks are interrupted.

    Raises CommandError if it takes too long.
    """
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    alarm = threading.Timer(LIMIT_SECONDS, end)
    alarm.start()
    try:
        yield
    except BaseException:
        end()
        _kill_orphans()
        raise
    finally:
        alarm.cancel()
    if is_late.is_set():
        _kill_orphans()
        raise CommandError(f"has not ended after {LIMIT_SECONDS} seconds")


@contextmanager
def _watched(pid: int) -> Iterator[_Watch]:
    watch, is_over = _Watch(pid), threading.Event()

    def sample() -> None:
        while not is_over.wait(_SAMPLE_SECONDS):
            watch.sample()

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        is_over.set()
        thread.join()


def _kill_orphans() -> int:
    """Kill the orphaned processes that this process has adopted, and return their number."""
    deadline = time.monotonic() + _GRACE_SECONDS
    while _reap() and time.monotonic() < deadline:
        time.sleep(0.01)
    left = linux.children()
    while pids := linux.children():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return len(left)


def _reap() -> bool:
    """Reap the children that have ended, and return whether any still runs."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "it printed nothing")[-_LAST_CHARACTERS:]
