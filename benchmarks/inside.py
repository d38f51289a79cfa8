"""What is measured inside jobs: calls of tools, how quickly those wake who wait, and the bytes of a file."""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING

from benchmarks.ours import run_app
from benchmarks.probes import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.plan import Plan
    from benchmarks.process import Ended

WARM, PLAIN = "tools of dx-local", "tools started plainly"
WAITING, TRANSFER = "waiting", "transfer"
_MICRO = 1e-6
_BLOCK = 1 << 20


def probes(plan: Plan) -> list[Probe]:
    """Return the probes of what happens inside jobs."""
    return [
        Probe(WARM, lambda place: _tools(place, plan.calls)),
        Probe(PLAIN, lambda place: _tools(place, plan.calls, {"DX_LOCAL_TOOLS": "plain"})),
        Probe(WAITING, lambda place: _waiting(place, plan.waits)),
        Probe(TRANSFER, lambda place: _transfer(place, plan.mebibytes), most_rounds=plan.large_rounds),
    ]


def _tools(place: Path, calls: int, variables: Mapping[str, str] | None = None) -> Mapping[str, float]:
    """Return the seconds of one call of each tool."""
    _, output = run_app("tools", place, {"n": calls}, variables)
    return {name: value * _MICRO for name, value in output.items()}


def _waiting(place: Path, waits: int) -> Mapping[str, float]:
    """Return how many seconds after the end of a job each kind of waiting goes on, the median of one run."""
    _, output = run_app("waiting", place, {"n": waits})
    return {name: statistics.median(values) for name, values in output.items()}


def _transfer(place: Path, mebibytes: int) -> Mapping[str, float]:
    """Return the seconds of each way of a large file's bytes, and the memory that this took.

    "arrival" is how much later the input lies in the job's home than one of a single byte does, "linked" the
    same for jobs that get links.
    """
    tiny, _ = _moved(place / "tiny", 1)
    large, ended = _moved(place / "large", mebibytes * _BLOCK)
    linked, _ = _moved(place / "linked", mebibytes * _BLOCK, "--inputs", "link")
    return {
        **large,
        "arrival": large["arrived"] - tiny["arrived"],
        "linked": linked["arrived"] - tiny["arrived"],
        "control": ended.control_mib,
        "largest": ended.largest_mib,
    }


def _moved(place: Path, size: int, *options: str) -> tuple[dict[str, float], Ended]:
    """Return the seconds of a file's bytes by each way, and from the start of the run until it arrived."""
    place.mkdir()
    data, scratch = place / "data", place / "scratch"
    for path in (data, scratch):
        _write_file(path, size)
    scratch.unlink()  # gives back as much memory as the run will want; see transfer.sh
    ended, output = run_app("transfer", place, {"reads": data}, more=options)
    seconds = {name: value * _MICRO for name, value in output.items()}
    return {**seconds, "arrived": seconds["arrived"] - ended.began}, ended


def _write_file(path: Path, size: int) -> None:
    """Write a file to the disk, so that what comes later does not pay for it."""
    block = os.urandom(_BLOCK)
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(block[: size - file.tell()])
        file.flush()
        os.fsync(file.fileno())
