"""`dx-local report`: make the report of a kept run again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.completion.candidates import complete_runs
from dx_local.cli.history.options import RunArgumentCommand, app_option

if TYPE_CHECKING:
    from dx_local.engine.history.kept_runs import KeptRun

_STDOUT = Path("-")
_READABLE = 0o644  # a file to hand on, unlike those in the folder of the run


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    run_name: str
    app: Path
    opens: bool
    format: str
    output: Path | None


@click.command("report", cls=RunArgumentCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run_name", metavar="[RUN]", default="last", shell_complete=complete_runs)
@app_option
@click.option("--open", "opens", is_flag=True, help="Show the page in the browser.")
@click.option(
    "--format",
    type=click.Choice(["html", "json", "tsv", "md", "mermaid"]),
    default="html",
    show_default=True,
    help="The page, its data, one row per job and try, a summary in Markdown, or the graph of entry points.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write, - for stdout.  [default: report.html in the folder of the run, stdout for others]",
)
def command(**options: Any) -> None:
    """Make the report of a kept run again, and print the path of the page.

    Every run leaves report.html and report.json in its folder, also if it failed or
    was stopped. RUN is `last` (the default), -2 for the one before it, or the
    beginning of its folder's name.

    \b
    Examples:
      dx-local report --open              the last run, in the browser
      dx-local report --format tsv        one row per job and try
      dx-local report --format md         a summary for a pull request
      dx-local report 2026-11-29 -o ~/shared/run.html

    Exit codes: 2 wrong use.
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _report(chosen), as_json=False)


def _report(options: _Options) -> CommandResult:
    from dx_local.engine.history.kept_runs import choose_run
    from dx_local.errors import UsageError

    if options.opens and (options.format != "html" or options.output == _STDOUT):
        raise UsageError("only the page can be opened", "Leave out --open, or --format and -o.")
    run = choose_run(options.app, options.run_name)
    if options.output == _STDOUT or (options.output is None and options.format != "html"):
        _print(run, options)
        return CommandResult(0)
    path = _write(run, options)
    click.echo(path)
    if options.opens:
        _open(path)
    return CommandResult(0)


def _print(run: KeptRun, options: _Options) -> None:
    from dx_local.engine.history.report_texts import report_in

    destination = Path("report.html") if options.output == _STDOUT else None
    text = report_in(run, options.app, options.format, destination)
    click.echo(text.encode("utf-8", "replace"), nl=False)


def _write(run: KeptRun, options: _Options) -> Path:
    from dx_app_wizard.files import atomic_write
    from dx_local.engine.history.report_texts import renew_reports, report_in
    from dx_local.errors import UsageError
    from dx_local.platform.core.full_disk import is_full_disk

    if options.output is None:
        return renew_reports(run, options.app)
    text = report_in(run, options.app, options.format, options.output)
    try:
        atomic_write(options.output, text, mode=_READABLE)
    except OSError as error:
        if is_full_disk(error, options.output.parent):
            raise
        raise UsageError(f"{str(options.output)!r} cannot be written: {error.strerror}") from None
    return options.output


def _open(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.absolute().as_uri()):
        click.echo("no browser was found; open this file yourself", err=True)
