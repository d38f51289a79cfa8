"""What a job, a start and a generation cost on this machine, as ratios to starting Python with dxpy once.

`make bench` runs it and prints a table in Markdown. All figures come from one run, alternating, so that they
share whatever else the machine was doing; the ratios carry to other machines, the seconds do not.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BIN = Path(sys.executable).parent
ROUNDS = 5
FEW, MANY = 20, 200

OFFICIAL_ANSWERS = "made\nT\nS\n0.0.1\nreads\n\nfile\nn\n\nn\n\nint\n\n48h\nn\nn\nmem1_ssd1_v2_x4\n"
"""What the official wizard asks for an app with a file as input and an int as output."""

PYTHON_APP = """
import dxpy

@dxpy.entry_point("main")
def main(n):
    jobs = [dxpy.new_dxjob({"index": i}, "process") for i in range(n)]
    gather = dxpy.new_dxjob({"values": [job.get_output_ref("value") for job in jobs]}, "postprocess")
    return {"total": gather.get_output_ref("total")}

@dxpy.entry_point("process")
def process(index):
    return {"value": index}

@dxpy.entry_point("postprocess")
def postprocess(values):
    return {"total": sum(values)}
"""

BASH_APP = """
main() {
  for ((i = 0; i < n; i++)); do
    dx-jobutil-new-job process -iindex:int=$i > /dev/null
  done
  dx-jobutil-add-output total 0 --class=int
}
process() { dx-jobutil-add-output value "$index" --class=int; }
"""


@dataclass
class Work:
    """Something to be timed: a name, a command, and the seconds that its rounds took."""

    name: str
    command: list[str | Path]
    seconds: list[float] = field(default_factory=list)
    prepare: Callable[[], None] = lambda: None
    variables: dict[str, str] = field(default_factory=dict)
    """What the command finds in its environment besides all else."""
    lines: str | None = None
    """What the command reads from stdin, if anything."""

    def once(self) -> None:
        """Run the command and note its time; a failure ends the benchmark."""
        self.prepare()
        began = time.perf_counter()
        variables = {**os.environ, **self.variables}
        subprocess.run(
            self.command, env=variables, input=self.lines, text=True, check=True, capture_output=True
        )
        self.seconds.append(time.perf_counter() - began)

    @property
    def median(self) -> float:
        """The median of the rounds, in seconds."""
        return statistics.median(self.seconds)


def main() -> None:
    """Measure everything in a temporary folder and print the table."""
    with tempfile.TemporaryDirectory(prefix="dx-bench-") as name:
        folder = Path(name)
        works = {work.name: work for work in make_works(folder)}
        for work in works.values():
            work.once()  # caches warm, worker environment made
            work.seconds.clear()
        for _ in range(ROUNDS):
            for work in works.values():
                work.once()
        print_table(works)


def make_works(folder: Path) -> list[Work]:
    """Return what is measured, the yardstick first."""
    python_app = write_app(folder / "python-jobs", "python3", PYTHON_APP)
    bash_app = write_app(folder / "bash-jobs", "bash", BASH_APP)
    wizard: list[str | Path] = [
        BIN / "dx-app-wizard",
        "made",
        "--language",
        "python",
        "--template",
        "basic",
        "--no-input",
    ]
    new: list[str | Path] = [*wizard, "--input", "reads:file", "--output", "n:int", "-o", folder / "new"]

    # The official wizard writes into the current folder, so a shell goes there first.
    official = worker_python().parent / "dx-app-wizard"
    there = ["sh", "-c", 'mkdir -p "$1" && cd "$1" && exec "$2" --language Python --template basic', "-"]

    def run(app: Path, jobs: int) -> list[str | Path]:
        return [BIN / "dx-local", "run", app, f"-in={jobs}", "-q"]

    return [
        Work("start of Python with dxpy", [worker_python(), "-c", "import dxpy"]),
        Work("dx-local --help", [BIN / "dx-local", "--help"]),
        Work("dx-app-wizard --help", [BIN / "dx-app-wizard", "--help"]),
        Work("generate an app", new, prepare=lambda: shutil.rmtree(folder / "new", ignore_errors=True)),
        Work("official dx-app-wizard --help", [official, "--help"]),
        Work(
            "generate an app with the official wizard",
            [*there, folder / "official", official],
            prepare=lambda: shutil.rmtree(folder / "official", ignore_errors=True),
            lines=OFFICIAL_ANSWERS,
        ),
        Work("run of two jobs", run(python_app, 0)),
        Work(f"{FEW} Python subjobs", run(python_app, FEW)),
        Work(f"{MANY} Python subjobs", run(python_app, MANY)),
        Work("run of no bash subjob", run(bash_app, 0)),
        Work(f"{FEW} bash subjobs, two tool calls each", run(bash_app, FEW)),
        Work(f"{FEW} bash subjobs, plain tools", run(bash_app, FEW), variables={"DX_LOCAL_TOOLS": "plain"}),
    ]


def write_app(folder: Path, interpreter: str, code: str) -> Path:
    """Write an app with an int input `n` and an int output `total`."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "code").write_text(code)
    run_spec = {
        "interpreter": interpreter,
        "file": "src/code",
        "distribution": "Ubuntu",
        "release": "24.04",
        "version": "0",
        "timeoutPolicy": {"*": {"hours": 1}},
    }
    spec = {
        "name": folder.name,
        "title": folder.name,
        "summary": "A benchmark",
        "dxapi": "1.0.0",
        "version": "0.0.1",
        "inputSpec": [{"name": "n", "class": "int"}],
        "outputSpec": [{"name": "total", "class": "int"}],
        "runSpec": run_spec,
    }
    (folder / "dxapp.json").write_text(json.dumps(spec))
    return folder


def worker_python() -> Path:
    """Return the Python of the worker environment, made if it is not there."""
    from dx_local.engine.environments import EnvironmentRequest, prepare_environment

    return prepare_environment(EnvironmentRequest(), announce=print).python


def print_table(works: dict[str, Work]) -> None:
    """Print medians, spread and ratios to the yardstick, and what a job costs at the margin."""
    yardstick = next(iter(works.values())).median
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {ROUNDS} rounds\n"
    )
    print("| what | median s | from | to | ratio to starting dxpy |")
    print("|---|---|---|---|---|")
    for work in works.values():
        low, high = min(work.seconds), max(work.seconds)
        print(f"| {work.name} | {work.median:.3f} | {low:.3f} | {high:.3f} | {work.median / yardstick:.2f} |")
    few, many = works[f"{FEW} Python subjobs"], works[f"{MANY} Python subjobs"]
    each = (many.median - few.median) / (MANY - FEW)
    print(f"\nA Python subjob costs {each * 1000:.1f} ms at the margin ({1 / each:.0f} jobs/s),", end=" ")
    print(f"{each / yardstick:.3f} of starting dxpy.")
    start = works["run of no bash subjob"].median
    warm = (works[f"{FEW} bash subjobs, two tool calls each"].median - start) / FEW
    plain = (works[f"{FEW} bash subjobs, plain tools"].median - start) / FEW
    print(f"A bash subjob with its two tool calls costs {warm * 1000:.0f} ms,", end=" ")
    print(f"with plain tools {plain * 1000:.0f} ms: {plain / warm:.1f} times as much.")


if __name__ == "__main__":
    main()
