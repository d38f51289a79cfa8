"""The commands to go on with after a failed run, as they work in the current directory."""

from __future__ import annotations

import shlex
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from dx_local.ui.results.failure_block import Command, GoingOn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.reports.failure_report import FailureReport

_REPORT = "report.html"
_OLD_PROGRAM = "dx-run-app-locally"
_FROM_STDIN = ("-", "-f-", "--input-json-file=-")
_NOT_TO_RESUME = ("--resume", "--inject")
_DEBUGS_SOME = ("--debug-", "--debugpy")
_FROM_PIPE = "/dev/fd/"  # bash: <(COMMAND)


def going_on(app: Path, folder: Path, failure: FailureReport) -> GoingOn:
    """Return the commands and paths for a failed run of an app in this folder.

    Commands are left out if this version does not have them, or if the run cannot be named: the verbs over
    kept runs find only runs in the app's folder.
    """
    log = str(failure.log_file or "")
    names = _run_names(app, folder)
    if names is None:
        return GoingOn((), log, _place(folder))
    job = shlex.quote(_job_name(folder, failure))
    in_app = "" if _is_here(app) else f" --app {shlex.quote(str(app))}"
    rerun = _same_rerun(failure) or f"dx-local rerun {job}{in_app}{_option('--run', names.whole)}"
    commands = []
    if _has_verb("rerun") and not failure.is_final:
        commands.append(Command(rerun, "this job alone, with your edits"))
    if _has_option("rerun", "--debug") and not failure.is_final:
        commands.append(Command(f"{rerun} --debug", "the same, stops where it fails"))
    if _has_option("run", "--resume") and (resume := resuming(app, folder)):
        commands.append(Command(resume, "all that is not done"))
    logs = f"dx-local logs {job}{in_app}{_option('--run', names.any)}"
    return GoingOn(tuple(commands), logs, _place(folder))


def resuming(app: Path, folder: Path) -> str | None:
    """Return the command that continues a stopped run of an app in this folder; None if none does."""
    names = _run_names(app, folder)
    if names is None or not names.is_whole or not (resume := _resume_command()):
        return None
    return f"{resume}{_option('', names.whole)}"


def _same_rerun(failure: FailureReport) -> str | None:
    """Return the present command, without --debug, if it is a `rerun` whose own job failed."""
    arguments = sys.argv[1:]
    is_own = arguments[:1] == ["rerun"] and failure.subject.path == failure.subject.label
    if not is_own or any(argument.startswith(_DEBUGS_SOME) for argument in arguments):
        return None
    kept = [argument for argument in arguments if argument != "--debug"]
    return shlex.join(["dx-local", *kept])


def _resume_command() -> str | None:
    """Return the command of this run with --resume and the same inputs.

    None if these were in a pipe, or if it is the run of a test case.
    """
    program, *arguments = sys.argv
    if Path(program).name != _OLD_PROGRAM:
        verb, *arguments = arguments or [""]
        if verb != "run":
            return None
    if any(text in _FROM_STDIN or _FROM_PIPE in text for text in arguments):
        return None
    return f"{shlex.join(['dx-local', 'run', *_to_resume(arguments)])} --resume"


def _to_resume(arguments: list[str]) -> Iterator[str]:
    """Yield arguments without --watch, and without --resume and --inject and their values.

    The faults have happened already, and would end the same jobs again.
    """
    skips = False
    for argument in arguments:
        is_value = skips and not argument.startswith("-")
        skips = argument in _NOT_TO_RESUME
        is_left_out = skips or is_value or argument == "--watch"
        if not is_left_out and not argument.startswith(tuple(f"{name}=" for name in _NOT_TO_RESUME)):
            yield argument


def _place(folder: Path) -> tuple[str, str]:
    """Return the report of a run, or its folder if there is no report."""
    report = folder / _REPORT
    return ("report", str(report)) if report.is_file() else ("folder", str(folder))


class _RunNames(NamedTuple):
    """The name of a run for --run; empty if `last` names it."""

    any: str
    whole: str
    """For verbs whose `last` skips runs of `rerun`."""
    is_whole: bool


def _run_names(app: Path, folder: Path) -> _RunNames | None:
    """Return the names of a run, or None if no name leads to it."""
    from dx_local.engine.history.kept_runs import choose_run, choose_whole_run, kept_runs

    found = [run for run in kept_runs(app) if run.folder.resolve() == folder.resolve()]
    if not found:
        return None
    (run,) = found
    last, last_whole = choose_run(app), choose_whole_run(app)
    return _RunNames(
        any="" if run == last else run.name,
        whole="" if run == last_whole else run.name,
        is_whole=run.is_whole(),
    )


def _option(name: str, value: str) -> str:
    return f" {name} {value}".replace("  ", " ") if value else ""


def _job_name(folder: Path, failure: FailureReport) -> str:
    """Return the shortest name that only this job has: its label, path or ID."""
    from dx_local.engine.history.kept_jobs import kept_jobs
    from dx_local.engine.run_folder import reading

    subject = failure.subject
    with suppress(OSError, sqlite3.Error), reading(folder) as platform:
        jobs = kept_jobs(platform)
        for name in (subject.label, subject.path):
            if sum(name in (job.label, job.path) for job in jobs) == 1:
                return name
    return subject.job_id


def _is_here(app: Path) -> bool:
    return app.resolve() == Path.cwd()


def _has_verb(name: str) -> bool:
    return _verb(name) is not None


def _has_option(verb: str, option: str) -> bool:
    command = _verb(verb)
    return command is not None and any(option in parameter.opts for parameter in command.params)


def _verb(name: str) -> click.Command | None:
    from dx_local.cli import main

    return main.get_command(click.Context(main), name)
