"""The folder of a job: create it with code and input, and read the outcome when the job has ended.

    FUNCTION-JOBID/
        home/       $HOME: the code, job_input.json, job_output.json, job_error.json, dnanexus-job.json, …
        log.txt     the job's log; log.index: times and levels of its lines

Source of the names in home: dxpy.utils.file_load_utils.
"""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dx_app_wizard.console.text import without_surrogates
from dx_app_wizard.dxapp import regular_file
from dx_local.engine.executors.failed_command import LOG_LINE
from dx_local.platform.core.local_bytes import write_new_file
from dx_local.platform.execution.job_logs import DXPY_OPENING, folder_name, job_output_lines
from dx_local.platform.requests import strict_json
from dx_local.worker.job import code_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JSON = dict[str, Any]

_ERROR_TYPES = ("AppError", "AppInternalError")
_LOG_TAIL_BYTES = 8192
_LONGEST_LOG_LINE = 500
_STDERR = "STDERR"
_TRACE = re.compile(r"\++ ")
"""The beginning of a line by which bash traces a command."""
_LIKE_ERROR = re.compile(
    r"error|fail|fatal|exception|abort|cannot|can't|could not|unable|invalid|missing|not found|no such"
    r"|denied",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class JobFolder:
    """Paths in the folder of one job."""

    path: Path

    @cached_property
    def home(self) -> Path:
        """HOME of the job, and its current folder at the start."""
        return self.path / "home"

    @property
    def input_file(self) -> Path:
        """Input of the job, with references resolved."""
        return self.home / "job_input.json"

    @cached_property
    def output_file(self) -> Path:
        """Output, written by the job."""
        return self.home / "job_output.json"

    @property
    def error_file(self) -> Path:
        """Error, written by a job that explains its failure."""
        return self.home / "job_error.json"

    @cached_property
    def log(self) -> Path:
        """Log of the job."""
        return self.path / "log.txt"


@dataclass(frozen=True)
class JobOutcome:
    """The output of a job, or the reason and message of its failure under their names in describe."""

    output: JSON | None
    reason: str | None = None
    message: str | None = None


def home_files(*, job: JSON, executable: str, job_input: JSON, run_spec: JSON) -> dict[str, str]:
    """Return the texts of the files in a job's home that do not depend on the worker, by name.

    `job` and `executable` are the results of their describe methods, the latter as the text of its file;
    `run_spec` is that of the applet, with its code.
    """
    return {
        "job_input.json": json_file_text(job_input),
        "dnanexus-job.json": json_file_text(job),
        "dnanexus-executable.json": executable,
        # A copy for each job, which may change it: a hard link would change the code of all others as well.
        code_name(job["id"], run_spec["interpreter"]): run_spec["code"],
    }


def make_job_folder(parent: Path, name: str) -> JobFolder:
    """Create the empty folder of a job below parent.

    Characters of the name that are not allowed in a path become `_`; a number is added to a name that exists.
    """
    return _make_unused(parent, folder_name(name))


def deliver_home(folder: JobFolder, files: Mapping[str, str]) -> None:
    """Create the home of a job with these files. Raises OSError."""
    # Texts rather than paths, since this is a large part of the cost of a job.
    home = str(folder.home)
    os.mkdir(home)  # noqa: PTH102
    for name, text in files.items():
        write_new_file(f"{home}/{name}", text.encode())


def json_file_text(content: JSON) -> str:
    """Return the text of a JSON file in a job's home."""
    return _encode_json(content) + "\n"


_encode_json = json.JSONEncoder(ensure_ascii=False).encode


def read_outcome(folder: JobFolder, exit_code: int | None) -> JobOutcome:
    """Return the outcome of a job by its exit code: negative for a signal, None if unknown.

    Only the exit code decides. A job that exits with 0 succeeds even if it leaves a job_error.json, which
    many apps write as a progress mark. If a job fails, its job_error.json holds the reason and the message.
    A missing output file counts as an empty output.

    Sources: https://documentation.dnanexus.com/developer/apps/error-information, and
    dxpy.utils.local_exec_utils, which checks nothing but the exit code.
    """
    if exit_code is None:
        gone = f"The machine running the job became unresponsive.{_last_words(folder.log)}"
        return JobOutcome(None, "UnresponsiveWorker", gone)
    if exit_code != 0:
        bad_exit = f"{_exit_text(exit_code)}{_last_words(folder.log)}"
        return _declared_failure(folder.error_file, bad_exit)
    return _outcome_of_output(folder.output_file)


def _outcome_of_output(output_file: Path) -> JobOutcome:
    try:
        output = strict_json.parse(regular_file.read(output_file))
    except FileNotFoundError:
        return JobOutcome({})
    except OSError as error:
        return JobOutcome(None, "OutputError", f"job_output.json cannot be read: {error.strerror}")
    except ValueError as error:
        return JobOutcome(None, "OutputError", _why_unreadable(output_file, error))
    if not isinstance(output, dict):
        return JobOutcome(
            None, "OutputError", f"job_output.json must hold an object of output names, not {output!r:.200}"
        )
    return JobOutcome(output)


def _why_unreadable(output_file: Path, error: Exception) -> str:
    """Return the reason why an output cannot be read, with the names of outputs that are not Unicode."""
    if not isinstance(error, UnicodeError):
        return f"job_output.json does not hold JSON: {error}"
    try:
        output = json.loads(output_file.read_bytes().decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        output = None
    if not isinstance(output, dict):
        return "job_output.json is not UTF-8 text"
    texts = {name: json.dumps([name, value], ensure_ascii=False) for name, value in output.items()}
    names = ", ".join(
        repr(without_surrogates(name)) for name, text in texts.items() if without_surrogates(text) != text
    )
    return f"Output {names} in job_output.json contains text that is not Unicode"


def _make_unused(parent: Path, name: str) -> JobFolder:
    attempt = 1
    while True:
        path = parent / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            path.mkdir()
        except FileNotFoundError:
            parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            attempt += 1
        else:
            return JobFolder(path)


def _declared_failure(error_file: Path, bad_exit: str) -> JobOutcome:
    """Return the failure from job_error.json, or one with the message `bad_exit` if there is no such file."""
    try:
        error = strict_json.parse(regular_file.read(error_file), replaces_surrogates=True)["error"]
        reason, message = error.get("type"), error.get("message")
    except FileNotFoundError:
        return JobOutcome(None, "AppInternalError", bad_exit)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        problem = 'Its job_error.json is not {"error": {"type", "message"}}.'
        return JobOutcome(None, "AppInternalError", f"{bad_exit} {problem}")
    return JobOutcome(
        None,
        reason if reason in _ERROR_TYPES else "AppInternalError",
        bad_exit if message is None else str(message),
    )


def _exit_text(exit_code: int) -> str:
    if exit_code < 0:
        return f"The job's process was killed by signal {-exit_code} ({_signal_name(-exit_code)})."
    return f"The job's process ended with exit code {exit_code}."


def _last_words(log: Path) -> str:
    """Return a sentence with the line of a log that explains most about a failure.

    That is the last line, unless it is output of a program and there was a message on stderr before it: the
    two streams are read separately, so their order says little. A last line that reads like an error counts.
    """
    lines = _printed_lines(log)
    if not lines:
        return " It printed nothing."
    level, last = lines[-1]
    messages = [text for level, text in lines if level == _STDERR and not _TRACE.match(text)]
    if level != _STDERR and messages and not _LIKE_ERROR.search(last):
        return f" Last line of its stderr: {messages[-1]}"
    return f" Last line of its log: {last}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _printed_lines(log: Path) -> list[tuple[str, str]]:
    """Return the level and text of the last lines that a job printed; none if its log cannot be read."""
    try:
        lines = job_output_lines(log, _LOG_TAIL_BYTES)
    except OSError:
        return []
    printed = [
        (level, text.strip()[:_LONGEST_LOG_LINE])
        for level, text in lines
        if text.strip() and not DXPY_OPENING.match(text)
    ]
    # The messages of a program explain more than the line that runs it.
    while len(printed) > 1 and LOG_LINE.fullmatch(printed[-1][1]):
        printed.pop()
    return printed
