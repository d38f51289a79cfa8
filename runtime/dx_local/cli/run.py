"""`dx-local run`: run an app from its folder and show the result."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import boundary
from dx_local.cli.completion.candidates import (
    complete_attached_input,
    complete_functions,
    complete_inputs,
    complete_runs,
)
from dx_local.cli.help_sections import SectionedCommand
from dx_local.cli.job_options import debug_options, job_options
from dx_local.cli.run_display import Display, display_options, out_option, run_request

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dx_local.cli.boundary import CommandResult
    from dx_local.engine.runs.preparation import ResumedRun, RunRequest
    from dx_local.engine.settings import JobOptions


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    app: Path
    inputs: tuple[str, ...]
    input_json: str | None
    input_json_file: str | None
    function: str
    out: Path | None
    workspace_path: Path | None
    region: str | None
    assets: tuple[Path, ...]
    resume: str | None
    no_resume_network: bool
    watch: bool
    job: JobOptions
    display: Display


_POSITION = re.compile(r"-\d+")


class _RunCommand(SectionedCommand):
    """Accepts `--resume -2`, and completes inputs that follow -i without a space.

    Click takes a value that begins with a dash for the next option.
    """

    def shell_complete(self, context: click.Context, text: str) -> list[CompletionItem]:
        """Return candidates for a word that begins with a dash."""
        return complete_attached_input(context, text) or super().shell_complete(context, text)

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Write the value behind a space, which no option begins with."""
        written: list[str] = []
        for argument in arguments:
            if written[-1:] == ["--resume"] and _POSITION.fullmatch(argument):
                written[-1] = f"--resume= {argument}"
            else:
                written.append(re.sub(r"^--resume=(?=-\d+$)", "--resume= ", argument))
        return super().parse_args(context, written)


@click.command("run", cls=_RunCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("app", type=click.Path(path_type=Path), default=".")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME[:CLASS]=VALUE",
    shell_complete=complete_inputs,
    help="Set an input; a file is a local path. Repeatable for an array.",
)
@click.option("-j", "--input-json", metavar="JSON", help='Inputs as one JSON object: {"NAME": VALUE}.')
@click.option("-f", "--input-json-file", metavar="FILE", help="Read inputs from a JSON file, or stdin (-).")
@click.option(
    "--function",
    default="main",
    show_default=True,
    metavar="NAME",
    shell_complete=complete_functions,
    help="Entry point to run.",
)
@out_option
@click.option(
    "--workspace-path",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for everything that the run writes.  [default: APP/test-job-workspaces/TIME]",
)
@click.option("--region", metavar="REGION", help="Region reported to the app.")
@click.option(
    "--asset",
    "assets",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="Asset of the app: a tar file or a folder. Repeatable, in the order of assetDepends.",
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value="last",
    metavar="[RUN]",
    shell_complete=complete_runs,
    help="Take over the done jobs of an earlier run whose code, input and dependencies are the same.",
)
@click.option(
    "--no-resume-network",
    is_flag=True,
    help="With --resume, run jobs again that ask for network access.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Run again, with --resume, when a file of the app is saved. Needs the extra watch.",
)
@debug_options
@job_options
@click.option("-y", "--yes", is_flag=True, help="Accepted for compatibility with old scripts; has no effect.")
@display_options
def command(yes: bool, **options: Any) -> None:  # noqa: ARG001 - kept for scripts of the old runner
    """Run the app in folder APP (default: here) on this machine.

    The real dxpy runs the app's entry points against a local DNAnexus platform
    that lives as long as this command. If no input is given, the app's own samples
    (test/input.json) are used.

    \b
    Examples:
      dx-local run my-app
      dx-local run my-app -ireads=reads.fastq -ithreshold=0.5
      dx-local run my-app -ibams='data/*.bam' --out results
      dx-local run my-app --function process -ipiece:file=part.fastq
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _run(chosen), as_json=chosen.display.as_json)


def _run(options: _Options) -> CommandResult:
    if not options.watch:
        return run_request(_request(options), options.display)
    from dx_local.cli.watch import run_on_save
    from dx_local.engine.run_folder import WORKSPACES
    from dx_local.errors import UsageError

    single = {
        "--json": options.display.as_json,
        "--workspace-path": options.workspace_path is not None,
        "--input-json-file -": options.input_json_file == "-",
    }
    if name := next((name for name, is_given in single.items() if is_given), None):
        raise UsageError(f"--watch cannot be combined with {name}", "It is for a single run.")
    ignored = [options.app / WORKSPACES, *([options.out] if options.out else [])]

    latest = options.resume

    def run() -> CommandResult:
        nonlocal latest
        result = run_request(_request(replace(options, resume=latest)), options.display)
        if result.data is not None:
            latest = result.data["workspace"].name
        return result

    return run_on_save(options.app, ignored, run)


def _request(options: _Options) -> RunRequest:
    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.settings import JobSettings

    return RunRequest(
        app=options.app,
        given=_given(options),
        function=options.function,
        folder=options.workspace_path,
        out=options.out,
        settings=JobSettings.from_options(options.job, options.app),
        region=options.region,
        assets=options.assets,
        resumes=_resumed(options),
    )


def _resumed(options: _Options) -> ResumedRun | None:
    from dx_local.engine.runs.preparation import ResumedRun

    if options.resume is None:
        return None
    from dx_local.engine.history.kept_runs import choose_whole_run
    from dx_local.errors import UsageError

    wanted = options.resume.strip()
    if (Path(wanted) / "dxapp.json").is_file():
        raise UsageError(
            f"--resume names the run {wanted!r}, which is an app",
            f"Write the app first: dx-local run {wanted} --resume",
        )
    run = choose_whole_run(options.app, wanted, options.function)
    if run is None:
        if not options.display.quiet:
            click.echo("There is no earlier run to resume: all jobs run.", err=True)
        return None
    return ResumedRun(run.folder.resolve(), options.no_resume_network)


def _given(options: _Options) -> Any:
    from dx_local.engine.runs.inputs import GivenInputs, parse_option, read_json

    if not (options.inputs or options.input_json or options.input_json_file):
        return None
    values: dict[str, Any] = {}
    places = []
    if name := options.input_json_file:
        place = "stdin" if name == "-" else name
        values |= (found := read_json(_read(name), place))
        places.append((place, frozenset(found)))
    if options.input_json:
        values |= (found := read_json(os.fsencode(options.input_json), "--input-json"))
        places.append(("--input-json", frozenset(found)))
    texts = tuple(parse_option(text) for text in options.inputs)
    return GivenInputs(values=values, texts=texts, places=tuple(places))


def _read(name: str) -> bytes:
    from dx_local.errors import UsageError

    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name!r} cannot be read: {error.strerror}") from None
