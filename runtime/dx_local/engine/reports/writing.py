"""Write the reports of a run into its folder: `report.json` for programs, `report.html` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.files import atomic_write
from dx_local.engine.reports.page.assembly import PageTexts, report_page
from dx_local.engine.reports.page.job_texts import job_values, log_tails
from dx_local.engine.reports.run_report import FILE_NAME, report_of
from dx_local.engine.run_folder import reading
from dx_local.platform.core.json_text import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.reports.run_report import ReportRequest
    from dx_local.platform.core.context import JSON, Platform

PAGE_NAME = "report.html"
"""The page, in the folder of the run."""


def write_reports(folder: Path, request: ReportRequest) -> None:
    """Write both reports into the folder of a run, in place of earlier ones.

    Raises UsageError, UnknownSchema, OSError and sqlite3.Error.
    """
    with reading(folder) as platform:
        report = report_of(platform, request)
        atomic_write(folder / FILE_NAME, report_text(report))
        atomic_write(folder / PAGE_NAME, page_of(platform, report))


def try_to_write_reports(folder: Path, request: ReportRequest) -> str | None:
    """Write both reports at the end of a run; return None, or why they could not be written."""
    try:
        write_reports(folder, request)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has its result already
        return f"{type(error).__name__}: {error}"
    return None


def report_text(report: JSON) -> str:
    """Return a report as the text of its JSON file."""
    return to_json(report) + "\n"


def page_of(platform: Platform, report: JSON, links: str = "") -> str:
    """Return the page of a report; `links` is the prefix of relative links to the folder of the run.

    Raises OSError and sqlite3.Error.
    """
    texts = PageTexts(logs=log_tails(platform.folder, report), values=job_values(platform, report, ""))
    return report_page(report, texts, links)
