"""Start an app from what a user has: import it, show what was found, and ask for consent at a terminal."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import CommandLineError
from dx_app_wizard.importing.command_import import CommandRequest, import_command, literal_text
from dx_app_wizard.importing.imported import Imported
from dx_app_wizard.importing.trial import is_confined
from dx_app_wizard.interview.prompters import LinePrompter, choose_prompter
from dx_app_wizard.interview.prompts import Prompt
from dx_app_wizard.rendering.changes import FileContent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dx_app_wizard.interview.prompters import Prompter

_RENAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*([A-Za-z_]\w*)\s*")
_PROTECTED = "It gets copies of your files, can write only to that folder, and has no network."
_UNPROTECTED = (
    "It gets copies of your files. This system has no Landlock, so nothing else keeps the command from"
    " writing to other files, or from using the network."
)


@dataclass(frozen=True)
class StartOptions:
    """The options that name something to start from.

    `words` are the words after `--`, `template` is that of --from-command. `trial` is None if neither --trial
    nor --no-trial was passed.
    """

    words: tuple[str, ...] = ()
    template: str | None = None
    trial: bool | None = None
    samples: tuple[str, ...] = ()

    @property
    def is_given(self) -> bool:
        """True if there is something to start from."""
        return bool(self.words or self.template is not None)


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


def start_from(options: StartOptions, flags: Mapping[str, Any], *, may_ask: bool) -> Start | None:
    """Return the imported app, None if there is nothing to start from.

    Raises ImportProblems, CommandLineError, and KeyboardInterrupt if a person declines.
    """
    if not options.is_given:
        return None
    if options.words and options.template is not None:
        raise CommandLineError("A command after -- cannot be combined with --from-command.")
    prompter = _person() if may_ask else None
    text = literal_text(options.words) if options.words else str(options.template)
    flag = "COMMAND" if options.words else "--from-command"
    tries = options.trial if options.trial is not None else bool(options.words) and may_ask
    if tries and prompter and options.trial is None:
        tries = _consents(prompter)
    request = CommandRequest(
        text,
        Path.cwd(),
        Path(),
        _samples(options.samples),
        tuple(flags.get("packages") or ()),
        tries,
        flag=flag,
    )
    while True:
        with tempfile.TemporaryDirectory(prefix="dx-app-wizard-trial-") as scratch:
            imported = import_command(replace(request, scratch=Path(scratch)))
            start = Start(imported, _contents(imported), prompter)
        if prompter is None:
            return start
        for line in report_lines(imported):
            prompter.say(line)
        renamed = _reviewed(prompter, imported)
        if renamed is None:
            return start
        request = replace(request, text=_with_name(imported.answers["command"], *renamed), samples=_renamed_samples(imported, *renamed))


def report_lines(imported: Imported) -> list[str]:
    """Return the findings as a table, the notes, and the line about the sample."""
    rows = [(item.subject, item.evidence, item.role, item.detail) for item in imported.findings]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    table = ["  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*table, *(f"  note: {note}" for note in imported.notes), imported.sample]


def _person() -> Prompter | None:
    """Return the prompter for a person at a terminal, None if stdin is none."""
    prompter = choose_prompter()
    return None if isinstance(prompter, LinePrompter) and prompter.is_pipe else prompter


def _consents(prompter: Prompter) -> bool:
    prompter.say(_PROTECTED if is_confined() else _UNPROTECTED)
    prompt = Prompt(
        "Try the command in an empty folder? <ENTER> yes, n goes on without, q cancels",
        help="The trial finds the outputs and makes a test case of them. Without it, only the words are read.",
    )
    while True:
        line = prompter.confirm(prompt).strip().lower()
        if line in ("", "y", "yes"):
            return True
        if line in ("n", "no"):
            return False
        if line in ("q", "quit", "cancel"):
            raise KeyboardInterrupt
        prompter.say(prompt.help)


def _reviewed(prompter: Prompter, imported: Imported) -> tuple[str, str] | None:
    """Return a name to change and the new one, or None to go on."""
    names = [item.role.split()[-1] for item in imported.findings if item.role.startswith(("input", "output"))]
    prompt = Prompt(
        "Right? <ENTER> goes on, OLD=NEW renames, q cancels",
        help=f"Names: {', '.join(names)}.",
    )
    while True:
        line = prompter.confirm(prompt).strip()
        if line.lower() in ("", "y", "yes"):
            return None
        if line.lower() in ("q", "quit", "cancel", "n", "no"):
            raise KeyboardInterrupt
        match = _RENAMED.fullmatch(line)
        if match and match[1] in names and match[2] not in names:
            return match[1], match[2]
        prompter.say(prompt.help)


def _with_name(command: str, old: str, new: str) -> str:
    return re.sub(rf"(\{{>?){old}(?=[:+?=|}}])", rf"\g<1>{new}", command)


def _renamed_samples(imported: Imported, old: str, new: str) -> dict[str, tuple[str, ...]]:
    options = imported.options
    given = [options[at + 1] for at, word in enumerate(options) if word == "--sample"]
    found = _samples(given)
    return {(new if name == old else name): values for name, values in found.items()}


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
        target: FileContent(path.read_bytes(), executable=target.parts[:4] == ("resources", "usr", "local", "bin"))
        for target, path in imported.sources.items()
    }
    return contents | {target: FileContent(text.encode()) for target, text in imported.texts.items()}
