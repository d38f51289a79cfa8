"""A report as a table, as Markdown, as a Mermaid graph, and in one sentence."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.made_up_run import MadeUpRun

from dx_local.engine.reports.formats.markdown import markdown_summary
from dx_local.engine.reports.formats.mermaid import mermaid_graph
from dx_local.engine.reports.formats.trace import COLUMNS, trace_table
from dx_local.engine.reports.run_report import ReportRequest, report_of
from dx_local.engine.reports.sentences import rerun_command, sentence
from dx_local.engine.run_folder import reading

if TYPE_CHECKING:
    from pathlib import Path

JSON = dict[str, Any]
JOBS = 40


@pytest.fixture
def report(tmp_path: Path) -> JSON:
    """Return the report of a failed run, of which one job was restarted."""
    folder = tmp_path / "test-job-workspaces" / "2026-11-30T10-00-00"
    MadeUpRun(folder, JOBS).write()
    with reading(folder) as platform:
        made = report_of(platform, ReportRequest(tmp_path))
    made["jobs"]["tries"][3] = 2
    row = {"job": 3, "number": 0, "started": 5, "stopped": 1005, "memory": 7, "cpuSeconds": 0.5, "disk": 8}
    texts = {
        "reason": "AppInternalError",
        "node": "n1",
        "message": "once\tor\n\u2028twice",
        "log": "jobs/a/log.txt",
    }
    for name, value in (row | texts).items():
        made["earlierTries"][name].append(value)
    return made


def rows_of(report: JSON) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(trace_table(report)), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_the_table_has_a_row_for_each_job_and_try(report: JSON) -> None:
    rows = rows_of(report)
    assert len(rows) == JOBS + 1
    assert tuple(rows[0]) == COLUMNS
    restarted, last = rows[3:5]
    assert (restarted["job"], restarted["try"], restarted["state"]) == (last["job"], "0", "restarted")
    assert (restarted["seconds"], restarted["message"]) == ("1.0", "once or twice")
    assert (last["try"], last["state"]) == ("1", "done")


def test_unknown_values_are_empty_cells(report: JSON) -> None:
    gather = rows_of(report)[-1]
    assert (gather["function"], gather["started"], gather["memory"]) == ("postprocess", "", "")


def test_the_sentence_counts(report: JSON) -> None:
    label = re.escape(report["cause"]["path"])
    counts = "37 of 40 jobs are done, 2 jobs ended with it"
    expected = rf"Failed after \S+ s: {label} ended with AppInternalError; {counts}\."
    assert re.fullmatch(expected, sentence(report))


@pytest.mark.parametrize(
    ("state", "begin"),
    [("running", "In progress: "), ("interrupted", "Interrupted after "), ("done", "Done after ")],
)
def test_the_sentence_names_the_state(report: JSON, state: str, begin: str) -> None:
    assert sentence({**report, "state": state, "cause": None}).startswith(begin)


def test_the_failed_job_can_be_run_again(report: JSON) -> None:
    label = report["cause"]["path"].rpartition(" ")[2]
    assert rerun_command(report) == f"dx-local rerun '{label}' --run 2026-11-30T10-00-00"


def test_jobs_of_one_name_are_run_again_by_their_id(report: JSON) -> None:
    position = report["jobs"]["id"].index(report["cause"]["job"])
    report["jobs"]["label"][0] = report["jobs"]["label"][position]
    assert f" {report['cause']['job']} " in str(rerun_command(report))


def test_markdown_has_a_row_for_each_entry_point(report: JSON) -> None:
    text = markdown_summary(report)
    assert text.startswith("### ❌ joint-call: failed\n")
    rows = [line for line in text.splitlines() if line.startswith("| ") and line.endswith(" |")]
    assert len(rows) == 2 + 3
    assert re.search(r"^\| process \| 38 \| 1 \| .*`mem1_ssd1_v2_x8` \| `\w+` \|$", text, re.MULTILINE)
    assert "```mermaid\nflowchart LR\n" in text


def test_markdown_of_hostile_texts_stays_text(report: JSON) -> None:
    report["name"] = "a | <b>`*_[x](y)\n# no"
    report["cause"]["explanation"] = "```\n<script>\n````"
    text = markdown_summary(report)
    assert text.splitlines()[0] == r"### ❌ a \| \<b\>\`\*\_\[x\](y) \# no: failed"
    assert "`````text\n" in text


def test_the_graph_has_nodes_and_edges(report: JSON) -> None:
    report["edges"] = [
        {"from": 0, "to": 1, "kind": "starts", "jobs": 38},
        {"from": 0, "to": 2, "kind": "starts", "jobs": 1},
        {"from": 1, "to": 2, "kind": "data", "jobs": 38},
        {"from": 1, "to": 1, "kind": "dependsOn", "jobs": 2},
    ]
    assert mermaid_graph(report).splitlines() == [
        "flowchart LR",
        '    n0["main<br>1 job"]',
        '    n1["process<br>38 jobs, 1 failed"]',
        '    n2["postprocess<br>1 job"]',
        "    n0 -.->|starts| n1",
        "    n1 --> n2",
        "    n1 -->|dependsOn| n1",
    ]


def test_the_graph_of_hostile_names_stays_a_graph(report: JSON) -> None:
    report["entryPoints"][0]["function"] = 'a"]; click n0 "x"\n<b>'
    node = mermaid_graph(report).splitlines()[1]
    assert re.fullmatch(r'    n0\["[\w .,;#()+:-]+<br>1 job"\]', node)
