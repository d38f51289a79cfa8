"""Measurements inside jobs: calls of tools, waiting for other jobs, and transfers of a large file."""

from __future__ import annotations

import os
import shutil
import statistics
from typing import TYPE_CHECKING

from benchmarks.probes import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.ours import Installation
    from benchmarks.plan import Plan
    from benchmarks.process import EndedCommand

WARM, PLAIN = "tools of dx-local", "tools started plainly"
WAITING, TRANSFER = "waiting", "transfer"
_MICRO = 1e-6
_BLOCK = 1 << 20


def probes(plan: Plan, ours: Installation) -> list[Probe]:
    """Return the probes that measure inside an installation's jobs."""
    plain = {"DX_LOCAL_TOOLS": "plain"}
    return [
        Probe(ours.named(WARM), lambda folder: _tools(ours, folder, plan.calls)),
        Probe(ours.named(PLAIN), lambda folder: _tools(ours, folder, plan.calls, plain)),
        Probe(ours.named(WAITING), lambda folder: _waiting(ours, folder, plan.waits)),
        Probe(
            ours.named(TRANSFER),
            lambda folder: _transfer(ours, folder, plan.mebibytes),
            most_rounds=plan.large_rounds,
        ),
    ]


def _tools(
    ours: Installation, folder: Path, calls: int, variables: Mapping[str, str] | None = None
) -> Mapping[str, float]:
    """Return the duration of one call of each tool, in seconds."""
    _, output = ours.run_app("tools", folder, {"n": calls}, variables)
    return {name: value * _MICRO for name, value in output.items()}


def _waiting(ours: Installation, folder: Path, waits: int) -> Mapping[str, float]:
    """Return the delay after the end of a job by way of waiting, in seconds; the median of one run."""
    _, output = ours.run_app("waiting", folder, {"n": waits})
    return {name: statistics.median(values) for name, values in output.items()}


def _transfer(ours: Installation, folder: Path, mebibytes: int) -> Mapping[str, float]:
    """Return the duration of each transfer of a large file in seconds, and the memory used in MiB.

    "arrival" is the delay of the input in the job's home compared with an input of one byte; "linked" is the
    same delay with `--inputs link`.
    """
    tiny, _ = _transferred(ours, folder / "tiny", 1)
    large, ended = _transferred(ours, folder / "large", mebibytes * _BLOCK)
    linked, _ = _transferred(ours, folder / "linked", mebibytes * _BLOCK, "--inputs", "link")
    return {
        **large,
        "arrival": large["arrived"] - tiny["arrived"],
        "linked": linked["arrived"] - tiny["arrived"],
        "control": ended.control_mib,
        "largest": ended.largest_mib,
    }


def _transferred(
    ours: Installation, folder: Path, size: int, *options: str
) -> tuple[dict[str, float], EndedCommand]:
    """Return the duration of each transfer, and the time from the run's start to the arrival, in seconds."""
    folder.mkdir()
    data, scratch = folder / "data", folder / "scratch"
    for path in (data, scratch):
        _write_file(path, size)
    scratch.unlink()  # frees as much page cache as the run will need; see transfer.sh
    ended, output = ours.run_app("transfer", folder, {"reads": data}, more=options)
    shutil.rmtree(folder)  # few files, but large: the disk need not hold those of all rounds
    seconds = {name: value * _MICRO for name, value in output.items()}
    return {**seconds, "arrived": seconds["arrived"] - ended.began}, ended


def _write_file(path: Path, size: int) -> None:
    """Write a file and flush it to the disk, so that the measurements do not include the flush."""
    block = os.urandom(_BLOCK)
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(block[: size - file.tell()])
        file.flush()
        os.fsync(file.fileno())
