"""Lint rules about the files of an app: its source, its resources, its readme."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import os
import re
import shutil
import subprocess
import warnings
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import json_document, regular_file
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.lint.findings import CodeFault, Finding, Rules
from dx_app_wizard.lint.rules.bash import BASH_RULES
from dx_app_wizard.lint.rules.python import PYTHON_RULES
from dx_app_wizard.lint.rules.run import hash_at
from dx_app_wizard.lint.source import network
from dx_app_wizard.lint.source.python2 import is_python2, python2_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import Document, JsonPath
    from dx_app_wizard.lint.app_folder import AppFolder
    from dx_app_wizard.lint.findings import Rule

FOLDER_RULES: Rules[AppFolder, CodeFault] = Rules()
"""Rules over the folder of an app."""

README_NAMES = ("README.md", "Readme.md", "readme.md")

_BASH_ERROR = re.compile(r".*?: line (\d+): (.*)")


def lint_folder(app: AppFolder, document: Document) -> list[Finding]:
    """Return what is wrong with the files of an app, and between them and its dxapp.json."""
    return [
        _finding(rule, fault, document)
        for rules in (FOLDER_RULES, PYTHON_RULES, BASH_RULES)
        for rule, fault in rules.faults(app)
    ]


def _finding(rule: Rule[AppFolder, CodeFault], fault: CodeFault, document: Document) -> Finding:
    line, column = fault.line, fault.column
    if fault.path and (position := document.position(fault.path)):
        line, column = position.line, position.column
    path = json_document.path_text(fault.path)
    place = (fault.file, line, column)
    return Finding(rule.id, rule.level, path, fault.message, fault.hint, *place, fix=fault.fix)


@FOLDER_RULES.rule("error")
def source_file(app: AppFolder) -> Iterator[CodeFault]:
    """The file that runSpec.file names is there, inside the app's folder, and is text."""
    name = app.source_name
    if name is None:
        return
    path = app.path / name
    hint = "Write it, or correct runSpec.file."
    try:
        regular_file.check(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        yield CodeFault(name, f"runSpec.file cannot be read: {error.strerror}", hint)
        return
    if not _is_inside(app.path, path):
        yield CodeFault(name, "runSpec.file lies outside the app's folder", "Move it to src/.")
    elif not path.is_file():
        yield CodeFault(name, "there is no such file, although runSpec.file names it", hint)
    elif app.source is None:
        yield CodeFault(name, "the file cannot be read as UTF-8 text")


@FOLDER_RULES.rule("error")
def source_syntax(app: AppFolder) -> Iterator[CodeFault]:
    """The source is free of syntax errors: by Python's compiler, or by `bash -n`."""
    if app.source is not None and app.source_name is not None:
        yield from _syntax_faults(app.source_name, app.source, app.language)


@FOLDER_RULES.rule("error")
def code_syntax(app: AppFolder) -> Iterator[CodeFault]:
    """Code that stands in runSpec.code itself is free of syntax errors."""
    run_spec = app.spec.get("runSpec")
    code = run_spec.get("code") if isinstance(run_spec, dict) else None
    if isinstance(code, str):
        for fault in _syntax_faults(FILE_NAME, code, app.language):
            message = f"{fault.message} (line {fault.line} of the code)" if fault.line else fault.message
            yield CodeFault(FILE_NAME, message, fault.hint, path=("runSpec", "code"))


@FOLDER_RULES.rule("warning")
def python2_source(app: AppFolder) -> Iterator[CodeFault]:
    """The source of an app for Python 2 is such that Python 3 can read it, which runs it here."""
    run_spec = app.spec.get("runSpec")
    if not isinstance(run_spec, dict) or not is_python2(run_spec.get("interpreter")) or app.source is None:
        return
    if found := python2_code(app.source):
        message = f"Python 3 cannot read this: {found.problem}"
        yield CodeFault(app.source_name or "", message, found.remedy, found.line, found.column)


@FOLDER_RULES.rule("error")
def bootstrap_script(app: AppFolder) -> Iterator[CodeFault]:
    """The bootstrap script of a cluster is there, inside the app's folder, and free of syntax errors."""
    for path, name in _bootstrap_scripts(app):
        script = app.path / name
        try:
            text = regular_file.read(script).decode() if _is_inside(app.path, script) else None
        except (OSError, ValueError):
            text = None
        if text is None:
            yield CodeFault(FILE_NAME, f"the app has no readable file {name!r}", "Write it.", path=path)
        else:
            yield from _bash_syntax(name, text)


@FOLDER_RULES.rule("warning")
def entry_point_unknown(app: AppFolder) -> Iterator[CodeFault]:
    """Settings by entry point (system requirements, timeouts, stages) name entry points that exist."""
    known = _entry_points(app)
    if known is None:
        return
    for path, name in _named_entry_points(app.spec):
        if name not in known and name not in ("*", "main"):
            near = get_close_matches(name, list(known), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Entry points are {', '.join(sorted(known))}."
            yield CodeFault(FILE_NAME, f"the app has no entry point {name!r}", hint, path=path)


@FOLDER_RULES.rule("warning")
def network_use(app: AppFolder) -> Iterator[CodeFault]:
    """An app whose source fetches from an address, or installs packages of PyPI, has access to the network.

    Found is what stands there literally: after curl, wget, `git clone` and `pip install`, and in calls of
    requests, httpx and urllib.
    """
    if hash_at(app.spec, "access").get("network"):
        return
    uses = network.in_bash(app.source or "") if app.bash else []
    uses += network.in_python(app.python.tree) if app.python else []
    for use in uses:
        message = f"{use.what} fails, as the app has no access to the network"
        hint = 'Add "access": {"network": ["*"]} to dxapp.json.'
        yield CodeFault(app.source_name or "", message, hint, use.line)


@FOLDER_RULES.rule("warning")
def resource_syntax(app: AppFolder) -> Iterator[CodeFault]:
    """Python and bash files among the resources are free of syntax errors."""
    for path in _files(app.path / "resources"):
        language = {".py": "python", ".sh": "bash"}.get(path.suffix)
        if language and not path.name.startswith("._"):
            try:
                text = regular_file.read(path).decode()
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


@FOLDER_RULES.rule("warning")
def app_described(app: AppFolder) -> Iterator[CodeFault]:
    """An app is described: by a readme, or by `description` in dxapp.json."""
    if "description" not in app.spec and not any((app.path / name).is_file() for name in README_NAMES):
        yield CodeFault(FILE_NAME, "the app has no description", "Write a Readme.md.")


@FOLDER_RULES.rule("warning")
def app_folder_name(app: AppFolder) -> Iterator[CodeFault]:
    """An app's folder is called like the app; `dx build` warns otherwise."""
    name = app.spec.get("name")
    folder = app.path.resolve().name
    if isinstance(name, str) and name != folder:
        message = f"the app is called {name!r}, and its folder {folder!r}"
        yield CodeFault(FILE_NAME, message, "Give both the same name.", path=("name",))


def _entry_points(app: AppFolder) -> set[str] | None:
    """Return the entry points that the source has, None where it cannot be known."""
    if app.python and app.python.entry_points_are_known:
        return set(app.python.entry_points)
    return set(app.bash.functions) if app.bash and app.bash.is_whole else None


def _places(spec: dict[str, Any]) -> Iterator[tuple[JsonPath, dict[str, Any]]]:
    """Yield runSpec and the options of each region."""
    regional = spec.get("regionalOptions")
    options = regional.items() if isinstance(regional, dict) else ()
    places = [
        (("runSpec",), spec.get("runSpec")),
        *((("regionalOptions", key), value) for key, value in options),
    ]
    for path, place in places:
        if isinstance(place, dict):
            yield path, place


def _named_entry_points(spec: dict[str, Any]) -> Iterator[tuple[JsonPath, str]]:
    for path, place in _places(spec):
        for key in ("systemRequirements", "timeoutPolicy"):
            if isinstance(place.get(key), dict):
                yield from (((*path, key, name), name) for name in place[key])
        for key in ("execDepends", "assetDepends", "bundledDepends"):
            for index, entry in enumerate(place[key] if isinstance(place.get(key), list) else []):
                stages = entry.get("stages") if isinstance(entry, dict) else None
                for number, name in enumerate(stages if isinstance(stages, list) else []):
                    yield (*path, key, index, "stages", number), str(name)


def _bootstrap_scripts(app: AppFolder) -> Iterator[tuple[JsonPath, str]]:
    for path, place in _places(app.spec):
        requirements = place.get("systemRequirements")
        for entry_point, requirement in requirements.items() if isinstance(requirements, dict) else ():
            cluster = requirement.get("clusterSpec") if isinstance(requirement, dict) else None
            name = cluster.get("bootstrapScript") if isinstance(cluster, dict) else None
            if isinstance(name, str):
                way = (*path, "systemRequirements", entry_point, "clusterSpec", "bootstrapScript")
                yield way, name


def _is_inside(folder: Path, path: Path) -> bool:
    """Return whether path leads into folder; Path.resolve raises for circles of links, realpath does not."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


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
