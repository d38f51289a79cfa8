"""Measure the cost of one more job in each process involved, in milliseconds of processor time.

    python -m benchmarks.anatomy [JOBS] [ROUNDS]

Runs with JOBS subjobs alternate with runs without any; the minimum over ROUNDS of each is used. Other load on
the machine has little effect on processor time.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from typing_extensions import override

from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.platform.core.states import State

if TYPE_CHECKING:
    from dx_local.platform.core.states import Transition

APPS = {"Python": "scatter_python", "bash, one `dx-jobutil-add-output`": "scatter_bash"}
PARTS = ("control process", "zygote", "jobs", "tool server and tools")
_TICKS = os.sysconf("SC_CLK_TCK")


class Meter(Observer):
    """Read the processor time of all processes of a run from /proc, once: when the first job is done.

    The first job to appear is the one that started all others, so that it is the last to be done. To read
    /proc at each end would cost the control process a fifth of what is measured.
    """

    def __init__(self) -> None:
        self._control = sum(os.times()[:2])
        self._first: str | None = None
        self.seconds = [0.0] * len(PARTS)

    @override
    def on_transition(self, transition: Transition) -> None:
        self._first = self._first or transition.job
        if transition.after is not State.DONE or transition.job != self._first:
            return
        zygotes = [(pid, *used_by(pid)) for pid in map(zygote_of, children_of(os.getpid()))]
        servers = [used_by(server) for pid, *_ in zygotes for server in children_of(pid)]
        self.seconds = [
            sum(os.times()[:2]) - self._control,
            sum(own for _, own, _ in zygotes),
            sum(ended for _, _, ended in zygotes),
            sum(sum(used) for used in servers),
        ]


def children_of(pid: int) -> list[int]:
    """Return the process IDs of a process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def zygote_of(pid: int) -> int:
    """Return the process ID of the zygote: this process or, with PID namespaces, its child."""
    for child in children_of(pid):
        if re.search(r"^NSpid:.*\t1$", Path(f"/proc/{child}/status").read_text(), re.MULTILINE):
            return child
    return pid


def used_by(pid: int) -> tuple[float, float]:
    """Return the processor time of a process, and that of its ended children, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, user_of_ended, system_of_ended = map(int, fields[11:15])
    return (user + system) / _TICKS, (user_of_ended + system_of_ended) / _TICKS


def measure(app: Path, jobs: int, series: Path) -> list[float]:
    """Run an app once, in a new folder of a series, and return the processor time of each part in seconds."""
    meter = Meter()
    request = RunRequest(app, GivenInputs({"n": jobs}), folder=Path(tempfile.mkdtemp(dir=series), "run"))
    result = uvloop.run(run_once(request, meter))
    if result.failure:
        sys.exit(result.explanation())
    return meter.seconds


def main(jobs: int = 200, rounds: int = 5) -> None:
    """Measure both apps and print a table."""
    print(f"| ms per job | {' | '.join(PARTS)} | together |\n|---|{'---|' * (len(PARTS) + 1)}")
    for name, folder in APPS.items():
        app = Path(__file__).parent / "apps" / folder
        with tempfile.TemporaryDirectory(prefix="dx-anatomy-") as series:
            runs = [(measure(app, 0, Path(series)), measure(app, jobs, Path(series))) for _ in range(rounds)]
        none = [min(values) for values in zip(*(without for without, _ in runs), strict=True)]
        some = [min(values) for values in zip(*(with_jobs for _, with_jobs in runs), strict=True)]
        each = [(more - less) / jobs * 1000 for less, more in zip(none, some, strict=True)]
        print(f"| {name} | {' | '.join(f'{value:.1f}' for value in (*each, sum(each)))} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
