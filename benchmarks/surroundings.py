"""Measure a generated bash scatter app in each simulated surrounding, as a ratio to the normal time.

    python -m benchmarks.surroundings [--rounds N] [NAME...]

The surroundings take turns in each round, so that the load of the machine affects all of them. A ratio is
that of the medians. Exit code 1 means that one is above the limit, or that a run failed. Surroundings that
lack something that warm tools need are measured as well, but have no limit.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.generated import generate
from benchmarks.ours import CHECKOUT
from benchmarks.process import run
from tests import surroundings
from tests.surroundings import NORMAL, NotPossibleError, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT = 1.3
_READS = surroundings.ROOT / "tests" / "data" / "reads.fastq"


def main() -> int:
    """Print a table in Markdown, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs in each surrounding [default: 5]")
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a name of surroundings to measure")
    options = parser.parse_args()
    names = [
        name
        for name in surroundings.NAMES
        if name == NORMAL or not options.names or any(part in name for part in options.names)
    ]
    with tempfile.TemporaryDirectory(prefix="dx-bench-") as folder:
        places = dict(_places(names, Path(folder)))
        times = _times(places, options.rounds)
    normal = statistics.median(times[NORMAL])
    print(f"| surrounding | median (s) | ratio | limit {LIMIT} |\n|---|---|---|---|")
    is_fast = True
    for name in names:
        if name not in times:
            print(f"| {name} | - | - | cannot be simulated here |")
            continue
        median = statistics.median(times[name])
        ratio = median / normal
        is_bound = name not in surroundings.WITHOUT_WARM_TOOLS
        verdict = "none" if not is_bound else "kept" if ratio <= LIMIT else "**exceeded**"
        is_fast &= verdict != "**exceeded**"
        print(f"| {name} | {median:.2f} | {ratio:.2f} | {verdict} |")
    return 0 if is_fast else 1


def _places(names: Sequence[str], folder: Path) -> Iterator[tuple[str, Surroundings]]:
    """Yield the surroundings that this machine can simulate, each with a generated app in its folder."""
    for number, name in enumerate(names):
        own = folder / str(number)
        own.mkdir()
        try:
            place = surroundings.make(name, own)
        except NotPossibleError as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
            continue
        run(generate(CHECKOUT, place.folder, "bash", "scatter-process-gather"))
        yield name, place


def _times(places: dict[str, Surroundings], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each run, after one run that fills the caches. Raises CalledProcessError."""
    times: dict[str, list[float]] = {name: [] for name in places}
    for number in range(rounds + 1):
        for name, place in places.items():
            command = place.command(CHECKOUT.programs / "dx-local", "run", "made", f"-ireads={_READS}", "-q")
            # The simulation takes time itself, which real surroundings do not.
            seconds = _seconds(place, command) - _seconds(place, place.command("true"))
            if number:
                times[name].append(seconds)
    return times


def _seconds(place: Surroundings, command: Sequence[str]) -> float:
    began = time.monotonic()
    subprocess.run(
        command,
        cwd=place.folder,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
