"""The page of a report in Chromium, opened from its file as a user opens it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from benchmarks.made_up_run import MadeUpRun
from tests.browser import chromium

from dx_local.engine.reports.run_report import ReportRequest
from dx_local.engine.reports.writing import PAGE_NAME, write_reports
from dx_local.platform.core.context import Platform
from dx_local.platform.core.schema import JobTry
from dx_local.platform.execution.job_logs import log_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

JOBS = 400
HOSTILE = "</script><img src=x onerror=alert(1)>\u202eevil" + "x" * 10_000
PHONE = {"width": 390, "height": 844}


@dataclass
class Opened:
    """A page, with everything that it requested and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def labels(self) -> list[str]:
        return self.page.locator("#rows .label bdi").all_inner_texts()

    def filter(self, text: str) -> list[str]:
        self.page.fill("#filter", text)
        return self.labels()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a failed run with its page; process[3] was restarted, process[4] taken over."""
    folder = tmp_path_factory.mktemp("app") / "test-job-workspaces" / "2026-11-30T10-00-00"
    MadeUpRun(folder, JOBS).write()
    platform = Platform.open(folder)
    with platform.store.transaction():
        jobs = platform.store.column(
            "SELECT id FROM job WHERE function = 'process' ORDER BY sequence LIMIT 4"
        )
        past = {"started": 1_796_000_000_020, "stopped": 1_796_000_000_500, "failure_reason": "AppError"}
        platform.store.insert("past_try", job=jobs[2], number=0, row=past)
        platform.store.update("job", jobs[2], try_number=1)
        platform.store.update("job", jobs[3], reused_from="job-x")
    platform.store.close()
    write_reports(folder, ReportRequest(folder.parent.parent))
    return folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose names, messages, log and values try to break the page."""
    folder = tmp_path_factory.mktemp("hostile")
    MadeUpRun(folder, 8).write()
    platform = Platform.open(folder)
    with platform.store.transaction():
        for column in ("executable_name", "function", "failure_message", "instance_type"):
            platform.store.execute(f"UPDATE job SET {column} = ?", HOSTILE)
        text = json.dumps({HOSTILE: HOSTILE})
        platform.store.execute("UPDATE job SET input = ?, output = ?", text, text)
    for row in platform.store.all(JobTry, "SELECT id, function, try_number FROM job"):
        log = log_path(platform, row)
        log.parent.mkdir(parents=True)
        log.write_text(f"{HOSTILE}\n\x1b[31mred\x1b[0m\x00\n", encoding="utf-8")
    platform.store.close()
    write_reports(folder, ReportRequest(folder))
    return folder


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Opened]]:
    contexts = []

    def open_it(folder: Path, **options: object) -> Opened:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
        opened.page.goto((folder / PAGE_NAME).as_uri())
        if options.get("java_script_enabled", True):
            opened.page.wait_for_selector("html[data-ready]")
        return opened

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def opened(open_page: Callable[..., Opened], run: Path) -> Opened:
    return open_page(run)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1180, "height": 900}, PHONE])
def test_the_page_loads_nothing_and_complains_of_nothing(
    open_page: Callable[..., Opened], run: Path, scheme: str, size: dict[str, int]
) -> None:
    opened = open_page(run, color_scheme=scheme, viewport=size)
    opened.page.click("#rows .label button >> nth=0")
    opened.page.wait_for_selector("#details pre")
    assert [url for url in opened.requests if not url.startswith(("data:", (run / PAGE_NAME).as_uri()))] == []
    assert opened.complaints == []
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_head_names_state_and_cause(opened: Opened) -> None:
    assert opened.page.inner_text("h1") == "✗ failed joint-call"
    assert opened.page.inner_text("#sentence").startswith("Failed after")
    why = opened.page.inner_text("#why")
    assert "AppInternalError" in why
    assert "ZeroDivisionError: integer division or modulo by zero" in why
    assert opened.page.inner_text("#why .command code").startswith("dx-local rerun 'process[")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("process[12]", ["process[12]"]),
        ("process[1]", ["process"]),
        ("postprocess", ["postprocess"]),
        ("restarted", ["process[3] try 1", "process[3]"]),
        ("taken", ["process[4]"]),
        ("postprocess failed", []),
        ("nothing like this", []),
    ],
)
def test_filters(opened: Opened, query: str, expected: list[str]) -> None:
    assert opened.filter(query) == expected


def test_the_filter_failed_leaves_the_job_that_failed_by_itself(opened: Opened) -> None:
    (label,) = opened.filter("failed")
    assert label in opened.page.inner_text("#sentence")
    assert opened.page.inner_text("#count") == "1 of 401"


def test_filters_by_duration_and_their_order(opened: Opened) -> None:
    opened.filter(">2s <60s")
    opened.page.click("[data-sort=duration]")
    spans = opened.page.locator("#rows [role=cell]:nth-child(4)").all_inner_texts()
    seconds = [float(text.removesuffix(" s")) for text in spans]
    assert seconds == sorted(seconds, reverse=True)
    assert min(seconds) >= 2.0
    assert opened.page.get_attribute("[role=columnheader]:nth-child(4)", "aria-sort") == "ascending"
    opened.page.click("[data-sort=duration]")
    assert opened.page.get_attribute("[role=columnheader]:nth-child(4)", "aria-sort") == "descending"
    assert opened.labels()[0] != ""


def test_only_rows_in_view_exist(opened: Opened) -> None:
    assert opened.page.get_attribute("#table", "aria-rowcount") == str(JOBS + 2)
    assert opened.page.locator("#rows [role=row]").count() < 60
    opened.page.evaluate("document.getElementById('rows').scrollTop = 1e6")
    opened.page.wait_for_selector("text=postprocess")
    assert "postprocess" in opened.labels()


