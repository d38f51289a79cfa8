"""The report of a kept run in the formats of `dx-local report`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from dx_local.engine.reports.formats.markdown import markdown_summary
from dx_local.engine.reports.formats.mermaid import mermaid_graph
from dx_local.engine.reports.formats.trace import trace_table
from dx_local.engine.reports.run_report import ReportRequest, report_of
from dx_local.engine.reports.writing import PAGE_NAME, page_of, report_text, write_reports
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.history.kept_runs import KeptRun
    from dx_local.platform.core.context import Platform

_TEXTS = {"json": report_text, "tsv": trace_table, "md": markdown_summary, "mermaid": mermaid_graph}


def report_in(run: KeptRun, app: Path, wanted: str, destination: Path | None = None) -> str:
    """Return the report of a run as html, json, tsv, md or mermaid.

    Links of the page to the files of the run are relative to the folder of `destination`, by default to that
    of the run. Raises UsageError if the run has no job yet or cannot be read.
    """
    with _opened(run) as platform:
        report = report_of(platform, _request(run, app))
        if wanted == "html":
            return page_of(platform, report, _links(run.folder, destination))
    return _TEXTS[wanted](report)


def renew_reports(run: KeptRun, app: Path) -> Path:
    """Write both reports of a run into its folder again, and return the path of the page.

    Raises UsageError if the run has no job yet or cannot be read, and OSError.
    """
    with _opened(run):
        write_reports(run.folder, _request(run, app))
    return run.folder / PAGE_NAME


def _request(run: KeptRun, app: Path) -> ReportRequest:
    return ReportRequest(app, is_over=not run.is_in_use(), is_again=True)


@contextmanager
def _opened(run: KeptRun) -> Iterator[Platform]:
    """Open a run that has a job."""
    with run.opened() as platform:
        if not platform.store.exists("SELECT 1 FROM job"):
            raise UsageError(f"run {run.name} has no job yet")
        yield platform


def _links(folder: Path, destination: Path | None) -> str:
    """Return the prefix of links to files in a folder, for a page at a destination."""
    if destination is None:
        return ""
    relative = os.path.relpath(folder.resolve(), destination.resolve().parent)
    return "" if relative == "." else f"{quote(relative)}/"
