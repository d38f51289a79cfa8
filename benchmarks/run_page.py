"""Measure the pages of two runs of 10,000 jobs: `make bench-report` prints a table in Markdown for each.

One run is made up: its jobs have logs, files and a failure. The other one is a real run of cheap jobs. The
pages are opened from their files in Chromium; times are medians of several loads. The last column has the
bound for 10,000 jobs on a quiet machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.made_up_run import MadeUpRun
from benchmarks.ours import CHECKOUT
from tests.browser import chromium

from dx_local.engine.reports.run_report import ReportRequest
from dx_local.engine.reports.writing import PAGE_NAME, write_reports

_LOADS = 5
_NOT_SCATTERED = 2
"""Number of jobs of the real run that are not `process` jobs: main and gather."""
_FILTERS = ("failed", "process[12]", ">5s", "")
_FILTER = """(text) => {
    const input = document.getElementById("filter");
    const began = performance.now();
    input.value = text;
    input.dispatchEvent(new Event("input"));
    document.getElementById("rows").getBoundingClientRect();
    return performance.now() - began;
}"""


def main() -> None:
    """Make the pages of both runs, and print their sizes and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="number of jobs")
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory(prefix="dx-bench-") as folder:
        made_up, real = Path(folder, "made-up"), Path(folder, "real")
        MadeUpRun(made_up, jobs).write()
        _measure(f"made-up run of {jobs:,} jobs", made_up)
        real.mkdir()
        CHECKOUT.run_app("scatter_python", real, {"n": jobs - _NOT_SCATTERED})
        _measure(f"real run of {jobs:,} jobs", real / "run")


def _measure(title: str, run: Path) -> None:
    began = time.perf_counter()
    write_reports(run, ReportRequest(run))
    made = time.perf_counter() - began
    page = run / PAGE_NAME
    print(f"| report of a {title} | | |\n|---|---|---|\n| made in | {made:.2f} s | |")
    print(f"| size | {page.stat().st_size / 1e6:.2f} MB | < 2 MB |")
    _open(page)
    print(flush=True)


def _open(page: Path) -> None:
    ready, worked, filters = [], [], []
    with chromium() as browser:
        for _ in range(_LOADS):
            tab = browser.new_page()
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]")
            ready.append(float(tab.get_attribute("html", "data-ready") or 0))
            metrics = session.send("Performance.getMetrics")["metrics"]
            worked += [each["value"] * 1000 for each in metrics if each["name"] == "TaskDuration"]
            filters += [float(tab.evaluate(_FILTER, text)) for text in _FILTERS]
            tab.close()
    print(f"| ready in Chromium | {statistics.median(ready):.0f} ms, at most {max(ready):.0f} ms | < 1 s |")
    print(f"| processor time until then | {statistics.median(worked):.0f} ms | |")
    print(f"| filter | {statistics.median(filters):.1f} ms, at most {max(filters):.1f} ms | < 100 ms |")


if __name__ == "__main__":
    main()
