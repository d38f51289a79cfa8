"""The folder that a job has to itself, and what the job left there when it ended.

    FUNCTION-JOBID/
        home/       $HOME: the code, job_input.json, job_output.json, job_error.json, dnanexus-job.json, …
        log.txt     what the job printed; log.index: when, and at which level

Source of the names in home: dxpy.utils.file_load_utils.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.console.text import whole
from dx_app_wizard.dxapp import regular_file
from dx_local.platform.execution.job_logs import folder_name, printed_by_job
from dx_local.platform.requests import strict_json
from dx_local.worker.job import code_name

if TYPE_CHECKING:
    from pathlib import Path

JSON = dict[str, Any]

_ERROR_TYPES = ("AppError", "AppInternalError")
_LOG_TAIL_BYTES = 8192
_LONGEST_LOG_LINE = 500


@dataclass(frozen=True)
class JobFolder:
    """The places inside one job's folder."""

    path: Path

    @property
    def home(self) -> Path:
        """The job's home, its current folder at the start."""
        return self.path / "home"

    @property
    def input_file(self) -> Path:
        """The job's resolved input."""
        return self.home / "job_input.json"

    @property
    def output_file(self) -> Path:
        """The output, written by the job."""
        return self.home / "job_output.json"

    @property
    def error_file(self) -> Path:
        """The error, written by a job that knows why it fails."""
        return self.home / "job_error.json"

    @property
    def log(self) -> Path:
        """What the job printed and logged."""
        return self.path / "log.txt"


@dataclass(frozen=True)
class Outcome:
    """What a job ended with: an output, or the reason and message of its failure, as describe names them."""

    output: JSON | None
    reason: str | None = None
    message: str | None = None


def create_job_folder(
    parent: Path, name: str, *, job: JSON, executable: JSON, job_input: JSON, run_spec: JSON
) -> JobFolder:
    """Make a job's folder below parent, with the files in its home that do not depend on the worker.

    `job` and `executable` are what their describe methods answer, and become files; `run_spec` is that of the
    applet, with its code. Characters of the name that have no place in a path become `_`; a name that is
    taken gets a number.
    """
    folder = _make_unused(parent, folder_name(name))
    folder.home.mkdir()
    for file, content in (
        (folder.input_file, job_input),
        (folder.home / "dnanexus-job.json", job),
        (folder.home / "dnanexus-executable.json", executable),
    ):
        file.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    code = folder.home / code_name(job["id"], run_spec["interpreter"])
    code.write_text(run_spec["code"], encoding="utf-8", newline="")
    return folder


def read_outcome(folder: JobFolder, exit_code: int | None) -> Outcome:
    """Return how a job went, given the exit code of its process: negative for a signal, None if unknown.

    The exit code decides. A job that exits 0 succeeds, even if it leaves a job_error.json: many apps write
    one as a progress mark. If a job fails, its job_error.json gives the reason and the message. No output
    file is an empty output.

    Sources: https://documentation.dnanexus.com/developer/apps/error-information, and
    dxpy.utils.local_exec_utils, which looks at the exit code alone.
    """
    if exit_code is None:
        gone = f"The machine running the job became unresponsive.{_last_words(folder.log)}"
        return Outcome(None, "UnresponsiveWorker", gone)
    if exit_code != 0:
        bad_exit = f"{_how_it_ended(exit_code)}{_last_words(folder.log)}"
        return _declared_failure(folder.error_file, bad_exit)
    return _outcome_of_output(folder.output_file)


def _outcome_of_output(output_file: Path) -> Outcome:
    try:
        output = strict_json.parse(regular_file.read(output_file))
    except FileNotFoundError:
        return Outcome({})
    except OSError as error:
        return Outcome(None, "OutputError", f"job_output.json cannot be read: {error.strerror}")
    except ValueError as error:
        return Outcome(None, "OutputError", _why_unreadable(output_file, error))
    if not isinstance(output, dict):
        return Outcome(
            None, "OutputError", f"job_output.json must hold an object of output names, not {output!r:.200}"
        )
    return Outcome(output)


def _why_unreadable(output_file: Path, error: Exception) -> str:
    """Return a message for an output that cannot be read, which names the outputs that are not Unicode."""
    if not isinstance(error, UnicodeError):
        return f"job_output.json does not hold JSON: {error}"
    try:
        output = json.loads(output_file.read_bytes().decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        output = None
    if not isinstance(output, dict):
        return "job_output.json is not UTF-8 text"
    texts = {name: json.dumps([name, value], ensure_ascii=False) for name, value in output.items()}
    names = ", ".join(repr(whole(name)) for name, text in texts.items() if whole(text) != text)
    return f"Output {names} in job_output.json contains text that is not Unicode"


def _make_unused(parent: Path, name: str) -> JobFolder:
    if not parent.exists():
        parent.mkdir(parents=True, exist_ok=True)
    attempt = 1
    while True:
        path = parent / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            path.mkdir()
        except FileExistsError:
            attempt += 1
        else:
            return JobFolder(path)


def _declared_failure(error_file: Path, bad_exit: str) -> Outcome:
    """Return the failure that a job has declared, or one with the message `bad_exit` if it declared none."""
    try:
        error = strict_json.parse(regular_file.read(error_file), replaces_surrogates=True)["error"]
        reason, message = error.get("type"), error.get("message")
    except FileNotFoundError:
        return Outcome(None, "AppInternalError", bad_exit)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        problem = 'Its job_error.json is not {"error": {"type", "message"}}.'
        return Outcome(None, "AppInternalError", f"{bad_exit} {problem}")
    return Outcome(
        None,
        reason if reason in _ERROR_TYPES else "AppInternalError",
        bad_exit if message is None else str(message),
    )


def _how_it_ended(exit_code: int) -> str:
    if exit_code < 0:
        return f"The job's process was killed by signal {-exit_code} ({_signal_name(-exit_code)})."
    return f"The job's process ended with exit code {exit_code}."


def _last_words(log: Path) -> str:
    last = _last_line(log)
    return f" Last line of its log: {last}" if last else " It printed nothing."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _last_line(log: Path) -> str:
    try:
        lines = printed_by_job(log, _LOG_TAIL_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:_LONGEST_LOG_LINE] for line in reversed(lines) if line.strip()), "")
