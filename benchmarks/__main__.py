"""Compare dx-local with other engines and its own past; print tables in Markdown or write them to the page.

All figures come from one run in which the probes take turns; options select the probes. With `--against`, an
earlier commit of this repository is installed, and takes turns with this checkout. Exit code 1 means that a
probe of dx-local failed, in the checkout or the earlier commit, never that it was slow.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    calls,
    commits,
    generated,
    inside,
    jobs,
    machine,
    page,
    report,
    resume,
    scatter,
    starts,
    tables,
    targets,
)
from benchmarks.ours import CHECKOUT, Installation
from benchmarks.plan import FULL, QUICK, TINY, Plan
from benchmarks.probes import Probe, Results, measure
from benchmarks.process import CommandError

from dx_local.worker.process import linux

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PLANS = {"full": FULL, "quick": QUICK, "tiny": TINY}
GROUPS = ["jobs", "peers", "inside", "calls", "starts", "resume", "scatter"]


def main() -> int:
    """Run the probes that the command line selects, and return the exit code."""
    options = _options()
    plan = PLANS[options.plan]
    groups = options.only or GROUPS
    try:
        installations = [
            CHECKOUT,
            *([commits.installed(options.against, _log)] if options.against is not None else []),
        ]
    except CommandError as error:
        _log(f"--against: {error}")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left behind
    linux.adopt_orphans()
    load_before = machine.load()
    results = Results()
    probes = _probes(plan, groups, installations)
    with tempfile.TemporaryDirectory(prefix="dx-bench-") as folder:
        if plan is not TINY:
            _log("warming up: a small run of everything, to fill the caches and create the environments")
            measure(_probes(TINY, groups, installations), 1, results, _log, Path(folder, "warm-up"))
            results.values.clear()
            _log("measuring")
        measure(probes, plan.rounds, results, _log, Path(folder, "measured"))
        load_after = machine.load()
        _log("removing the folders of all runs")
    date = datetime.now(tz=timezone.utc).date().isoformat()
    circumstances = report.Circumstances(date, load_before, load_after, installations[-1].commit)
    text = report.write(results, plan, circumstances)
    if options.write_page:
        page.write(text)
        _log(f"written to {page.PAGE}")
        print(tables.targets(results))
    else:
        print(text)
    _log(targets.verdict(results))
    return 1 if any(probe.is_ours and probe.name in results.failures for probe in probes) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--plan", choices=PLANS, default="full", help="size of the run [default: full]")
    parser.add_argument("--only", action="append", choices=GROUPS, help="run only this group; repeatable")
    parser.add_argument(
        "--against", metavar="COMMIT", help="compare with this commit of the repository, measured in turns"
    )
    parser.add_argument("--write-page", action="store_true", help=f"write the tables to {page.PAGE.name}")
    return parser.parse_args()


def _probes(plan: Plan, groups: list[str], installations: Sequence[Installation]) -> list[Probe]:
    """Return the probes of groups; those of each installation beside each other."""

    def of_each(probes_of: Callable[[Installation], Sequence[Probe]]) -> list[Probe]:
        return [probe for turn in zip(*map(probes_of, installations), strict=True) for probe in turn]

    of_group = {
        "jobs": of_each(lambda ours: jobs.of_ours(plan, ours)),
        "peers": jobs.of_peers(plan),
        "inside": of_each(lambda ours: inside.probes(plan, ours)),
        "calls": of_each(lambda ours: calls.probes(plan, ours)),
        "starts": [*starts.official(), *of_each(starts.probes), *of_each(generated.probes)],
        "resume": of_each(lambda ours: [resume.probe(plan, ours)]),
        "scatter": of_each(lambda ours: [scatter.probe(plan, ours)]),
    }
    return [probe for group in GROUPS if group in groups for probe in of_group[group]]


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
