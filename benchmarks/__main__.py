"""Compare dx-local with other engines, and print tables in Markdown or write them to the page.

All figures come from one run in which the probes take turns; options select the probes. Exit code 1 means
that a probe of dx-local failed, never that it was slow.
"""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import datetime, timezone

from benchmarks import inside, jobs, machine, page, report, scatter, starts, tables, targets
from benchmarks.plan import FULL, QUICK, TINY, Plan
from benchmarks.probes import Probe, Results, measure

from dx_local.worker.process import linux

PLANS = {"full": FULL, "quick": QUICK, "tiny": TINY}
GROUPS = ["jobs", "peers", "inside", "starts", "scatter"]


def main() -> int:
    """Run the probes that the command line selects, and return the exit code."""
    options = _options()
    plan = PLANS[options.plan]
    groups = options.only or GROUPS
    probes = _probes(plan, groups)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left behind
    linux.adopt_orphans()
    load_before = machine.load()
    results = Results()
    if plan is not TINY:
        _log("warming up: a small run of everything, to fill the caches and create the environments")
        measure(_probes(TINY, groups), 1, results, _log)
        results.values.clear()
        _log("measuring")
    measure(probes, plan.rounds, results, _log)
    date = datetime.now(tz=timezone.utc).date().isoformat()
    text = report.write(results, plan, report.Circumstances(date, load_before, machine.load()))
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
    parser.add_argument("--write-page", action="store_true", help=f"write the tables to {page.PAGE.name}")
    return parser.parse_args()


def _probes(plan: Plan, groups: list[str]) -> list[Probe]:
    of_group = {
        "jobs": jobs.of_ours(plan),
        "peers": jobs.of_peers(plan),
        "inside": inside.probes(plan),
        "starts": starts.probes(),
        "scatter": [scatter.probe(plan)],
    }
    return [probe for group in GROUPS if group in groups for probe in of_group[group]]


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
