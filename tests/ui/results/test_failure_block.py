"""The block at the end of a failed run: its parts, their order, and the space that they take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dx_app_wizard.lint.findings import Finding
from dx_local.engine.reports.failure_report import FailureReport, Subject
from dx_local.engine.reports.source_lines import SourceLine
from dx_local.ui.fitting import rows_of
from dx_local.ui.results.failure_block import BlockSpace, Command, GoingOn, failure_block

PLAIN = FailureReport(
    job_id="job-1",
    job_path="main → process[57]",
    reason="AppInternalError",
    message="ZeroDivisionError: division by zero",
    explanation="ZeroDivisionError: division by zero",
    subject=Subject("job-1", "process[57]", "main → process[57]"),
    job_input={},
    inputs=("piece=piece-0057 (1.2 KiB)", "k=31"),
    source=SourceLine(Path("src/app.py"), 41, 'return {"lines": 1 // 0}'),
    log_tail=(),
    excerpt=("reading", '  File "src/app.py", line 41, in process', "ZeroDivisionError: division by zero"),
    log_lines=214,
    log_file=Path("log.txt"),
    others="101 of 202 jobs done, 18 ended with it",
)
RERUN = "dx-local rerun 'process[57]'"
GOING_ON = GoingOn(
    commands=(
        Command(RERUN, "this job alone, with your edits"),
        Command(f"{RERUN} --debug", "the same, stops where it fails"),
        Command("dx-local run --resume", "all that is not done"),
    ),
    logs="dx-local logs 'process[57]'",
    place=("report", "test-job-workspaces/2026-11-29T16-02-11/report.html"),
)
FINDING = Finding("bash-program", "warning", "", "program 'x' is missing " * 5, "Add it.", "src/app.sh", 3)
FULL = replace(
    PLAIN,
    excerpt=tuple(f"line {number} {'x' * 200}" for number in range(20)),
    missing_programs=("src/app.sh:3: foo: command not found",),
    findings=(FINDING, FINDING),
    hint="With --xtrace, bash prints each command. " * 3,
)
MANY_LINES = "\n".join(f"line {number}" for number in range(200))
ODD = {
    "long message": replace(PLAIN, explanation="a long message " * 40),
    "200 lines": replace(PLAIN, explanation=MANY_LINES),
    "no message": replace(PLAIN, explanation=""),
    "no spaces": replace(PLAIN, explanation="x" * 500),
    "wide": replace(PLAIN, explanation="数字が壊れています" * 20, excerpt=("終わり" * 60,) * 20),
    "long names": replace(
        PLAIN,
        job_path="main → " + "process" * 20,
        subject=Subject("job-1", "process" * 20, "main → " + "process" * 20),
        source=SourceLine(Path("folder" * 30) / "app.py", 41, "code " * 60),
        inputs=tuple(f"input{number}={'name' * 40}.fastq (1.2 GiB)" for number in range(9)),
    ),
    "tabs and breaks": replace(
        PLAIN,
        job_path="main → a\nb",
        subject=Subject("job-1", "a\nb", "main → a\nb"),
        source=SourceLine(Path("src/a\nb.py"), 41, "x\t\ty" * 12),
        inputs=("a=x\ty\nz",),
        findings=(replace(FINDING, message="a\tb\nc"),),
    ),
    "silent": replace(PLAIN, excerpt=(), log_lines=0),
    "not started": replace(PLAIN, excerpt=(), log_lines=0, log_file=None, source=None, inputs=()),
    "controls": replace(
        PLAIN, explanation="a\x1b[31mred\x07\tb\r\nc", excerpt=("\x1b]0;title\x07x\ty",) * 20
    ),
    "full": FULL,
    "full, 200 lines": replace(FULL, explanation=MANY_LINES),
}
LONG_COMMANDS = replace(
    GOING_ON,
    commands=tuple(Command(f"{command.text} --app {'folder/' * 14}", "") for command in GOING_ON.commands),
    logs=f"{GOING_ON.logs} --app {'folder/' * 14}",
    place=("report", "folder/" * 20 + "report.html"),
)


def lines_of(report: FailureReport, columns: int | None = 80, rows: int = 16, shown: int = 0) -> list[str]:
    above, cause = failure_block(report, GOING_ON, BlockSpace(columns, rows), lines_shown=shown)
    return [*above, *cause]


def test_the_block_ends_with_the_cause() -> None:
    assert lines_of(PLAIN) == [
        "process[57], the last lines of its log (all 214: dx-local logs 'process[57]')",
        "  | reading",
        '  |   File "src/app.py", line 41, in process',
        "  | ZeroDivisionError: division by zero",
        "input     piece=piece-0057 (1.2 KiB)   k=31",
        "others    101 of 202 jobs done, 18 ended with it",
        "again     dx-local rerun 'process[57]'           this job alone, with your edits",
        "          dx-local rerun 'process[57]' --debug   the same, stops where it fails",
        "          dx-local run --resume                  all that is not done",
        "report    test-job-workspaces/2026-11-29T16-02-11/report.html",
        "error: main → process[57] failed: AppInternalError",
        "  ZeroDivisionError: division by zero",
        "  at src/app.py:41",
        '      return {"lines": 1 // 0}',
    ]


def test_a_log_that_is_on_the_screen_is_not_repeated() -> None:
    assert lines_of(PLAIN, shown=9)[0].startswith("process[57], the last lines")
    assert lines_of(PLAIN, shown=10)[:2] == [
        "log       above; all 214 lines: dx-local logs 'process[57]'",
        "input     piece=piece-0057 (1.2 KiB)   k=31",
    ]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("rows", [8, 16, 38])
@pytest.mark.parametrize("going_on", [GOING_ON, LONG_COMMANDS], ids=["commands", "long commands"])
@pytest.mark.parametrize("report", ODD.values(), ids=ODD)
def test_any_block_fits(report: FailureReport, going_on: GoingOn, columns: int, rows: int) -> None:
    above, cause = failure_block(report, going_on, BlockSpace(columns, rows))
    assert sum(rows_of(line, columns) for line in [*above, *cause]) <= min(rows, 16)
    assert cause[0].startswith("error: main → ")
    assert not any(text in "".join([*above, *cause]) for text in "\x1b\t\n")
    texts = [command.text for command in going_on.commands]
    shown = [line[10:].partition("   ")[0] for line in above]
    assert [text for text in texts if text in shown] == texts[: sum(text in shown for text in texts)]


def test_the_command_to_run_the_job_again_outranks_its_log() -> None:
    lines = lines_of(FULL, columns=60, rows=5)
    assert lines[0] == f"again     {RERUN}"
    assert lines[1].startswith("error: ")


@pytest.mark.parametrize(
    ("message", "end"),
    [
        (
            "\n".join(f"line {number}" for number in range(200)),
            ["  line 0", "  line 1", "  … 198 more lines"],
        ),
        ("word " * 90, [f"  {'word ' * 15}".rstrip()] * 2 + [f"  {'word ' * 15}…"]),
        (f"{'word ' * 60}\nlast", [f"  {'word ' * 15}".rstrip()] * 2 + ["  … 1 more line"]),
    ],
    ids=["lines", "one line", "two lines"],
)
def test_a_message_that_is_cut_has_a_mark(message: str, end: list[str]) -> None:
    lines = lines_of(replace(FULL, missing_programs=(), explanation=message))
    start = next(number for number, line in enumerate(lines) if line.startswith("error: "))
    assert lines[start + 1 : start + 4] == end


def test_the_number_of_a_line_is_kept_if_the_path_of_its_file_is_cut() -> None:
    (place,) = [line for line in lines_of(ODD["long names"]) if line.startswith("  at ")]
    assert (len(place), place[-5:]) == (80, "py:41")


def test_a_missing_program_comes_before_the_message() -> None:
    lines = lines_of(FULL)
    at = lines.index("  src/app.sh:3: foo: command not found")
    assert lines[at - 1].startswith("error: ")
    assert lines[at + 1] == "  ZeroDivisionError: division by zero"


def test_lines_in_a_pipe_are_not_cut() -> None:
    long = replace(PLAIN, explanation="a long message " * 40, others="x" * 300)
    lines = lines_of(long, columns=None)
    assert f"  {'a long message ' * 40}".rstrip() in [line.rstrip() for line in lines]
    assert f"others    {'x' * 300}" in lines
    assert len(lines) <= 16


def test_a_log_without_a_command_is_named_by_its_path() -> None:
    going_on = GoingOn((), "/runs/1/jobs/log.txt", ("folder", "/runs/1"))
    above, _ = failure_block(PLAIN, going_on, BlockSpace(80))
    assert above[0] == "process[57], the last lines of its log (all 214: /runs/1/jobs/log.txt)"
    assert above[-1] == "folder    /runs/1"
