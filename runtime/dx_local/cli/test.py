"""`dx-local test`: run the test cases of an app and compare their outputs with what they expect."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_app_wizard.console.text import plain
from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.completion.candidates import complete_cases
from dx_local.cli.history.options import app_option
from dx_local.cli.job_options import job_options
from dx_local.cli.stopping import until_stopped

if TYPE_CHECKING:
    from dx_local.engine.cases.case_files import Case
    from dx_local.engine.cases.case_run import CaseOutcome
    from dx_local.engine.settings import JobOptions, JobSettings
    from dx_local.ui.results.failure_block import GoingOn

_FAILED = 6
_UPDATED = 7


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    cases: tuple[str, ...]
    app: Path
    expression: str | None
    update: bool
    junit: Path | None
    schema: bool
    job: JobOptions
    as_json: bool


@click.command("test", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("cases", nargs=-1, metavar="[CASE]...", shell_complete=complete_cases)
@app_option
@click.option("-k", "expression", metavar="EXPR", help='Run cases whose names match, as "gz and not large".')
@click.option(
    "--update",
    is_flag=True,
    help="Write golden files and expected values from the outputs; exit with 7 if any changed.",
)
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a JUnit file."
)
@job_options
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a test case, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, even on failure.")
def command(**options: Any) -> None:
    """Run the test cases in test/cases of an app, all of them or only each CASE.

    A case is a file test/cases/NAME.json with an input and the expected outputs; its
    golden files are in test/cases/NAME/. Runs that are as expected are removed. The
    others are kept, so that logs, rerun and report work on them.

    \b
    Examples:
      dx-local test
      dx-local test sample -k 'not large'
      dx-local test --update                      accept the outputs
      dx-local test --junit results.xml

    Exit codes: 0 all cases passed, 2 wrong usage, 3 the app has errors,
    6 a case failed or a disk is full, 7 --update changed files,
    130 Ctrl-C, 143 SIGTERM.
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _test(chosen), as_json=chosen.as_json)


def _test(options: _Options) -> CommandResult:
    import uvloop

    from dx_local.engine.cases.case_files import SCHEMA_FILE
    from dx_local.engine.settings import JobSettings

    if options.schema:
        click.echo(SCHEMA_FILE.read_text(encoding="utf-8"), nl=False)
        return CommandResult(0, is_printed=True)
    began = time.monotonic()
    cases = _chosen(options)
    settings = JobSettings.from_options(options.job, options.app)
    outcomes, exit_code = uvloop.run(until_stopped(_outcomes(cases, settings, options)))
    if outcomes is None:
        return CommandResult(
            exit_code, error={"code": "interrupted", "message": "The tests were interrupted."}
        )
    if options.junit:
        _write_junit(options.junit, options.app, outcomes)
    if not options.as_json:
        from dx_local.ui.results.case_lines import print_counts

        print_counts(outcomes, time.monotonic() - began)
        _offer_update(outcomes, options)
    return CommandResult(_exit_code(outcomes), {"cases": [_as_json(outcome) for outcome in outcomes]})


def _offer_update(outcomes: list[CaseOutcome], options: _Options) -> None:
    """Print the command that accepts the outputs of cases that failed for no other reason."""
    names = [
        outcome.case.name
        for outcome in outcomes
        if outcome.differences and all(difference.fix for difference in outcome.differences)
    ]
    if not names or options.update:
        return
    app = [] if options.app == Path() else ["--app", str(options.app)]
    command = shlex.join(["dx-local", "test", *names, *app, "--update"])
    click.echo(plain(f"if the new outputs are right: {command}"), err=True)


def _chosen(options: _Options) -> list[Case]:
    from dx_local.engine.cases.case_files import read_cases
    from dx_local.engine.cases.selection import select
    from dx_local.errors import UsageError

    for name in options.cases:
        if (Path(name) / "dxapp.json").is_file():
            raise UsageError(f"{name!r} is an app, not a test case", f"Write dx-local test --app {name}")
    return select(read_cases(options.app), options.cases, options.expression)


async def _outcomes(cases: list[Case], settings: JobSettings, options: _Options) -> list[CaseOutcome]:
    from dx_local.engine.cases.case_run import run_case
    from dx_local.ui.results.case_lines import CaseMessages, print_outcome

    messages = CaseMessages()
    width = max(len(case.name) for case in cases)
    outcomes = []
    for case in cases:
        messages.begin(case)
        try:
            outcome = await run_case(case, settings, messages, updates=options.update)
        finally:
            messages.end()
        outcomes.append(outcome)
        if not options.as_json:
            print_outcome(outcome, width, _going_on(outcome))
    return outcomes


def _going_on(outcome: CaseOutcome) -> GoingOn | None:
    """Return ways to go on after a failure of the job that was not expected."""
    if outcome.failure is None or outcome.folder is None:
        return None
    from dx_local.cli.history.next_commands import going_on

    return going_on(outcome.case.app, outcome.folder, outcome.failure)


def _exit_code(outcomes: list[CaseOutcome]) -> int:
    if not all(outcome.has_passed for outcome in outcomes):
        return _FAILED
    return _UPDATED if any(outcome.written for outcome in outcomes) else 0


def _write_junit(path: Path, app: Path, outcomes: list[CaseOutcome]) -> None:
    from dx_local.engine.cases.junit import write_junit
    from dx_local.errors import UsageError

    try:
        write_junit(path, app.resolve().name, outcomes)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be written: {error.strerror}") from None


def _as_json(outcome: CaseOutcome) -> dict[str, Any]:
    return {
        "name": outcome.case.name,
        "file": outcome.case.path,
        "passed": outcome.has_passed,
        "seconds": round(outcome.seconds, 3),
        "differences": [
            {"path": list(difference.path), "message": "\n".join(difference.lines())}
            for difference in outcome.differences
        ],
        "written": list(outcome.written),
        "workspace": outcome.folder,
        "explanation": outcome.explanation(),
    }
