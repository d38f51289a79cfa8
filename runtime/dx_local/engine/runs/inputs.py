"""Make the input of a job from `-i` options, JSON or the app's samples; local paths become file objects."""

from __future__ import annotations

import codecs
import errno
import glob
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.console.text import without_surrogates
from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.dxapp.classes import (
    EMULATED_CLASSES,
    ClassValueError,
    UnknownClassError,
    parse_class,
    parse_value,
)
from dx_app_wizard.dxapp.json_errors import explain
from dx_app_wizard.dxapp.links import is_link, link, parse_reference
from dx_local.engine.runs.input_hints import BY_OPTION, InputPlaces
from dx_local.engine.table_formats import read_table
from dx_local.errors import UsageError
from dx_local.platform.data import files, objects
from dx_local.platform.gtables import gtables
from dx_local.platform.requests import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.dxapp.classes import IOClass
    from dx_app_wizard.dxapp.model import AppSpec
    from dx_local.platform.core.context import JSON, Context

SAMPLES = Path("test") / "input.json"
"""File in an app's folder with the input to use if none is given."""

_OPTION = re.compile(r"(?P<name>[a-zA-Z_][0-9a-zA-Z_]*)(?::(?P<class>[a-z:]+))?=(?P<value>.*)", re.DOTALL)
_GLOB = re.compile(r"[*?\[]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class GivenInputs:
    """Input from the user: JSON values, and the name, class (or None) and text of each `-i` option.

    Paths in `values` are relative to `folder`; those in `texts` to the current directory. `places` has the
    sources of `values`, such as the names of files, each with the names of its inputs; the last one counts.
    """

    values: JSON
    texts: tuple[tuple[str, str | None, str], ...] = ()
    folder: Path = Path()
    places: tuple[tuple[str, frozenset[str]], ...] = ()

    @property
    def names(self) -> set[str]:
        """The names of the inputs."""
        return {*self.values, *(name for name, _class, _text in self.texts)}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> GivenInputs:
        """Return values of a Python program as input; local files may be Path objects."""
        return cls(
            values={name: _paths_as_text(value) for name, value in values.items()},
            places=(("the inputs of run_app", frozenset(values)),),
        )

    def hint(self, problems: Iterable[str], by_option: str = BY_OPTION) -> str:
        """Return advice on problems with these inputs; see `InputPlaces.hint`."""
        return InputPlaces(self.places, {name for name, _, _ in self.texts}).hint(problems, by_option)


def parse_option(option: str) -> tuple[str, str | None, str]:
    """Split `NAME=VALUE` or `NAME:CLASS=VALUE`. Raises UsageError."""
    match = _OPTION.fullmatch(option)
    if match is None:
        raise UsageError(
            f"the input {option!r} has no name or no value", "Write -iNAME=VALUE or -iNAME:CLASS=VALUE."
        )
    return match["name"], match["class"], match["value"]


def read_json(text: bytes, where: str) -> JSON:
    """Parse a JSON object. Raises UsageError with the line of the mistake."""
    try:
        value = strict_json.parse(text.removeprefix(codecs.BOM_UTF8))
    except UnicodeError:
        hint = "Pass it as UTF-8." if where.startswith("--") else "Save it as UTF-8."
        raise UsageError(f"{where} contains text that is not Unicode", hint) from None
    except json.JSONDecodeError as error:
        reason = explain(error.doc, error)
        line = error.doc.count("\n", 0, reason.offset) + 1
        raise UsageError(f"{where} {reason.message} (line {line})", reason.hint) from None
    except ValueError as error:
        raise UsageError(f"{where} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{where} is not a JSON object", 'Write {"NAME": VALUE, ...}.')
    return value


def samples_of(app_folder: Path) -> GivenInputs | None:
    """Return the sample input in an app's folder, or None."""
    path = app_folder / SAMPLES
    try:
        text = regular_file.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    values = read_json(text, str(path))
    return GivenInputs(values=values, folder=app_folder, places=((str(path), frozenset(values)),))


def make_input(context: Context, project: str, spec: AppSpec, function: str, given: GivenInputs) -> JSON:
    """Return the input of a job, after adding its local files and sample objects to a project.

    Raises UsageError with every value that cannot be used.
    """
    builder = _InputBuilder(context, project, _declared(spec, function))
    for name, value in given.values.items():
        builder.add_value(name, value, given.folder)
    for name, class_name, text in given.texts:
        builder.add_text(name, class_name, text)
    if builder.problems:
        by_option = " ".join(dict.fromkeys(builder.hints))
        hint = given.hint(builder.problems, by_option).strip()
        raise UsageError("\n".join(builder.problems), hint or None)
    return builder.result


def class_of_option(spec: AppSpec, function: str, name: str, named: str | None) -> IOClass | None:
    """Return the class of an `-i` option: the one it names, else the declared one, else None."""
    try:
        return parse_class(named) if named else (_declared(spec, function) or {}).get(name)
    except UnknownClassError:
        return None


def _declared(spec: AppSpec, function: str) -> dict[str, IOClass] | None:
    """Return the classes of the declared inputs, or None if there is no inputSpec and anything is allowed."""
    if function != "main" or spec.inputs is None:
        return None
    return {field.name: parse_class(field.io_class) for field in spec.inputs}


class _InputBuilder:
    """Collects the input and the problems with it, value by value."""

    def __init__(self, context: Context, project: str, declared: dict[str, IOClass] | None) -> None:
        self._context = context
        self._project = project
        self._declared = declared
        self._from_file: set[str] = set()
        self.result: JSON = {}
        self.problems: list[str] = []
        self.hints: list[str] = []

    def add_value(self, name: str, value: Any, folder: Path) -> None:
        io_class = self._class_of(name, None)
        try:
            self.result[name] = self._from_json(io_class, value, folder)
            self._from_file.add(name)
        except UsageError as error:
            self._reject(name, error)

    def add_text(self, name: str, class_name: str | None, text: str) -> None:
        try:
            io_class = self._class_of(name, class_name)
            values = self._from_text(io_class, text)
        except (UsageError, ClassValueError, UnknownClassError) as error:
            self._reject(name, error)
            return
        if name in self._from_file and not isinstance(self.result[name], list):
            # As with `dx run`, an option replaces a value of a file, but extends an array.
            self._from_file.discard(name)
            del self.result[name]
        if io_class is not None and io_class.is_array:
            self.result.setdefault(name, []).extend(values)
        elif name in self.result and io_class is None:
            earlier = self.result[name]
            self.result[name] = [*(earlier if isinstance(earlier, list) else [earlier]), *values]
        elif name in self.result:
            self.problems.append(f"input {name!r} is not an array, but has more than one value")
        else:
            self.result[name] = values[0]

    def _reject(self, name: str, error: UsageError | ClassValueError | UnknownClassError) -> None:
        self.problems.append(f"input {name!r}: {error.message}")
        if error.hint:
            self.hints.append(error.hint)

    def _class_of(self, name: str, named: str | None) -> IOClass | None:
        if named is not None:
            return parse_class(named)
        if self._declared is None:
            return None
        if name not in self._declared:
            known = ", ".join(self._declared) or "none"
            self.problems.append(f"input {name!r} is not declared in inputSpec; declared are: {known}")
            return None
        return self._declared[name]

    def _from_text(self, io_class: IOClass | None, text: str) -> list[Any]:
        if io_class is None:
            return [self._guess(text)]
        if io_class.item == "file" and not _names_an_object(io_class.item, text):
            return [self._file(path) for path in _paths(text, many=io_class.is_array)]
        if io_class.item == "gtable" and not _names_an_object(io_class.item, text):
            return [self._table(path) for path in _paths(text, many=io_class.is_array)]
        if io_class.is_array and text.startswith("["):
            return [self._from_json(io_class, item, Path()) for item in _json_array(text)]
        _check_unicode(text)
        return [parse_value(io_class.item, text)]

    def _guess(self, text: str) -> Any:
        """Return the likely value of a text without a class: an ID, JSON, a local file, else a string."""
        if parse_reference(value := _reference_or_none(text)) is not None:
            return value
        for class_name in EMULATED_CLASSES:
            if _names_an_object(class_name, text):
                return parse_value(class_name, text)
        with suppress(ValueError):
            return strict_json.parse(text.encode())
        if os.path.isfile(text):  # noqa: PTH113 - accepts any text
            return self._file(Path(text))
        _check_unicode(text)
        return text

    def _from_json(self, io_class: IOClass | None, value: Any, folder: Path) -> Any:
        if isinstance(value, dict) and "$dx_local" in value:
            return self._sample_object(value["$dx_local"], folder)
        if isinstance(value, list):
            return [self._from_json(io_class, item, folder) for item in value]
        if io_class is not None and io_class.is_link and isinstance(value, str):
            return self._from_path_or_id(io_class.item, value, folder)
        if is_link(value) or parse_reference(value) is not None or not isinstance(value, dict):
            return value
        return {key: self._from_json(None, item, folder) for key, item in value.items()}

    def _from_path_or_id(self, class_name: str, text: str, folder: Path) -> Any:
        if class_name == "file":
            return self._file(_given_file(folder, text))
        if class_name == "gtable" and not _names_an_object(class_name, text):
            return self._table(_given_file(folder, text))
        return parse_value(class_name, text)

    def _sample_object(self, wanted: Any, folder: Path) -> JSON:
        """Create a small object for `{"$dx_local": CLASS}`, or a file for `"file:PATH"`."""
        kind, _, path = str(wanted).partition(":")
        if kind == "file" and path:
            return self._file(_given_file(folder, path))
        if kind not in objects.SAMPLES or path:
            classes = ", ".join(f'"{name}"' for name in EMULATED_CLASSES if name in objects.SAMPLES)
            raise UsageError(
                f"dx-local cannot make a sample object of {wanted!r}",
                f'Write {{"$dx_local": CLASS}} with one of {classes} or "file:PATH".',
            )
        request = {"project": self._project, "name": f"sample {kind}"}
        return link(objects.SAMPLES[kind](self._context, request))

    def _file(self, path: Path) -> JSON:
        file_id = files.link_local(
            self._context, path, project=self._project, folder="/", name=without_surrogates(path.name)
        )
        return link(file_id)

    def _table(self, path: Path) -> JSON:
        table = read_table(path)
        made = gtables.import_rows(
            self._context,
            table.columns,
            table.rows(),
            project=self._project,
            name=without_surrogates(path.name),
        )
        return link(made)


def _check_unicode(text: str) -> None:
    if without_surrogates(text) != text:
        raise UsageError("the value is not Unicode text")


def _names_an_object(class_name: str, text: str) -> bool:
    try:
        parse_value(class_name, text)
    except ClassValueError:
        return False
    return True


def _reference_or_none(text: str) -> Any:
    try:
        value = parse_value("file", text)
    except ClassValueError:
        return None
    return value


def _paths(text: str, *, many: bool) -> list[Path]:
    """Return the file at a path, or for an array also the files that match a pattern."""
    if many and _GLOB.search(text) and not os.path.lexists(text):
        found = [Path(name) for name in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207 - absolute too
        if not found:
            raise UsageError(f"no file matches {text!r}")
        return [_one_file(path) for path in found]
    return [_given_file(Path(), text)]


def _given_file(folder: Path, text: str) -> Path:
    if not text:
        raise UsageError("no path is given")
    if _URL.match(text):
        raise UsageError(f"{text!r} is a URL; download the file, and pass its path")
    return _one_file(folder / text)


def user_path(path: str | Path) -> Path:
    """Return a path with `~` expanded."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - that of Path raises for a user without a home


def _one_file(path: Path) -> Path:
    path = user_path(path)
    try:
        regular_file.check(path)
    except FileNotFoundError:
        raise UsageError(f"no such file: {str(path)!r}") from None
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a folder, not a file")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{str(path)!r} cannot be read: {os.strerror(errno.EACCES)}")
    return path


def _json_array(text: str) -> list[Any]:
    try:
        values = strict_json.parse(text.encode())
    except ValueError as error:
        raise UsageError(f"{text!r} is not a JSON array: {error}") from None
    return values if isinstance(values, list) else [values]


def _paths_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _paths_as_text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_paths_as_text(item) for item in value]
    return str(value) if isinstance(value, Path) else value
