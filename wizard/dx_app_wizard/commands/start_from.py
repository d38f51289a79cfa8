"""Start an app from what a user has: import it, show what was found, and ask for consent at a terminal."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.console.text import plain
from dx_app_wizard.errors import CommandLineError
from dx_app_wizard.importing.command_import import CommandRequest, import_command, literal_text
from dx_app_wizard.importing.problems import ImportProblemsError, problem
from dx_app_wizard.importing.scripts.python_run import TIME_LIMIT as SCRIPT_TIME_LIMIT
from dx_app_wizard.importing.scripts.script_import import command_of_script
from dx_app_wizard.importing.tasks.wdl_import import command_of_task
from dx_app_wizard.importing.trial import is_confined
from dx_app_wizard.interview.prompters import LinePrompter, choose_prompter
from dx_app_wizard.interview.prompts import Prompt
from dx_app_wizard.rendering.changes import FileContent
from dx_app_wizard.scatter.scatter import ScatterError, parse_scatter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dx_app_wizard.commands.start_options import StartOptions
    from dx_app_wizard.importing.imported import Imported
    from dx_app_wizard.interview.prompters import Prompter
    from dx_app_wizard.scatter.scatter import Scatter

_RENAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*([A-Za-z_]\w*)\s*")
_PROTECTED = "The command gets copies of your files, can write only to its own folder, and has no network."
_UNPROTECTED = (
    "The command gets copies of your files. This system has no Landlock, so nothing else keeps it from"
    " writing to other files, or from using the network."
)


@dataclass(frozen=True)
class Start:
    """An imported app: its answers, the files that are not rendered, and the report about it.

    `prompter` is the one with the person who saw the report, None if nobody did.
    """

    imported: Imported
    files: Mapping[PurePosixPath, FileContent]
    prompter: Prompter | None = None

    def answers(self) -> dict[str, Any]:
        """Return the imported answers by the questions' keys."""
        return {key: value for key, value in self.imported.answers.items() if value}

    def report(self, name: str) -> list[str]:
        """Return the lines of the report that follow the creation of the app."""
        one_command = f"As one command: {self.imported.one_command(name)}"
        if self.prompter:
            return [one_command]
        return [*report_lines(self.imported), one_command]


def start_from(options: StartOptions, flags: Mapping[str, Any], *, may_ask: bool) -> Start:
    """Return the app that was imported from what the options name.

    Raises ImportProblemsError, CommandLineError, and KeyboardInterrupt if a person declines.
    """
    prompter = _person() if may_ask else None
    if prompter and options.script and options.run_script:
        limit = f"this stops after {SCRIPT_TIME_LIMIT} s"
        prompter.say(f"Running {plain(options.script.name)} as far as it parses its arguments; {limit}.")
    tries = options.trial if options.trial is not None else bool(options.words) and may_ask
    request = _request(options, tuple(flags.get("packages") or ()))
    request = replace(request, scatter=_scatter(flags))
    if tries and prompter and options.trial is None:
        tries = _consents(prompter)
        if tries:
            prompter.say("Trying the command; Ctrl-C stops it.")
    request = replace(request, tries=tries)
    while True:
        with tempfile.TemporaryDirectory(prefix="dx-app-wizard-trial-") as scratch:
            imported = import_command(replace(request, scratch=Path(scratch)))
            start = Start(imported, _contents(imported), prompter)
        if prompter is None:
            return start
        for line in report_lines(imported):
            prompter.say(line)
        renamed = _reviewed(prompter, imported, may_rename=request.inputs is None)
        if renamed is None:
            return start
        request = replace(
            request,
            text=_with_name(imported.answers["command"], *renamed),
            samples=_renamed_samples(imported, *renamed),
            scatter=_renamed_scatter(request.scatter, *renamed),
        )


def _request(options: StartOptions, packages: tuple[str, ...]) -> CommandRequest:
    """Return the request to import what the options name, without a trial."""
    basic = CommandRequest("", Path.cwd(), Path(), _samples(options.samples), packages)
    if options.words:
        return replace(basic, text=literal_text(options.words), flag="COMMAND")
    if options.script is not None:
        found = command_of_script(options.script, run=options.run_script)
        start = ("--from-script", str(options.script), *([] if options.run_script else ["--no-run"]))
        return replace(
            basic,
            text=found.text,
            resources=found.resources,
            inputs=found.inputs,
            found_packages=found.packages,
            findings=found.findings,
            summary=_summary(found.description),
            start=start,
            flag="--from-script",
        )
    if options.wdl is not None:
        file, _, task = options.wdl.partition("#")
        of_task = command_of_task(Path(file), task or None)
        return replace(
            basic,
            text=of_task.text,
            inputs=of_task.inputs,
            notes=of_task.notes,
            summary=_summary(of_task.summary),
            start=("--from-wdl", options.wdl),
            flag="--from-wdl",
        )
    return replace(basic, text=str(options.template))


