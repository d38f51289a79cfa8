"""`dx-local report`: kept runs in every format."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from benchmarks.made_up_run import MadeUpRun

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import DxLocal

FIRST, LAST = "2026-11-29T10-00-00", "2026-11-30T10-00-00"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    for name, jobs in ((FIRST, 4), (LAST, 6)):
        MadeUpRun(tmp_path / "app" / "test-job-workspaces" / name, jobs).write()
    return tmp_path / "app"


def test_the_page_and_its_data_are_written_into_the_folder(dx_local: DxLocal, app: Path) -> None:
    folder = app / "test-job-workspaces" / LAST
    assert dx_local("report", "--app", app).stdout == f"{folder}/report.html\n"
    assert "</html>" in (folder / "report.html").read_text(encoding="utf-8")
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["run"] == LAST


@pytest.mark.parametrize("run", ["-2", "2026-11-29"])
@pytest.mark.parametrize(
    ("form", "begin"),
    [("json", '{"schema":1,'), ("tsv", "job\ttry\t"), ("md", "### "), ("mermaid", "flowchart LR\n")],
)
def test_other_formats_are_printed(dx_local: DxLocal, app: Path, run: str, form: str, begin: str) -> None:
    printed = dx_local("report", run, "--app", app, "--format", form)
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert printed.stdout.startswith(begin)
    assert not (app / "test-job-workspaces" / FIRST / "report.json").exists()


def test_the_table_has_a_line_per_job(dx_local: DxLocal, app: Path) -> None:
    assert dx_local("report", "--app", app, "--format", "tsv").stdout.count("\n") == 1 + 6
    assert dx_local("report", "-2", "--app", app, "--format", "tsv").stdout.count("\n") == 1 + 4


def test_a_page_elsewhere_links_to_the_run_and_can_be_read_by_others(
    dx_local: DxLocal, app: Path, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    page = tmp_path / "shared" / "run.html"
    assert dx_local("report", "--app", app, "-o", page).stdout == f"{page}\n"
    assert f'"links": "../app/test-job-workspaces/{LAST}/"' in page.read_text(encoding="utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == 0o644


def test_the_page_can_be_printed(dx_local: DxLocal, app: Path) -> None:
    assert dx_local("report", "--app", app, "-o", "-").stdout.endswith("</html>\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-3",), "there is no run '-3'"),
        (("--open", "--format", "md"), "only the page can be opened"),
        (("--open", "-o", "-"), "only the page can be opened"),
        (("-o", "missing/folder/run.html"), "cannot be written: No such file or directory"),
    ],
)
def test_wrong_use(dx_local: DxLocal, app: Path, arguments: tuple[str, ...], message: str) -> None:
    failed = dx_local("report", *arguments, "--app", app)
    assert failed.exit_code == 2
    assert message in failed.stderr


def test_a_run_without_jobs_is_wrong_use(dx_local: DxLocal, app: Path) -> None:
    (app / "test-job-workspaces" / "2026-11-30T11-00-00").mkdir()
    (app / "test-job-workspaces" / "2026-11-30T11-00-00" / "platform.sqlite").touch()
    failed = dx_local("report", "--app", app)
    assert (failed.exit_code, failed.stderr.count("\n")) == (2, 2)
    assert "2026-11-30T11-00-00" in failed.stderr


def test_the_page_opens_in_the_browser(
    dx_local: DxLocal, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n', encoding="utf-8")
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    dx_local("report", "--open", "--app", app)
    opened = (tmp_path / "opened").read_text(encoding="utf-8")
    assert opened == (app / "test-job-workspaces" / LAST / "report.html").as_uri()
    assert os.access(opened.removeprefix("file://"), os.R_OK)
