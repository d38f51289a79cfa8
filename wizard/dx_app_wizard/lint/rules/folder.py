"""Lint rules for the files of an app: source, resources and readme."""

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

from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.file_formats import format_of, patterns_of
from dx_app_wizard.lint.rules.rule import CodeViolation, Rules
from dx_app_wizard.lint.source import network
from dx_app_wizard.lint.source.python2 import is_python2, python2_code
from dx_app_wizard.lint.source.spec import hash_at
from dx_app_wizard.scatter.scatter import SIZED, ScatterError, parse_scatter
from dx_app_wizard.scatter.suggestions import earlier_scatter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath
    from dx_app_wizard.lint.source.app_folder import AppFolder
    from dx_app_wizard.scatter.scatter import Scatter

FOLDER_RULES: Rules[AppFolder, CodeViolation] = Rules()
"""Rules for the folder of an app."""

README_NAMES = ("README.md", "Readme.md", "readme.md")

_BASH_ERROR = re.compile(r".*?: line (\d+): (.*)")


@FOLDER_RULES.rule("error")
def source_file(app: AppFolder) -> Iterator[CodeViolation]:
    """The file named by runSpec.file exists, is inside the app's folder, and is text."""
    name = app.source_name
    if name is None:
        return
    path = app.path / name
    hint = "Create it, or correct runSpec.file."
    try:
        regular_file.check(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        yield CodeViolation(name, f"runSpec.file cannot be read: {error.strerror}", hint)
        return
    if not _is_inside(app.path, path):
        yield CodeViolation(name, "runSpec.file is outside the app's folder", "Move it to src/.")
    elif not path.is_file():
        yield CodeViolation(name, "the file named by runSpec.file does not exist", hint)
    elif app.source is None:
        yield CodeViolation(name, "the file is not UTF-8 text")


@FOLDER_RULES.rule("error")
def source_syntax(app: AppFolder) -> Iterator[CodeViolation]:
    """The source has no syntax errors, according to Python's compiler or `bash -n`."""
    if app.source is not None and app.source_name is not None:
        yield from _syntax_violations(app.source_name, app.source, app.language)


@FOLDER_RULES.rule("error")
def code_syntax(app: AppFolder) -> Iterator[CodeViolation]:
    """Inline code in runSpec.code has no syntax errors."""
    run_spec = app.spec.get("runSpec")
    code = run_spec.get("code") if isinstance(run_spec, dict) else None
    if isinstance(code, str):
        for violation in _syntax_violations(FILE_NAME, code, app.language):
            message = (
                f"{violation.message} (line {violation.line} of the code)"
                if violation.line
                else violation.message
            )
            yield CodeViolation(FILE_NAME, message, violation.hint, path=("runSpec", "code"))


@FOLDER_RULES.rule("warning")
def python2_source(app: AppFolder) -> Iterator[CodeViolation]:
    """The source of a Python 2 app is also valid Python 3, because dx-local runs it under Python 3."""
    run_spec = app.spec.get("runSpec")
    if not isinstance(run_spec, dict) or not is_python2(run_spec.get("interpreter")) or app.source is None:
        return
    if found := python2_code(app.source):
        message = f"Python 3 cannot parse this: {found.problem}"
        yield CodeViolation(app.source_name or "", message, found.hint, found.line, found.column)


@FOLDER_RULES.rule("error")
def bootstrap_script(app: AppFolder) -> Iterator[CodeViolation]:
    """The bootstrap script of a cluster exists inside the app's folder and has no syntax errors."""
    for path, name in _bootstrap_scripts(app):
        script = app.path / name
        try:
            text = regular_file.read(script).decode() if _is_inside(app.path, script) else None
        except (OSError, ValueError):
            text = None
        if text is None:
            yield CodeViolation(
                FILE_NAME, f"the file {name!r} does not exist or cannot be read", "Create it.", path=path
            )
        else:
            yield from _bash_syntax(name, text)


@FOLDER_RULES.rule("warning")
def entry_point_unknown(app: AppFolder) -> Iterator[CodeViolation]:
    """Settings by entry point (system requirements, timeouts, stages) refer to existing entry points."""
    known = _entry_points(app)
    if known is None:
        return
    for path, name in _named_entry_points(app.spec):
        if name not in known and name not in ("*", "main"):
            near = get_close_matches(name, list(known), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Entry points are {', '.join(sorted(known))}."
            yield CodeViolation(FILE_NAME, f"the app has no entry point {name!r}", hint, path=path)


@FOLDER_RULES.rule("warning")
def network_use(app: AppFolder) -> Iterator[CodeViolation]:
    """An app has network access if its source fetches from an address or installs packages from PyPI.

    The rule finds literal addresses and packages after curl, wget, `git clone` and `pip install`, and in
    calls of requests, httpx and urllib.
    """
    if hash_at(app.spec, "access").get("network"):
        return
    uses = network.in_bash(app.source or "") if app.bash else []
    uses += network.in_python(app.python.tree) if app.python else []
    for use in uses:
        message = f"{use.name} fails because the app has no network access"
        hint = 'Add "access": {"network": ["*"]} to dxapp.json.'
        yield CodeViolation(app.source_name or "", message, hint, use.line)


@FOLDER_RULES.rule("warning")
def scatter_binary(app: AppFolder) -> Iterator[CodeViolation]:
    """An app that divides an input into lines or records gets text: no pattern of the input is binary.

    The rule reads the record of dx-app-wizard. BAM, BCF and files in BGZF, such as *.vcf.gz, are binary.
    """
    scatter = _recorded_scatter(app)
    if scatter is None or scatter.kind not in SIZED or "split" not in (app.source or ""):
        return
    for index, parameter in enumerate(app.fields("inputSpec")):
        known = format_of(parameter)
        if parameter.get("name") == scatter.input and patterns_of(parameter) and known and known.binary:
            message = f"{known.title} is binary, and the app divides {scatter.input!r} into {scatter.kind}"
            option = "" if app.recorded_answers.get("template") == "basic" else f" --scatter {scatter.input}"
            hint = f"Divide it by files: dx-app-wizard --update .{option}"
            path = ("inputSpec", index, "patterns")
            yield CodeViolation(FILE_NAME, message, hint, path=path)


@FOLDER_RULES.rule("warning")
def resource_syntax(app: AppFolder) -> Iterator[CodeViolation]:
    """Python and bash files in resources/ have no syntax errors."""
    for path in _files(app.path / "resources"):
        language = {".py": "python", ".sh": "bash"}.get(path.suffix)
        if language and not path.name.startswith("._"):
            try:
                text = regular_file.read(path).decode()
            except (OSError, ValueError):
                continue
            yield from _syntax_violations(path.relative_to(app.path).as_posix(), text, language)


@FOLDER_RULES.rule("error")
def resource_links(app: AppFolder) -> Iterator[CodeViolation]:
    """Symbolic links in resources/ are not broken, and links to folders point into resources/."""
    resources = app.path / "resources"
    for folder, folders, files in os.walk(resources):
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            name_in_app = path.relative_to(app.path).as_posix()
            if not path.is_symlink():
                continue
            if not path.exists():
                yield CodeViolation(name_in_app, "the link is broken", "Remove it, or add its target.")
            elif path.is_dir() and not path.resolve().is_relative_to(resources.resolve()):
                hint = "Copy the folder into resources/."
                yield CodeViolation(name_in_app, "the link points to a folder outside resources/", hint)


@FOLDER_RULES.rule("warning")
def description_twice(app: AppFolder) -> Iterator[CodeViolation]:
    """An app has one description: in dxapp.json or in the readme. `dx build --app` fails otherwise."""
    readme = next((name for name in README_NAMES if (app.path / name).is_file()), None)
    if readme and "description" in app.spec:
        yield CodeViolation(
            FILE_NAME, f"the app has both a description and {readme}", "Remove the description."
        )


@FOLDER_RULES.rule("warning")
def app_described(app: AppFolder) -> Iterator[CodeViolation]:
    """An app has a description: a readme, or `description` in dxapp.json."""
    if "description" not in app.spec and not any((app.path / name).is_file() for name in README_NAMES):
        yield CodeViolation(FILE_NAME, "the app has no description", "Write a Readme.md.")


@FOLDER_RULES.rule("warning")
def app_folder_name(app: AppFolder) -> Iterator[CodeViolation]:
    """An app's folder has the same name as the app; `dx build` warns otherwise."""
    name = app.spec.get("name")
    folder = app.path.resolve().name
    if isinstance(name, str) and name != folder:
        message = f"the app is named {name!r}, but its folder {folder!r}"
        yield CodeViolation(FILE_NAME, message, "Use the same name for both.", path=("name",))


def _recorded_scatter(app: AppFolder) -> Scatter | None:
    """Return the scatter of a generated app; apps of earlier versions, which record none, divide lines."""
    recorded = app.recorded_answers.get("scatter")
    if isinstance(recorded, str):
        try:
            return parse_scatter(recorded)
        except ScatterError:
            return None
    pattern = app.recorded_answers.get("template")
    return earlier_scatter(app.fields("inputSpec")) if isinstance(pattern, str) else None


def _entry_points(app: AppFolder) -> set[str] | None:
    """Return the entry points of the source, None if they cannot be determined."""
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
    """Return whether path resolves into folder. Unlike Path.resolve, realpath accepts circular links."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _files(folder: Path) -> Iterator[Path]:
    for parent, _folders, files in os.walk(folder):
        for name in sorted(files):
            yield Path(parent, name)


def _syntax_violations(name: str, text: str, language: str | None) -> Iterator[CodeViolation]:
    if language == "python":
        yield from _python_syntax(name, text)
    elif language == "bash":
        yield from _bash_syntax(name, text)


def _python_syntax(name: str, text: str) -> Iterator[CodeViolation]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line, column = (getattr(error, attribute, None) for attribute in ("lineno", "offset"))
        yield CodeViolation(name, f"syntax error: {getattr(error, 'msg', error)}", None, line, column)


def _bash_syntax(name: str, text: str) -> Iterator[CodeViolation]:
    """Check the syntax with bash, which reads from stdin so that no file name is taken for an option."""
    bash = shutil.which("bash")
    if bash is None:
        return
    checked = subprocess.run([bash, "-n"], input=text.encode(), capture_output=True, check=False)
    if checked.returncode == 0:
        return
    message = checked.stderr.decode(errors="replace").strip().split("\n")[0]
    match = _BASH_ERROR.fullmatch(message)
    line, reason = (int(match[1]), match[2]) if match else (None, message)
    yield CodeViolation(name, f"syntax error: {reason}", None, line)
