"""Measure the page of a run of 10,000 jobs: `make bench-report` prints a table in Markdown.

The page is opened from its file in Chromium; times are medians of several loads.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.made_up_run import MadeUpRun
from tests.browser import chromium

from dx_local.engine.reports.run_report import ReportRequest
from dx_local.engine.reports.writing import PAGE_NAME, write_reports

_LOADS = 5
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
    """Make the page, and print its size and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="number of jobs")
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory(prefix="dx-bench-") as folder:
        run = Path(folder)
        MadeUpRun(run, jobs).write()
        began = time.perf_counter()
        write_reports(run, ReportRequest(run))
        made = time.perf_counter() - began
        page = run / PAGE_NAME
        print(f"| report of {jobs:,} jobs | |\n|---|---|")
        print(f"| made in | {made:.2f} s |\n| size | {page.stat().st_size / 1024:,.0f} KiB |")
        _open(page)


def _open(page: Path) -> None:
    ready, filters = [], []
    with chromium() as browser:
        for _ in range(_LOADS):
            tab = browser.new_page()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]")
            ready.append(float(tab.get_attribute("html", "data-ready") or 0))
            filters += [float(tab.evaluate(_FILTER, text)) for text in _FILTERS]
            tab.close()
    print(f"| ready in Chromium | {statistics.median(ready):.0f} ms, at most {max(ready):.0f} ms |")
    print(f"| filter | {statistics.median(filters):.1f} ms, at most {max(filters):.1f} ms |")


if __name__ == "__main__":
    main()
