"""Progress in pipes and in GitHub Actions."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from tests.forked import run_ours
from tests.ui.display.test_live_screens import scatters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]


def piped(app: str, *options: str, **variables: str) -> str:
    """Return the lines that a run writes on stderr into a pipe."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    return run_ours("dx-local", ["run", app, *options], {**kept, **variables}).stderr


def test_a_pipe_gets_a_line_per_change_of_few_jobs(make_app: MakeApp) -> None:
    lines = re.sub(r"(?m)^ *\d+\.\d\ds ", "", piped(scatters(make_app, 3))).splitlines()
    for label in ("main", "process", "process[2]", "process[3]", "postprocess"):
        assert {f"{label} running", f"{label} done"} <= set(lines)
    assert "process[3] | piece 2" in lines


@pytest.fixture(scope="module")
def many(make_module_app: MakeApp) -> str:
    return scatters(make_module_app, 100, fails=True)


def test_a_pipe_gets_counts_of_many_jobs_and_a_line_for_each_failure(many: str) -> None:
    shown = piped(many)
    assert re.search(r"process \d+/100, \d running, \d:\d\d left; postprocess waits for \d+ process\n", shown)
    assert len(re.findall(r"s process \d+/", shown)) <= 12
    cause = r"process\[57\] failed \(AppInternalError\): ZeroDivisionError: .* at src/count-kmers\.py:9\n"
    assert len(re.findall(cause, shown)) == 1
    assert shown.count("log lines of jobs are in their files: --logs all shows them\n") == 1


def test_github_gets_an_annotation_a_group_and_a_summary(many: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n")
    shown = piped(many, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=many, GITHUB_STEP_SUMMARY=str(summary))
    annotation = "::error file=src/count-kmers.py,line=9,title=process[57]::ZeroDivisionError: "
    assert re.search(rf"(?m)^{re.escape(annotation)}", shown)
    group = re.search(r"(?ms)^::group::process\[57\] log\n(.*?)^::endgroup::$", shown)
    assert group
    assert "| piece 56\n" in group[1]
    assert all(line.startswith("| ") for line in group[1].splitlines())
    text = summary.read_text()
    assert text.startswith("# Before\n### count-kmers\n")
    assert re.search(r"(?m)^\| process \| 100 \| \d+ \| 1 \| .* s \| .* s process.* \| .* MiB \|$", text)
    assert "- process[57]: ZeroDivisionError: " in text


def test_a_job_cannot_write_workflow_commands(make_app: MakeApp) -> None:
    app = make_app("main() { echo '::error::from the job'; echo '::endgroup::'; }", interpreter="bash")
    lines = piped(str(app), GITHUB_ACTIONS="true").splitlines()
    assert "| ::error::from the job" in lines
    assert lines.count("::endgroup::") == 1