def test_a_click_shows_log_input_and_output(opened: Opened) -> None:
    (label,) = opened.filter("failed")
    opened.page.click(f"#rows button:has-text('{label}')")
    opened.page.wait_for_selector("#details .log")
    text = opened.page.inner_text("#details")
    assert f"main → {label}" in text
    assert "Traceback (most recent call last):" in text
    assert '"k":31' in text
    link = opened.page.locator("#details a").first
    link.click()
    opened.page.wait_for_url("**/log.txt")
    assert "reading a piece" in opened.page.inner_text("body")


def test_earlier_tries_are_one_click_away(opened: Opened) -> None:
    opened.filter("process[3]")
    opened.page.click("#rows button >> nth=1")
    opened.page.click("text=try 1: AppError")
    assert "process[3] try 1" in opened.page.inner_text("#details h3")


def test_the_command_is_copied(open_page: Callable[..., Opened], run: Path) -> None:
    opened = open_page(run, permissions=["clipboard-read", "clipboard-write"])
    opened.page.click("#why .copy")
    opened.page.wait_for_selector("#why .copy:has-text('Copied')")
    copied = opened.page.evaluate("navigator.clipboard.readText()")
    assert copied == opened.page.inner_text("#why .command code")


def test_the_advice_is_copied_as_json(open_page: Callable[..., Opened], run: Path) -> None:
    opened = open_page(run, permissions=["clipboard-read", "clipboard-write"])
    opened.page.click("#advice summary")
    opened.page.click("#advice .copy")
    opened.page.wait_for_selector("#advice .copy:has-text('Copied')")
    copied = opened.page.evaluate("navigator.clipboard.readText()")
    assert "process" in json.loads(f"{{{copied}}}")["systemRequirements"]


def pixels(page: Page) -> str:
    text: str = page.evaluate("document.getElementById('canvas').toDataURL()")
    return text


def test_the_timeline_zooms_by_keys_and_by_dragging(opened: Opened) -> None:
    page = opened.page
    whole = pixels(page)
    page.focus("#canvas")
    seen = []
    for key in ("+", "ArrowRight", "-", "Escape"):
        page.keyboard.press(key)
        seen.append(pixels(page))
    assert len({whole, *seen[:3]}) == 4
    assert seen[3] == whole
    box = page.locator("#canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 30, steps=4)
    page.mouse.up()
    assert pixels(page) != whole
    page.click("#zoom-all")
    page.wait_for_function("whole => document.getElementById('canvas').toDataURL() === whole", arg=whole)


def test_a_bar_of_the_timeline_opens_its_job(opened: Opened) -> None:
    opened.page.locator("#canvas").scroll_into_view_if_needed()
    box = opened.page.locator("#canvas").bounding_box()
    assert box
    opened.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 4)
    opened.page.wait_for_selector("#details:not([hidden])")
    assert opened.page.inner_text("#details h3").endswith("main")
    opened.page.click("#details .close")
    assert opened.page.locator("#details").is_hidden()


def test_rows_are_reached_by_keys(opened: Opened) -> None:
    opened.page.focus("#rows .label button >> nth=0")
    for _ in range(30):
        opened.page.keyboard.press("ArrowDown")
    assert opened.page.evaluate("document.activeElement.textContent") == "process[29]"
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_selector("#details h3:has-text('process[29]')")


def test_headings_and_tables_are_real(opened: Opened) -> None:
    page = opened.page
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("heading", level=2, name="By entry point").count() == 1
    table = page.locator("#entry-points").get_by_role("table")
    assert table.get_by_role("rowheader").all_inner_texts() == ["main", "process", "postprocess"]
    assert page.locator("#jobs").get_by_role("table").get_by_role("columnheader").count() == 6
    assert page.locator("svg[role=img]").get_attribute("aria-label") != ""


def test_hostile_texts_stay_texts(open_page: Callable[..., Opened], hostile: Path) -> None:
    opened = open_page(hostile)
    opened.page.click("#rows .label button >> nth=4")
    opened.page.wait_for_selector("#details pre")
    assert opened.complaints == []
    assert opened.page.locator("img").count() == 0
    text = opened.page.inner_text("body")
    assert "<img src=x onerror=alert(1)>[U+202E]evil" in text
    assert "\u202e" not in text
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_colours_of_terminals_are_not_shown(open_page: Callable[..., Opened], hostile: Path) -> None:
    log = open_page(hostile).page.inner_text("#why .log")
    assert log.endswith("red[U+0000]")


def test_without_javascript_there_is_a_summary(open_page: Callable[..., Opened], run: Path) -> None:
    text = open_page(run, java_script_enabled=False).page.inner_text("noscript")
    assert "ended with AppInternalError" in text
    assert "ZeroDivisionError" in text


def test_all_rows_are_printed_up_to_a_limit(opened: Opened) -> None:
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator("#rows [role=row]").count() == 300
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("#rows [role=row]").count() < 60


def test_the_page_of_ten_thousand_jobs(open_page: Callable[..., Opened], tmp_path: Path) -> None:
    MadeUpRun(tmp_path, 10_000).write()
    write_reports(tmp_path, ReportRequest(tmp_path))
    assert (tmp_path / PAGE_NAME).stat().st_size < 2_000_000
    opened = open_page(tmp_path)
    assert opened.page.inner_text("#count") == "10,000 rows"
    assert opened.filter("process[9000]") == ["process[9000]"]
