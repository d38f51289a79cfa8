"""Create the folder of a job, and read its outcome."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.executors.job_folder import (
    JobFolder,
    JobOutcome,
    deliver_home,
    home_files,
    make_job_folder,
    read_outcome,
)
from dx_local.platform.execution.job_logs import OPENING_ENDS, OPENING_STARTS, write_log

if TYPE_CHECKING:
    from pathlib import Path


def make(parent: Path, name: str = "main-job-1", code: str = "", interpreter: str = "bash") -> JobFolder:
    folder = make_job_folder(parent, name)
    files = home_files(
        job={"id": "job-1"},
        executable='{"id": "applet-1"}\n',
        job_input={"n": "é"},
        run_spec={"code": code, "interpreter": interpreter},
    )
    deliver_home(folder, files)
    return folder


def test_the_home_holds_what_a_job_expects(tmp_path: Path) -> None:
    folder = make(tmp_path, code="print()\r\n")
    assert json.loads(folder.input_file.read_text("utf-8")) == {"n": "é"}
    assert json.loads((folder.home / "dnanexus-job.json").read_text()) == {"id": "job-1"}
    assert json.loads((folder.home / "dnanexus-executable.json").read_text()) == {"id": "applet-1"}
    assert (folder.home / "job-1.code.sh").read_bytes() == b"print()\r\n"


@pytest.mark.parametrize("interpreter", ["python3", "python3.5"])
def test_code_in_python_is_named_so(tmp_path: Path, interpreter: str) -> None:
    folder = make(tmp_path, code="print()\n", interpreter=interpreter)
    assert (folder.home / "job-1.code.py").read_text() == "print()\n"


@pytest.mark.parametrize("name", ["../../etc", "..", "/etc/passwd", "a\0b", "x" * 400 + "-job-1", ".hidden"])
def test_no_name_leads_out_of_the_parent(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "jobs", name)
    assert folder.path.parent == tmp_path / "jobs"
    assert not folder.path.name.startswith(".")


UNREADABLE = [
    '{"a": NaN}',
    '{"a": 1e999}',
    '{"a": "\\ud800"}',
    '{"a":' * 950 + "1" + "}" * 950,
    '{"a":' * 50_000 + "1" + "}" * 50_000,
]


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    assert [make(tmp_path).path.name for _ in range(3)] == ["main-job-1", "main-job-1-2", "main-job-1-3"]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param(None, JobOutcome({}), id="no-file"),
        pytest.param('{"a": 1}', JobOutcome({"a": 1}), id="object"),
    ],
)
def test_an_output_is_read(tmp_path: Path, output: str | None, expected: JobOutcome) -> None:
    folder = make(tmp_path)
    if output is not None:
        folder.output_file.write_text(output)
    assert read_outcome(folder, 0) == expected


@pytest.mark.parametrize("output", ["[1]", "not JSON", "", "null", *UNREADABLE])
def test_an_output_that_is_no_object_is_an_output_error(tmp_path: Path, output: str) -> None:
    folder = make(tmp_path)
    folder.output_file.write_text(output)
    outcome = read_outcome(folder, 0)
    assert (outcome.output, outcome.reason) == (None, "OutputError")
    assert "job_output.json" in (outcome.message or "")


def test_an_output_that_is_no_file_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path)
    folder.output_file.mkdir()
    assert read_outcome(folder, 0) == JobOutcome(
        None, "OutputError", "job_output.json cannot be read: Is a directory"
    )


@pytest.mark.parametrize("output", [b'{"n": 1, "said": ["Andr\\udce9"]}', b'{"n": 1, "said": "Andr\xe9"}'])
def test_an_output_that_is_no_unicode_is_named(tmp_path: Path, output: bytes) -> None:
    folder = make(tmp_path)
    folder.output_file.write_bytes(output)
    message = "Output 'said' in job_output.json contains text that is not Unicode"
    assert read_outcome(folder, 0) == JobOutcome(None, "OutputError", message)


def test_pipes_in_the_place_of_output_or_error_are_not_waited_for(tmp_path: Path) -> None:
    folder = make(tmp_path)
    os.mkfifo(folder.output_file)
    assert read_outcome(folder, 0).reason == "OutputError"
    os.mkfifo(folder.error_file)
    assert read_outcome(folder, 1).reason == "AppInternalError"


@pytest.mark.parametrize("name", [b"Andr\\udce9", b"Andr\xe9"])
def test_an_error_that_is_no_unicode_keeps_reason_and_message(tmp_path: Path, name: bytes) -> None:
    folder = make(tmp_path)
    text = b'{"error": {"type": "AppError", "message": "sample %s \\ud83e\\uddec is missing"}}'
    folder.error_file.write_bytes(text % name)
    assert read_outcome(folder, 1) == JobOutcome(None, "AppError", "sample Andr\ufffd \U0001f9ec is missing")


def declare(
    folder: JobFolder, content: str = '{"error": {"type": "AppError", "message": "too few"}}'
) -> None:
    folder.error_file.write_text(content)


@pytest.mark.parametrize(
    "content", ['{"error": {"type": "AppError", "message": "Error while aligning"}}', "{"]
)
def test_an_error_file_left_behind_is_no_failure(tmp_path: Path, content: str) -> None:
    folder = make(tmp_path)
    declare(folder, content)
    folder.output_file.write_text('{"a": 1}')
    assert read_outcome(folder, 0) == JobOutcome({"a": 1})


def test_outputs_are_checked_even_if_an_error_file_was_left_behind(tmp_path: Path) -> None:
    folder = make(tmp_path)
    declare(folder)
    folder.output_file.write_text("[]")
    assert read_outcome(folder, 0).reason == "OutputError"


@pytest.mark.parametrize("exit_code", [1, 137, -9])
@pytest.mark.parametrize(
    ("error_type", "reason"),
    [("AppError", "AppError"), ("AppInternalError", "AppInternalError"), ("Odd", "AppInternalError")],
)
def test_a_declared_error_explains_a_bad_exit(
    tmp_path: Path, error_type: str, reason: str, exit_code: int
) -> None:
    folder = make(tmp_path)
    declare(folder, json.dumps({"error": {"type": error_type, "message": "too few"}}))
    folder.output_file.write_text("not looked at")
    assert read_outcome(folder, exit_code) == JobOutcome(None, reason, "too few")


def test_a_lost_worker_is_the_reason_whatever_the_job_wrote(tmp_path: Path) -> None:
    folder = make(tmp_path)
    declare(folder)
    assert read_outcome(folder, None).reason == "UnresponsiveWorker"


@pytest.mark.parametrize("content", ["", "[]", '{"error": "text"}', "{}"])
def test_a_declared_error_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    folder = make(tmp_path)
    declare(folder, content)
    outcome = read_outcome(folder, 3)
    assert outcome.reason == "AppInternalError"
    assert "exit code 3" in (outcome.message or "")
    assert "job_error.json is not" in (outcome.message or "")


def test_a_declared_error_without_a_message_tells_how_the_job_ended(tmp_path: Path) -> None:
    folder = make(tmp_path)
    declare(folder, '{"error": {"type": "AppError"}}')
    outcome = read_outcome(folder, 3)
    assert (outcome.reason, "exit code 3" in (outcome.message or "")) == ("AppError", True)


@pytest.mark.parametrize(
    ("exit_code", "words"), [(3, "exit code 3"), (-9, "signal 9 (SIGKILL)"), (-99, "signal 99")]
)
def test_a_bad_end_is_told_with_the_last_line_of_the_log(tmp_path: Path, exit_code: int, words: str) -> None:
    folder = make(tmp_path)
    folder.log.write_text("first\nValueError: odd\n\n")
    outcome = read_outcome(folder, exit_code)
    assert outcome.reason == "AppInternalError"
    assert words in (outcome.message or "")
    assert (outcome.message or "").endswith("Last line of its log: ValueError: odd")


ERROR, OUTPUT = ("STDERR", "samtools: cannot open reads.bam"), ("STDOUT", "10 reads counted")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([OUTPUT, ERROR], f"Last line of its log: {ERROR[1]}"),
        ([ERROR, OUTPUT], f"Last line of its stderr: {ERROR[1]}"),
        (
            [("STDERR", "warning: old"), ("STDOUT", "Error: no reads")],
            "Last line of its log: Error: no reads",
        ),
        ([("STDERR", "+ count x"), OUTPUT], f"Last line of its log: {OUTPUT[1]}"),
        ([ERROR, OUTPUT, ("STDERR", "src/app.sh: line 3: false (exit code 1)")], ERROR[1]),
        ([("INFO", OPENING_STARTS), ("STDOUT", "bash " + OPENING_ENDS.format("job-1")), ERROR], ERROR[1]),
    ],
    ids=["stderr-last", "stdout-last", "error-on-stdout", "trace", "failed-command", "opening"],
)
def test_the_line_that_explains_a_bad_end_is_that_of_stderr(
    tmp_path: Path, lines: list[tuple[str, str]], words: str
) -> None:
    folder = make(tmp_path)
    write_log(folder.log, lines, 0)
    assert (read_outcome(folder, 1).message or "").endswith(words)


@pytest.mark.parametrize("error", UNREADABLE)
def test_an_error_that_nobody_can_read_is_a_failure(tmp_path: Path, error: str) -> None:
    folder = make(tmp_path)
    folder.error_file.write_text(error)
    assert read_outcome(folder, 1).reason == "AppInternalError"
