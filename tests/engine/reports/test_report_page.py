"""The page of a report: one file that loads nothing, with the data of the run packed into it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.made_up_run import MadeUpRun

from dx_local.engine.reports.page.assembly import PageTexts, live_page, page_data, report_page
from dx_local.engine.reports.page.job_texts import job_values, log_tails
from dx_local.engine.reports.page.packing import packed
from dx_local.engine.reports.run_report import ReportRequest, report_of
from dx_local.engine.reports.writing import PAGE_NAME, page_of, try_to_write_reports, write_reports
from dx_local.engine.run_folder import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.platform.core.context import Platform

JSON = dict[str, Any]
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e{{ script }}"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    MadeUpRun(folder, 40).write()
    return folder


@pytest.fixture
def platform_of_run(run: Path) -> Iterator[Platform]:
    with reading(run) as opened:
        yield opened


@pytest.fixture
def report(platform_of_run: Platform, run: Path) -> JSON:
    return report_of(platform_of_run, ReportRequest(run))


def page_with(report: JSON) -> str:
    return report_page(report, PageTexts(logs={}, values=[]))


def block(page: str, name: str) -> Any:
    """Return the data in a block of a page."""
    match = re.search(rf'id="{name}">([\w+/=]*)</script>', page)
    assert match
    return json.loads(zlib.decompress(base64.b64decode(match[1])))


def test_the_policy_allows_the_page_itself_and_nothing_else(report: JSON) -> None:
    page = page_with(report)
    match = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert match
    directives = dict(part.strip().split(" ", 1) for part in match[1].split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "'none'"
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        text = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert directives[name] == f"'sha256-{digest}'"


def test_the_page_names_no_other_place(report: JSON) -> None:
    page = page_with(report).replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?://[^\s\"'`]+", page) == []
    assert re.findall(r"<(?:link|script|img|iframe)[^>]*\b(?:src|href)=\"(?!data:)", page) == []


@pytest.mark.parametrize("field", ["name", "function"])
def test_hostile_names_are_not_in_the_source(report: JSON, field: str) -> None:
    report[field] = HOSTILE
    report["jobs"]["label"][1] = HOSTILE
    report["cause"] |= {"path": HOSTILE, "message": HOSTILE, "explanation": HOSTILE}
    page = page_with(report)
    assert "<img" not in page
    assert page.count("</script>") == 5
    assert "\u202e" not in page


def test_the_data_are_those_of_the_report(report: JSON) -> None:
    data = block(page_with(report), "report-data")
    jobs = data["jobs"]
    assert [f"job-{each}" for each in jobs["id"]] == report["jobs"]["id"]
    created, total = [], 0
    for step in jobs["created"]:
        total += step
        created.append(total)
    assert created == report["jobs"]["created"]
    assert [data["texts"][each] for each in jobs["state"]] == report["jobs"]["state"]
    assert data["sentence"].startswith("Failed after")
    assert data["inputs"] == report["inputs"]


def test_logs_of_failed_jobs_are_embedded_with_their_ends(
    platform_of_run: Platform, report: JSON, run: Path
) -> None:
    tails = log_tails(run, report)
    (tail,) = tails.values()
    assert tail["isCut"]
    assert tail["text"].endswith("integer division or modulo by zero")
    assert len(tail["text"].splitlines()) == 200


def test_inputs_and_outputs_of_jobs_are_embedded(platform_of_run: Platform, report: JSON) -> None:
    values = job_values(platform_of_run, report, "")
    assert len(values) == 40
    given, made = values[1] or (None, None)
    assert json.loads(str(given))["k"] == 31
    assert "result" in json.loads(str(made))


def test_the_page_of_many_jobs_stays_small(tmp_path: Path) -> None:
    MadeUpRun(tmp_path / "many", 1000).write()
    write_reports(tmp_path / "many", ReportRequest(tmp_path))
    assert (tmp_path / "many" / PAGE_NAME).stat().st_size < 200_000


def test_links_can_lead_to_another_folder(platform_of_run: Platform, report: JSON) -> None:
    page = page_of(platform_of_run, report, "../a%20b/")
    assert '{"mode": "file", "links": "../a%20b/"}' in page


def test_a_live_page_has_no_data_and_may_ask_its_server() -> None:
    page = live_page(HOSTILE, {"mode": "live", "root": "job-1", "title": HOSTILE})
    assert "connect-src 'self'" in page
    assert "<img" not in page
    assert 'id="report-data"></script>' in page


def test_a_report_that_cannot_be_written_is_explained(run: Path) -> None:
    (run / PAGE_NAME).mkdir()
    (run / PAGE_NAME / "file").touch()
    problem = try_to_write_reports(run, ReportRequest(run))
    assert problem
    assert PAGE_NAME in problem


def test_a_folder_without_jobs_is_explained(tmp_path: Path) -> None:
    assert "UsageError" in str(try_to_write_reports(tmp_path, ReportRequest(tmp_path)))


def test_packed_data_deflate(report: JSON) -> None:
    assert len(packed(page_data(report))) < len(json.dumps(report)) / 3
