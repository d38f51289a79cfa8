"""The command `dx-app-wizard`: turns arguments into text and an exit code.

stdout is for data: the path of the new folder, or one JSON object with `--json`. All other text goes to
stderr.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from dx_app_wizard import __version__
from dx_app_wizard.answers.question_texts import TEXTS
from dx_app_wizard.console.text import plain
from dx_app_wizard.errors import (
    CommandLineError,
    ConflictError,
    DiskFullError,
    InterruptedByUserError,
    NotWritableError,
    UnexpectedError,
    UserError,
    is_full_disk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dx_app_wizard.commands.create import CreatedApp
    from dx_app_wizard.commands.update import UpdatedApp

_F = TypeVar("_F", bound="Callable[..., Any]")

JSON_SCHEMA_VERSION = 1

MODES = ("on_conflict", "template_source", "dry_run", "no_input", "defaults", "resume")
"""The options that are not answers."""

START_OPTIONS = ("words", "script", "run_script", "wdl", "app", "trial", "samples")
"""The options about something to start from, except for the answer --from-command."""

EPILOG = """\b
Examples:
  dx-app-wizard count-reads --language python --template basic
  dx-app-wizard count-reads --language bash --template parallelized \\
      --input reads:file --input 'k:int=31' --input 'log:file?' \\
      --output report:file --output n_lines:int
  dx-app-wizard --answers answers.json
  dx-app-wizard count-reads --json-file dxapp.json --template basic
  dx-app-wizard --update count-reads --dry-run
  dx-app-wizard sort-bam -- samtools sort -o out.bam in.bam

\b
Classes: {classes},
  and array:CLASS of each; CLASS? is optional, CLASS=VALUE has a default.

\b
Environment: DX_APP_WIZARD_KEY sets the answer KEY, such as
  DX_APP_WIZARD_REGION; CI=true implies --no-input.

\b
Exit codes: 0 done, 1 an internal error, or stdout cannot be written,
  2 missing or invalid answers,
  3 the given dxapp.json has errors, or a policy forbids the app,
  4 existing files are in the way (or, after --update, have conflict
  markers), 6 a disk is full, 7 an update is available, 130 Ctrl-C,
  143 SIGTERM.
"""


class ExitCode(IntEnum):
    """The exit codes of the command."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    FINDINGS = 3
    CONFLICT = 4
    DISK_FULL = 6
    UPDATE_AVAILABLE = 7
    INTERRUPTED = 130


def _print_tool_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"dx-app-wizard {__version__}")
        ctx.exit()


