"""Measure the CPU time of the progress displays in a run of 10,000 jobs.

`make bench-progress` prints a table in Markdown: for made-up transitions, the time per transition at the
start and at the end of the run, and that of one frame; for a real run of cheap jobs, the share of the
drawing functions in the CPU time of all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import resource
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.context import Platform
from dx_local.platform.core.states import State, Transition
from dx_local.ui.display.frame import Space, frame
from dx_local.ui.display.live_view import LiveView
from dx_local.ui.display.run_facts import RunFacts
from dx_local.ui.display.run_observer import DisplayOptions
from dx_local.ui.fitting import UNICODE

if TYPE_CHECKING:
    from collections.abc import Callable

_APP = """
import dxpy

@dxpy.entry_point('process')
def process(number):
    return {'n': number}

@dxpy.entry_point('main')
def main(count):
    jobs = [dxpy.new_dxjob({'number': number}, 'process') for number in range(count)]
    return {'n': jobs[-1].get_output_ref('n')}

dxpy.run()
"""


_EMPTY_COLUMNS = (
    "run_input", "original_input", "properties", "details", "requested", "system_requirements"
)  # fmt: skip


class SyntheticRun:
    """Rows of jobs without processes, and their transitions, on a clock of its own."""

    def __init__(self, platform: Platform, jobs: int) -> None:
        self.platform = platform
        self.jobs = jobs
        self.seconds = 0.0
        self.facts = RunFacts(slots=16, clock=lambda: self.seconds)
        self.facts.use(platform)

    def create(self) -> None:
        """Create main, the `process` jobs, and a job that waits for all of them."""
        with self.platform.store.transaction():
            self._insert("main", "main", None)
            for number in range(self.jobs):
                self._insert(f"job-{number}", "process", "main")
            self._insert("gather", "postprocess", "main")
            for number in range(self.jobs):
                self.platform.store.insert("wait", job="gather", waits_for=f"job-{number}")
        self.apply("main", State.IDLE, State.RUNNABLE)
        for number in range(self.jobs):
            self.apply(f"job-{number}", State.IDLE, State.RUNNABLE)
        self.apply("gather", State.IDLE, State.WAITING_ON_INPUT)

    def start(self, number: int) -> None:
        """Start a job."""
        self.apply(f"job-{number}", State.RUNNABLE, State.RUNNING)

    def finish(self, number: int) -> None:
        """Finish a job, ten seconds later."""
        self.seconds += 10
        self.apply(f"job-{number}", State.RUNNING, State.WAITING_ON_OUTPUT)
        self.apply(f"job-{number}", State.WAITING_ON_OUTPUT, State.DONE)

    def apply(self, job_id: str, before: State, after: State) -> None:
        """Publish a transition to the facts."""
        self.facts.apply(Transition(job_id, before, after))

    def _insert(self, job_id: str, function: str, parent: str | None) -> None:
        columns: dict[str, Any] = {name: {} for name in _EMPTY_COLUMNS}
        columns |= dict.fromkeys(("executable", "user", "project", "folder", "region", "priority"), "x")
        self.platform.store.insert(
            "job", id=job_id, name=function, state="idle", function=function, executable_name="joint-call",
            parent=parent, parent_try=parent and 0, origin="main", root="main", workspace="container",
            created=0, modified=0, transitions=[], depends_on=[], tags=[], instance_type="x", **columns,
        )  # fmt: skip


class MeasuredView(LiveView):
    """A live view that adds up the CPU time of this thread inside its methods."""

    cpu_seconds = 0.0

    def on_transition(self, transition: Transition) -> None:
        """Measure the update."""
        self._measured(lambda: super(MeasuredView, self).on_transition(transition))

    def _draw_and_tick(self) -> None:
        self._measured(super()._draw_and_tick)

    def _measured(self, work: Callable[[], None]) -> None:
        began = time.thread_time()
        work()
        self.cpu_seconds += time.thread_time() - began


def synthetic(jobs: int) -> None:
    """Print the times of transitions and frames of a made-up run."""
    with tempfile.TemporaryDirectory(prefix="dx-bench-") as folder:
        run = SyntheticRun(Platform.open(Path(folder)), jobs)
        run.create()
        steps = [_microseconds(run, range(first, first + jobs // 10)) for first in (0, jobs - jobs // 10)]
        began = time.thread_time()
        for _ in range(100):
            frame(run.facts, Space(119, 38, UNICODE))
        print(
            f"| transition, first tenth | {steps[0]:.0f} µs |\n| transition, last tenth | {steps[1]:.0f} µs |"
        )
        print(f"| layout of a frame | {(time.thread_time() - began) * 10:.2f} ms |")
        run.platform.store.close()


def _microseconds(run: SyntheticRun, numbers: range) -> float:
    began = time.thread_time()
    for number in numbers:
        run.start(number)
        run.finish(number)
    return (time.thread_time() - began) * 1e6 / (3 * len(numbers))


def real(jobs: int) -> None:
    """Print the share of the drawing functions in the CPU time of a real run."""
    import uvloop

    from dx_local.engine.runs.inputs import GivenInputs
    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.runs.run import run_once

    with tempfile.TemporaryDirectory(prefix="dx-bench-") as folder:
        app = Path(folder) / "joint-call"
        (app / "src").mkdir(parents=True)
        (app / "src" / "app.py").write_text(_APP, encoding="utf-8")
        run_spec = {
            "interpreter": "python3", "file": "src/app.py", "distribution": "Ubuntu", "release": "24.04",
            "version": "0",
        }  # fmt: skip
        spec = {
            "name": "joint-call", "runSpec": run_spec, "dxapi": "1.0.0",
            "inputSpec": [{"name": "count", "class": "int"}], "outputSpec": [{"name": "n", "class": "int"}],
        }  # fmt: skip
        (app / "dxapp.json").write_text(json.dumps(spec), encoding="utf-8")
        view = MeasuredView(DisplayOptions(app, os.cpu_count() or 1))
        with _terminal_as_stderr():
            uvloop.run(run_once(RunRequest(app, GivenInputs({"count": jobs})), view))
    everything = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    drawing = view.cpu_seconds
    share = f"{drawing:.2f} s of {everything:.0f} s, {100 * drawing / everything:.1f} %"
    print(f"| drawing in a real run of {jobs:,} jobs | {share} |")


class _terminal_as_stderr:  # noqa: N801 - used as a function
    """A block in which stderr is a terminal that a thread reads."""

    def __enter__(self) -> None:
        self._kept = os.dup(2)
        self._master, slave = pty.openpty()
        os.dup2(slave, 2)
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def __exit__(self, *_error: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._kept)

    def _read(self) -> None:
        try:
            while os.read(self._master, 65536):
                pass
        except OSError:  # the other end is closed
            os.close(self._master)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="number of jobs of both runs")
    jobs = parser.parse_args().jobs
    print("| progress display | CPU time |\n|---|---|")
    synthetic(jobs)
    real(jobs)


if __name__ == "__main__":
    main()
