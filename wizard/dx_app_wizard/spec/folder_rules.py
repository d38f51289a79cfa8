"""Lint rules about the files of an app: its source, its resources, its readme."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.spec import jsonfile
from dx_app_wizard.spec.app_folder import AppFolder
from dx_app_wizard.spec.findings import CodeFault, Finding, Rules
from dx_app_wizard.spec.model import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER_RULES: Rules[AppFolder, CodeFault] = Rules()
"""Rules over the folder of an app."""

README_NAMES = ("README.md", "Readme.md", "readme.md")

_BASH_ERROR = re.compile(r".*?: line (\d+): (.*)")


def lint_folder(path: Path) -> list[Finding]:
    """Return what is wrong with the files of the app in path, whose dxapp.json must be readable."""
    spec = jsonfile.read(path / FILE_NAME).value
    if not isinstance(spec, dict):
        return []
    return [
        Finding(rule.id, rule.level, "", fault.message, fault.hint, fault.file, fault.line, fault.column)
        for rule, fault in FOLDER_RULES.faults(AppFolder(path, spec))
    ]


@FOLDER_RULES.rule("error")
def source_file(app: AppFolder) -> Iterator[CodeFault]:
    """The file that runSpec.file names is there, inside the app's folder, and is text."""
    name = app.source_name
    if name is None:
        return
    path = app.path / name
    if not path.resolve().is_relative_to(app.path.resolve()):
        yield CodeFault(name, "runSpec.file lies outside the app's folder", "Move it to src/.")
    elif not path.is_file():
        yield CodeFault(
            name, "there is no such file, although runSpec.file names it", "Write it, or mend runSpec.file."
        )
    elif app.source is None:
        yield CodeFault(name, "the file cannot be read as UTF-8 text")


@FOLDER_RULES.rule("error")
def source_syntax(app: AppFolder) -> Iterator[CodeFault]:
    """The source is free of syntax errors: by Python's compiler, or by `bash -n`."""
    if app.source is not None and app.source_name is not None:
        yield from _syntax_faults(app.source_name, app.source, app.language)


@FOLDER_RULES.rule("warning")
def resource_syntax(app: AppFolder) -> Iterator[CodeFault]:
    """Python and bash files among the resources are free of syntax errors."""
    for path in _files(app.path / "resources"):
        language = {".py": "python", ".sh": "bash"}.get(path.suffix)
        if language and not path.name.startswith("._"):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, ValueError):
                continue
            yield from _syntax_faults(path.relative_to(app.path).as_posix(), text, language)


@FOLDER_RULES.rule("error")
def resource_links(app: AppFolder) -> Iterator[CodeFault]:
    """Symbolic links among the resources lead to something, and those to folders stay among the resources."""
    resources = app.path / "resources"
    for folder, folders, files in os.walk(resources):
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            shown = path.relative_to(app.path).as_posix()
            if not path.is_symlink():
                continue
            if not path.exists():
                yield CodeFault(shown, "the link leads nowhere", "Remove it, or add what it leads to.")
            elif path.is_dir() and not path.resolve().is_relative_to(resources.resolve()):
                yield CodeFault(shown, "the link leads to a folder outside resources/", "Copy the folder in.")


@FOLDER_RULES.rule("warning")
def description_twice(app: AppFolder) -> Iterator[CodeFault]:
    """An app is described once: in dxapp.json or in the readme; `dx build --app` stops otherwise."""
    readme = next((name for name in README_NAMES if (app.path / name).is_file()), None)
    if readme and "description" in app.spec:
        yield CodeFault(FILE_NAME, f"there is a description as well as {readme}", "Remove the description.")


def _files(folder: Path) -> Iterator[Path]:
    for parent, _folders, files in os.walk(folder):
        for name in sorted(files):
            yield Path(parent, name)


def _syntax_faults(name: str, text: str, language: str | None) -> Iterator[CodeFault]:
    if language == "python":
        yield from _python_syntax(name, text)
    elif language == "bash":
        yield from _bash_syntax(name, text)


def _python_syntax(name: str, text: str) -> Iterator[CodeFault]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line, column = (getattr(error, attribute, None) for attribute in ("lineno", "offset"))
        yield CodeFault(name, f"syntax error: {getattr(error, 'msg', error)}", None, line, column)


def _bash_syntax(name: str, text: str) -> Iterator[CodeFault]:
    """Check by bash itself; it reads the text from stdin, so that no name becomes an option."""
    bash = shutil.which("bash")
    if bash is None:
        return
    checked = subprocess.run([bash, "-n"], input=text.encode(), capture_output=True, check=False)
    if checked.returncode == 0:
        return
    message = checked.stderr.decode(errors="replace").strip().split("\n")[0]
    match = _BASH_ERROR.fullmatch(message)
    line, what = (int(match[1]), match[2]) if match else (None, message)
    yield CodeFault(name, f"syntax error: {what}", None, line)
