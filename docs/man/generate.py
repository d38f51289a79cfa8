"""Write the man pages of all commands from their click definitions: `python docs/man/generate.py FOLDER`."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dx_app_wizard import __version__
from dx_app_wizard.cli import command as dx_app_wizard
from dx_local.cli import main as dx_local
from dx_local.cli.run import command as dx_run_app_locally

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEEPS_LINES = "\b\n"
"""The mark with which click keeps the line breaks of a paragraph."""


@dataclass(frozen=True)
class Page:
    """The man page of one command; `words` are those that call it."""

    words: str
    command: click.Command

    @property
    def name(self) -> str:
        """The name of the page, such as dx-local-run."""
        return self.words.replace(" ", "-")

    @property
    def subpages(self) -> tuple[Page, ...]:
        """The pages of the subcommands."""
        if not isinstance(self.command, click.Group):
            return ()
        context = click.Context(self.command)
        found = {
            verb: self.command.get_command(context, verb) for verb in self.command.list_commands(context)
        }
        return tuple(Page(f"{self.words} {verb}", command) for verb, command in found.items() if command)

    def text(self) -> str:
        """Return the page in roff."""
        context = click.Context(self.command, info_name=self.words)
        usage = " ".join(self.command.collect_usage_pieces(context))
        lines = [
            f'.TH "{self.name.upper()}" "1" "" "dx-app-wizard {__version__}" "User Commands"',
            *(".SH NAME", f"{_escaped(self.name)} \\- {_escaped(_summary(self.command).rstrip('.'))}"),
            *(".SH SYNOPSIS", f"\\fB{_escaped(self.words)}\\fR {_escaped(usage)}"),
            *(".SH DESCRIPTION", *_paragraphs(self.command.help)),
            ".SH OPTIONS",
        ]
        for parameter in self.command.get_params(context):
            record = parameter.get_help_record(context)
            if record and isinstance(parameter, click.Option):
                lines += [".TP", f"\\fB{_escaped(record[0])}\\fR", _escaped(record[1])]
        if self.subpages:
            lines.append(".SH COMMANDS")
            for page in self.subpages:
                lines += [".TP", f"\\fB{_escaped(page.name)}\\fR(1)", _escaped(_summary(page.command))]
        if self.command.epilog:
            lines += [".SH NOTES", *_paragraphs(self.command.epilog)]
        return "\n".join(lines) + "\n"


def pages(page: Page) -> Iterator[Page]:
    """Yield a page and those of all subcommands."""
    yield page
    for subpage in page.subpages:
        yield from pages(subpage)


def main(folder: Path) -> None:
    """Write a file for each command into folder."""
    programs = {
        "dx-app-wizard": dx_app_wizard,
        "dx-local": dx_local,
        "dx-run-app-locally": dx_run_app_locally,
    }
    for words, command in programs.items():
        for page in pages(Page(words, command)):
            (folder / f"{page.name}.1").write_text(page.text(), encoding="utf-8")


def _summary(command: click.Command) -> str:
    return command.get_short_help_str(limit=200)


def _paragraphs(text: str | None) -> Iterator[str]:
    for number, paragraph in enumerate(inspect.cleandoc(text or "").split("\n\n")):
        if number:
            yield ".PP"
        keeps_lines = paragraph.startswith(_KEEPS_LINES)
        lines = [_escaped(line) for line in paragraph.removeprefix(_KEEPS_LINES).splitlines()]
        yield from ([".nf", *lines, ".fi"] if keeps_lines else lines)


def _escaped(text: str) -> str:
    """Return text so that roff shows it as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    main(Path(sys.argv[1]))
