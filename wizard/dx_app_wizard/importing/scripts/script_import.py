"""Make an app of a script: its options become the holes of a command."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dx_app_wizard.command_template.holes import ALL_OUTPUTS, WORKER, Hole, cannot_be_text
from dx_app_wizard.command_template.script import ONCE
from dx_app_wizard.dxapp.names import parameter_name_problem
from dx_app_wizard.importing.imported import Finding
from dx_app_wizard.importing.programs import first_line, provide
from dx_app_wizard.importing.scripts.other_languages import bash_options, r_options
from dx_app_wizard.importing.scripts.python_run import DeclaredOptions, ScriptError, options_by_running
from dx_app_wizard.importing.scripts.python_text import options_by_reading
from dx_app_wizard.importing.scripts.script_files import files_of_script
from dx_app_wizard.importing.scripts.script_option import ScriptOption, ending_by_words

_THREADS = re.compile(r"threads?|cpus?|cores|n_?jobs|n_?threads|processes")


@dataclass(frozen=True)
class ScriptCommand:
    """The command that runs a script: its template, inputs as in dxapp.json, files and packages."""

    text: str
    inputs: tuple[dict[str, Any], ...]
    resources: dict[str, Path]
    packages: tuple[str, ...]
    findings: tuple[Finding, ...]
    description: str = ""


def command_of_script(script: Path, *, run: bool = True) -> ScriptCommand:
    """Return the command of a script with all its options as holes; raise ScriptError if they cannot be read.

    With `run`, a Python script is run as far as it parses its arguments; otherwise only its text is read.
    """
    if script.is_dir():
        raise ScriptError(f"{script} is a folder", "Name a script in it.")
    if not script.is_file():
        raise ScriptError(f"there is no file {script}")
    interpreter = _interpreter(script)
    name = Path(interpreter).name
    if name.startswith("python"):
        declared = options_by_running(script, interpreter) if run else options_by_reading(script)
    elif name == "Rscript":
        declared = r_options(script)
    else:
        declared = bash_options(script)
    return _Builder(script, name, declared).command()


def _interpreter(script: Path) -> str:
    """Return the program that runs the script, by its ending or first line; raise ScriptError if unknown."""
    by_ending = {".py": "python3", ".r": "Rscript", ".sh": "bash", ".bash": "bash"}
    first = first_line(script)
    words = first[2:].split() if first.startswith("#!") else []
    named = words[-1] if words and Path(words[0]).name == "env" else next(iter(words), "")
    known = Path(named).name
    found = by_ending.get(script.suffix.lower())
    if known.startswith("python") and os.access(named, os.X_OK):
        return named
    if not found:
        found = (
            "python3"
            if known.startswith("python")
            else {"Rscript": "Rscript", "bash": "bash", "sh": "bash"}.get(known)
        )
    if not found:
        hint = "Use dx-app-wizard NAME -- COMMAND for a program in another language."
        raise ScriptError(f"{script.name} is no script in Python, R or bash", hint)
    return found


@dataclass
class _Builder:
    """The command of a script, built option by option."""

    script: Path
    interpreter: str
    declared: DeclaredOptions
    taken: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def command(self) -> ScriptCommand:
        options = self.declared.options
        # getopts ends at the first positional argument; a flag with several values would swallow those after.
        swallows = any(option.flag and option.takes_many for option in options)
        ordered = sorted(options, key=lambda option: bool(option.flag) is swallows)
        for option in ordered:
            self._add(option)
        interpreter = "python3" if self.interpreter.startswith("python") else self.interpreter
        files = files_of_script(self.script, self.interpreter)
        if not any(">" in word for word in self.words):
            self.words.append("> {>printed:file:*.txt}")
            self.findings.append(Finding("stdout", "is the only result", "output  printed", "file *.txt"))
        text = " ".join([interpreter, shlex.quote(self.script.name), *self.words])
        packages = (*provide(interpreter, self.script.parent).packages, *files.packages)
        return ScriptCommand(
            text,
            tuple(self.inputs),
            files.resources,
            packages,
            tuple(self.findings),
            self.declared.description,
        )

    def _add(self, option: ScriptOption) -> None:
        flag = f"{option.flag} " if option.flag else ""
        if option.kind == "output":
            self._output(option, flag)
            return
        if option.kind == "int" and _THREADS.fullmatch(option.name.lower()):
            self.words.append(f"{flag}{{cpus}}")
            self.findings.append(Finding(_shown(option), "is a number of threads", '"$(nproc)"'))
            return
        many = option.takes_many or option.repeats_flag
        io_class = f"array:{option.kind}" if many and option.kind != "boolean" else option.kind
        default = None if many or option.kind in ("file", "boolean") else option.default
        optional = not option.required and default is None and option.kind != "boolean"
        hole = Hole(
            self._name(option.name),
            io_class,
            optional=optional,
            default="false" if option.kind == "boolean" else None if default is None else str(default),
            flag=option.flag
            if option.kind == "boolean"
            else f"{flag}{ONCE}"
            if option.takes_many and flag
            else flag,
        )
        kept = {}
        if hole.default is not None and cannot_be_text(hole.default):
            # dxapp.json has the default instead of the hole.
            kept = {"default": hole.default}
            hole = replace(hole, default=None)
        self.words.append(str(hole))
        declaration = hole.declaration() | kept
        if option.help:
            declaration["help"] = " ".join(option.help.split())
        if option.choices and not many:
            declaration["choices"] = list(option.choices)
        self.inputs.append(declaration)
        detail = f"{io_class}{'?' if hole.optional else ''}{f' = {hole.default}' if hole.default else ''}"
        self.findings.append(Finding(_shown(option), option.evidence, f"input   {hole.name}", detail))

    def _output(self, option: ScriptOption, flag: str) -> None:
        ending = ending_by_words(option)
        is_plain = option.name.lower() in ("o", "out", "output", "outfile")
        others = [other.name for other in self.declared.options if other.kind != "output"]
        word = "table" if "table" in option.help and "table" not in others else "result"
        name = self._name(word if is_plain else option.name)
        hole = Hole(name, "file", is_output=True, patterns=(f"*{ending}",) if ending else ())
        self.words.append(f"{flag}{hole}")
        self.findings.append(
            Finding(
                _shown(option), option.evidence, f"output  {name}", f"file {' '.join(hole.patterns)}".strip()
            )
        )

    def _name(self, wanted: str) -> str:
        """Return a free name for an input or output: the option's own, if bash can have such a variable."""
        name = re.sub(r"\W", "_", wanted, flags=re.ASCII)
        reserved = ("in", "file", ALL_OUTPUTS, *WORKER)
        if name in reserved or parameter_name_problem(name, "bash"):
            name = f"{name}_value" if re.match(r"[A-Za-z_]", name) else f"option_{name}"
        while name in self.taken:
            name = f"{name}_"
        self.taken.add(name)
        return name


def _shown(option: ScriptOption) -> str:
    return option.flag or option.name