def _print_answers_schema(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from dx_app_wizard.answers.files.answers_schema import answers_schema
        from dx_app_wizard.dxapp.json_document import dumps

        click.echo(dumps(answers_schema()), nl=False)
        ctx.exit()


class _NamedPath(click.Path):
    """A path that is not empty: pathlib would take an empty one for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value).partition("#")[0].strip():
            self.fail("it needs the name of a file or folder.", param, ctx)
        return super().convert(value, param, ctx)


class _Command(click.Command):
    """The command, which reads the names of the I/O classes only if its help is printed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; those after `--` are the words of a command to make the app of."""
        if "--" in args:
            at = args.index("--")
            ctx.params["words"] = tuple(args[at + 1 :])
            del args[at:]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the parts of the usage line, with the command after `--`."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from dx_app_wizard.dxapp.classes import USUAL_CLASSES

        self.epilog = EPILOG.format(classes=" ".join(USUAL_CLASSES))
        super().format_epilog(ctx, formatter)


def _answer(key: str, flag: str | None = None, **attributes: Any) -> Callable[[_F], _F]:
    """Return the option that sets the answer with this key; by default, its flag is the key."""
    names = (flag or f"--{key.replace('_', '-')}", key)
    return click.option(*names, help=TEXTS[key].option_help, **attributes)


@click.command(
    cls=_Command,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.argument("name", required=False)
@_answer("title", metavar="TEXT")
@_answer("summary", metavar="TEXT")
@_answer("version", metavar="VERSION")
@_answer("inputs", "--input", multiple=True, metavar="NAME:CLASS")
@_answer("outputs", "--output", multiple=True, metavar="NAME:CLASS")
@_answer("timeout", metavar="TIME")
@_answer("language", metavar="LANGUAGE")
@_answer("template", metavar="PATTERN")
@_answer("scatter", metavar="SHARE")
@_answer("network", "--network/--no-network", default=None)
@_answer("project_access", metavar="LEVEL")
@_answer("region", metavar="REGION")
@_answer("instance_type", metavar="TYPE")
@_answer("ci", metavar="SERVICE")
@_answer("ci_package", metavar="SPEC")
@_answer("command", "--from-command", metavar="TEMPLATE")
@_answer("packages", "--package", multiple=True, metavar="NAME")
@click.option(
    "--from-script",
    "script",
    type=_NamedPath(path_type=Path),
    metavar="FILE",
    help="Make an app of a script: argparse, click, typer, optparse of R, or getopts of bash.",
)
@click.option(
    "--run/--no-run",
    "run_script",
    default=True,
    help="Run a Python script up to parse_args() to read its options, or only read its text. [run]",
)
@click.option(
    "--from-wdl", "wdl", type=_NamedPath(), metavar="FILE[#TASK]", help="Make an app of a WDL task."
)
@click.option(
    "--from-app",
    "app",
    type=_NamedPath(path_type=Path),
    metavar="DIR",
    help="Copy an app under a new name: its dxapp.json, source, resources and tests.",
)
@click.option(
    "--trial/--no-trial",
    default=None,
    help="Try the command on the samples to find its outputs; after --, the default unless --no-input.",
)
@click.option(
    "--sample",
    "samples",
    multiple=True,
    metavar="INPUT=FILE",
    help="Sample for an input of the command, or a value if it is no file; repeatable.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any answer by its answers-file key; repeatable.",
)
@click.option(
    "--json-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Start from a dxapp.json: keep its settings, and add only those it lacks.",
)
@click.option(
    "--answers",
    "answers_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read answers from a JSON or YAML file, or stdin (-); see --answers-schema.",
)
@click.option(
    "-o",
    "--output-dir",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Folder in which to create the folder NAME. [.]",
)
@click.option(
    "--on-conflict",
    type=click.Choice(["abort", "skip", "overwrite", "new"]),
    metavar="MODE",
    help="Handling of existing files that differ: abort, skip, overwrite, or new (NAME.new). [abort]",
)
@click.option(
    "--template-source",
    metavar="DIR|URL",
    help="Custom cookiecutter template, in a folder or a git repository. [the built-in one]",
)
@click.option(
    "--update",
    "update_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Re-render the app in DIR, with any new answers, and merge the changes into it.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Print the files instead of writing them.")
@click.option("--defaults", is_flag=True, help="Ask only questions that have no default.")
@click.option("--resume", is_flag=True, help="Continue the last interrupted interview.")
@click.option("--no-input", is_flag=True, help="Ask nothing and do not read stdin; implied by CI=true.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, even on failure; ask nothing.")
@click.option("--verbose", is_flag=True, help="Show the traceback of an internal error.")
@click.option(
    "--answers-schema",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_answers_schema,
    help="Print the JSON Schema of answers files.",
)
@click.option(
    "-V",
    "--tool-version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_tool_version,
    help="Print the version of dx-app-wizard.",
)
def command(
    json_file: Path | None,
    answers_file: Path | None,
    output_dir: Path,
    as_json: bool,
    settings: tuple[str, ...],
    update_folder: Path | None,
    **flags: Any,
) -> int:
    """Write a ready-to-run DNAnexus app to a new folder NAME.

    On a terminal, asks the questions that the flags do not answer; from a pipe,
    reads the answers as lines. Otherwise, unanswered questions get their defaults;
    only the name and the language have none. With a COMMAND, the app runs that.
    """
    from dx_app_wizard.answers.settings import with_settings
    from dx_app_wizard.commands.create import Options, create
    from dx_app_wizard.commands.start_options import StartOptions

    for key in ("inputs", "outputs", "packages"):
        flags[key] = flags[key] or None
    del flags["verbose"]
    modes = {mode: flags.pop(mode) for mode in MODES}
    given = {option: flags.pop(option) for option in START_OPTIONS if option in flags}
    start = StartOptions(template=flags["command"], **given)
    options = Options(json_file, answers_file, output_dir, as_json, start=start, **modes)
    answers = with_settings(flags, settings)
    if update_folder is not None:
        start.check_update()
    if start.app is not None:
        from dx_app_wizard.commands.from_app import check_flags, copy_app

        check_flags(answers, start)
        _report(copy_app(start.app, options, answers), as_json=as_json)
        return ExitCode.DONE
    if update_folder is None:
        _report(create(options, answers), as_json=as_json)
        return ExitCode.DONE
    from dx_app_wizard.commands.update import update

    updated = update(update_folder, options, answers)
    _report(updated, as_json=as_json)
    return ExitCode.UPDATE_AVAILABLE if updated.dry_run and updated.available else ExitCode.DONE


def _report(result: CreatedApp | UpdatedApp, *, as_json: bool) -> None:
    """Print the result to stdout and stderr, or as one JSON object; exit if it has an error."""
    error = result.error
    if error:
        _fail(error, _exit_code(error), as_json=as_json, result=result)
    if as_json:
        _print_json(result.to_json())
    else:
        _print_text(result)


def _print_text(result: CreatedApp | UpdatedApp) -> None:
    output = result.output()
    if output:
        # Encode here: paths may have bytes that are not UTF-8, and the locale must not alter a file's text.
        click.echo(output.encode("utf-8", "surrogateescape"))
    click.echo(plain(result.summary()), err=True)


def _print_json(result: dict[str, Any]) -> None:
    import json

    click.echo(json.dumps({"schema": JSON_SCHEMA_VERSION, **result}))


def _fail(
    error: UserError, code: int, *, as_json: bool, result: CreatedApp | UpdatedApp | None = None
) -> NoReturn:
    """Print the result, if any, and the error; exit with code. With as_json, stdout gets both as JSON."""
    from dx_app_wizard.error_report import error_json, error_text

    if as_json:
        _print_json({**(result.to_json() if result else {}), "error": error_json(error)})
    elif result:
        _print_text(result)
    click.echo(plain(error_text(error)), err=True)
    sys.exit(code)


def _exit_code(error: UserError) -> int:
    from dx_app_wizard.lint.findings import FindingsError

    if isinstance(error, ConflictError):
        return ExitCode.CONFLICT
    if isinstance(error, InterruptedByUserError):
        return 128 + error.signal_number
    if isinstance(error, DiskFullError):
        return ExitCode.DISK_FULL
    return ExitCode.FINDINGS if isinstance(error, FindingsError) else ExitCode.USAGE


def _not_written(error: OSError) -> UserError:
    """Return the user's error for a file outside of the app that could not be written."""
    if is_full_disk(error):
        import tempfile

        # An error of write() has no file name; apart from the app, only temporary files are written.
        full = Path(error.filename).parent if error.filename else Path(tempfile.gettempdir())
        return DiskFullError(full, has_choice=False)
    return NotWritableError(error)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit; the only place that turns errors into text and an exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in argv
    try:
        code = command.main(argv, prog_name="dx-app-wizard", standalone_mode=False)
    except click.exceptions.Abort:
        _fail(InterruptedByUserError(), ExitCode.INTERRUPTED, as_json=as_json)
    except click.UsageError as error:
        _fail(CommandLineError(error.format_message()), ExitCode.USAGE, as_json=as_json)
    except UserError as error:
        _fail(error, _exit_code(error), as_json=as_json)
    except OSError as error:
        user_error = _not_written(error)
        _fail(user_error, _exit_code(user_error), as_json=as_json)
    except Exception as error:
        if "--verbose" in argv:
            raise
        from dx_app_wizard.crash import write_crash_log

        _fail(UnexpectedError(error, write_crash_log(error)), ExitCode.UNEXPECTED, as_json=as_json)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)
