"""The peers: other engines and the commands that run the same jobs, on as many cores as dx-local has."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.environment import programs_of
from benchmarks.process import Command

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE = Path(__file__).parent
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Peer:
    """An engine that runs N trivial jobs and one that adds their values up, and prints the sum."""

    name: str
    requirements: tuple[str, ...]
    """The pinned requirements of its environment; the first one is the engine itself."""
    how: str
    """A description of its command, for the page."""
    arguments: Callable[[Path, Path, int], list[str | Path]]
    """Returns the command for the folder of the programs, an empty folder, and N."""
    scale: float = 1
    """The factor on the number of jobs, because an engine is fast or slow."""

    def command(self, folder: Path, jobs: int) -> Command:
        """Return the command that runs N jobs in an empty folder; install the peer. Raises CommandError."""
        programs = programs_of(self.requirements[0].partition("=")[0], self.requirements)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return Command(self.arguments(programs, folder, jobs), folder, {"PATH": path})


def _cwltool(process: str) -> Callable[[Path, Path, int], list[str | Path]]:
    def arguments(programs: Path, folder: Path, jobs: int) -> list[str | Path]:
        for name, source in (("scatter", "scatter"), ("process", process), ("gather", "gather")):
            shutil.copyfile(_HERE / "cwl" / f"{source}.cwl", folder / f"{name}.cwl")
        inputs = folder / "inputs.json"
        inputs.write_text(json.dumps({"indices": list(range(jobs))}))
        options: list[str | Path] = ["--parallel", "--quiet", "--outdir", folder / "out"]
        return [programs / "cwltool", *options, folder / "scatter.cwl", inputs]

    return arguments


def _snakemake(programs: Path, _place: Path, jobs: int) -> list[str | Path]:
    options = ["--quiet", "all", "--cores", str(CORES), "--scheduler", "greedy"]
    return [programs / "snakemake", "--snakefile", _HERE / "Snakefile", *options, "--config", f"jobs={jobs}"]


def _python(script: str) -> Callable[[Path, Path, int], list[str | Path]]:
    return lambda programs, _place, jobs: [programs / "python", _HERE / script, str(jobs), str(CORES)]


def _toil(programs: Path, folder: Path, jobs: int) -> list[str | Path]:
    options = ["--maxCores", str(CORES), "--logError", "--clean", "always"]
    return [programs / "python", _HERE / "toil_scatter.py", str(jobs), f"file:{folder / 'store'}", *options]


_CWLTOOL = ("cwltool==3.3.20260925135507",)

PEERS = [
    Peer(
        "cwltool",
        _CWLTOOL,
        "`cwltool --parallel` with a scattered `sh` CommandLineTool that writes its int to `cwl.output.json`",
        _cwltool("process"),
        scale=2,
    ),
    Peer(
        "cwltool, Python jobs",
        _CWLTOOL,
        "the same with `python3 -c` (without dxpy) instead of `sh`",
        _cwltool("process_python"),
    ),
    Peer(
        "Snakemake",
        ("snakemake==9.27.1",),
        "`snakemake --cores` with the greedy scheduler and a `shell:` rule that writes its int to a file",
        _snakemake,
    ),
    Peer(
        "Parsl",
        ("parsl==2026.10.26",),
        "`bash_app`s on the ThreadPoolExecutor, with a thread for each core and stdout in a file",
        _python("parsl_scatter.py"),
        scale=2,
    ),
    Peer(
        "Dask",
        ("distributed==2026.8.0", "dask==2026.8.0"),
        "`Client.map` of a function that starts `sh`, on a LocalCluster with a process for each core",
        _python("dask_scatter.py"),
        scale=2,
    ),
    Peer(
        "Toil",
        ("toil==9.6.0",),
        "the Python API with the single-machine batch system, and child jobs that start `sh`",
        _toil,
        scale=0.04,
    ),
]