def _summary(description: str) -> str:
    """Return the first sentence of a description, on one line."""
    paragraph = " ".join(description.strip().split("\n\n", maxsplit=1)[0].split())
    return re.split(r"\.(?:\s|$)", paragraph, maxsplit=1)[0]


def report_lines(imported: Imported) -> list[str]:
    """Return the findings as a table, the notes, and the line about the sample."""
    rows = [
        [plain(cell).replace("\n", " ") for cell in (item.subject, item.evidence, item.role, item.detail)]
        for item in imported.findings
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    table = [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    notes = [f"  note: {plain(note)}".replace("\n", " ") for note in imported.notes]
    return [*table, *notes, imported.sample]


def _person() -> Prompter | None:
    """Return the prompter for a person at a terminal, None if stdin is none."""
    prompter = choose_prompter()
    return None if isinstance(prompter, LinePrompter) and prompter.is_pipe else prompter


def _consents(prompter: Prompter) -> bool:
    prompter.say(_PROTECTED if is_confined() else _UNPROTECTED)
    prompt = Prompt(
        "Try the command in an empty folder? <ENTER> yes, n goes on without, q cancels",
        help="The trial finds the outputs, and makes a test case. Without it, only the words are read.",
    )
    while True:
        line = prompter.ask(prompt).strip().lower()
        if line in ("", "y", "yes"):
            return True
        if line in ("n", "no"):
            return False
        if line in ("q", "quit", "cancel"):
            raise KeyboardInterrupt
        prompter.say(prompt.help)


def _reviewed(prompter: Prompter, imported: Imported, *, may_rename: bool) -> tuple[str, str] | None:
    """Return a name to change and the new one, or None to go on.

    The names of a script's or task's inputs are those of its options.
    """
    names = [item.role.split()[-1] for item in imported.findings if item.role.startswith(("input", "output"))]
    prompt = Prompt(
        f"Right? <ENTER> goes on, {'OLD=NEW renames, ' if may_rename else ''}q cancels",
        help=f"Names: {', '.join(names)}.",
    )
    while True:
        line = prompter.ask(prompt).strip()
        if line.lower() in ("", "y", "yes"):
            return None
        if line.lower() in ("q", "quit", "cancel", "n", "no"):
            raise KeyboardInterrupt
        match = _RENAMED.fullmatch(line)
        if may_rename and match and match[1] in names and match[2] not in names:
            return match[1], match[2]
        prompter.say(prompt.help)


def _with_name(command: str, old: str, new: str) -> str:
    return re.sub(rf"(\{{>?){old}(?=[:+?=|}}])", rf"\g<1>{new}", command)


def _renamed_samples(imported: Imported, old: str, new: str) -> dict[str, tuple[str, ...]]:
    options = imported.options
    given = [options[at + 1] for at, word in enumerate(options) if word == "--sample"]
    found = _samples(given)
    return {(new if name == old else name): values for name, values in found.items()}


def _scatter(flags: Mapping[str, Any]) -> Scatter | None:
    """Return the scatter in the flags, None without one; raise ImportProblemsError for an invalid one."""
    text = flags.get("scatter")
    try:
        return parse_scatter(str(text)) if text else None
    except ScatterError as error:
        raise ImportProblemsError((problem(error.code, error.message, error.hint, "--scatter"),)) from None


def _renamed_scatter(scatter: Scatter | None, old: str, new: str) -> Scatter | None:
    if scatter is None:
        return None
    return replace(scatter, inputs=tuple(new if name == old else name for name in scatter.inputs))


def _samples(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the samples by the names of their inputs; raise CommandLineError for a text without `=`."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandLineError(f"--sample {text!r} is not INPUT=FILE, such as reads=reads.fastq.")
        found[name] = (*found.get(name, ()), value)
    return found


def _contents(imported: Imported) -> dict[PurePosixPath, FileContent]:
    """Read all files of the app before the folder of the trial is removed."""
    contents = {
        target: FileContent(
            path.read_bytes(), executable=target.parts[:4] == ("resources", "usr", "local", "bin")
        )
        for target, path in imported.sources.items()
    }
    return contents | {target: FileContent(text.encode()) for target, text in imported.texts.items()}
