"""Read the test cases of an app: the JSON files in test/cases, checked against their schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.classes import UnknownClassError, parse_class
from dx_app_wizard.errors import SpecFileError
from dx_local.engine.cases.differences import shown
from dx_local.engine.runs.inputs import GivenInputs, samples_of
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import Document, JsonPath

FOLDER = Path("test") / "cases"
"""Folder of the test cases in an app's folder."""

SCHEMA_FILE = Path(__file__).with_name("test-case.schema.json")
"""JSON Schema of a test case."""


class CaseFileError(UsageError):
    """A file of a test case cannot be used; every line of the message names the place of a mistake."""


@dataclass(frozen=True)
class Case:
    """A test case of the app in a folder; `document` is its file, which conforms to the schema."""

    app: Path
    path: Path
    document: Document

    @property
    def name(self) -> str:
        """The name of the case: that of its file, without .json."""
        return self.path.stem

    @property
    def golden_folder(self) -> Path:
        """The folder of its golden files."""
        return self.path.with_suffix("")

    @property
    def function(self) -> str:
        """The entry point to run."""
        return str(self.document.value.get("function", "main"))

    @property
    def expect(self) -> dict[str, Any]:
        """Expectations by the names of outputs."""
        found: dict[str, Any] = self.document.value.get("expect", {})
        return found

    @property
    def jobs(self) -> dict[str, int | str]:
        """By entry point: the number of jobs, or the state of all of them."""
        found: dict[str, int | str] = self.document.value.get("jobs", {})
        return found

    @property
    def failure(self) -> dict[str, str] | None:
        """The expected failure, or None if the run must be done."""
        found: dict[str, str] | None = self.document.value.get("failure")
        return found

    def given(self) -> GivenInputs:
        """Return the input of the case. Raises UsageError if it is that of the app and cannot be read."""
        values = self.document.value.get("input")
        if values is not None:
            places = ((str(self.path), frozenset(values)),)
            return GivenInputs(values=values, folder=self.app, places=places)
        samples = samples_of(self.app) if self.function == "main" else None
        return samples or GivenInputs(values={})


def read_cases(app: Path) -> list[Case]:
    """Return the test cases of an app, sorted by name.

    Raises UsageError if there are none, and CaseFileError with every mistake in their files.
    """
    if not app.is_dir():
        raise UsageError(f"there is no folder {str(app)!r}", "Pass the folder that holds dxapp.json.")
    paths = sorted(path for path in (app / FOLDER).glob("*.json") if not path.name.startswith("."))
    if not paths:
        hint = 'Write the first one, such as test/cases/sample.json with {"expect": {"OUTPUT": VALUE}}.'
        raise UsageError(f"there are no test cases in {str(app / FOLDER)!r}", hint)
    cases, problems = [], []
    for path in paths:
        try:
            cases.append(read_case(app, path))
        except CaseFileError as error:  # noqa: PERF203 - all mistakes are reported
            problems.append(error)
    if problems:
        raise CaseFileError("\n".join(error.message for error in problems), problems[0].hint)
    return cases


def read_case(app: Path, path: Path) -> Case:
    """Return the test case in a file. Raises CaseFileError with every mistake in it."""
    try:
        document = json_document.read(path)
    except SpecFileError as error:
        raise CaseFileError(str(error), error.hint) from None
    problems = [
        f"{_place(path, document, place)}: {message}" for place, message in _violations(document.value)
    ]
    if problems:
        raise CaseFileError(
            "\n".join(problems), "`dx-local test --schema` prints the JSON Schema of a test case."
        )
    return Case(app, path, document)


def _violations(value: Any) -> Iterator[tuple[JsonPath, str]]:
    """Yield the place and description of every violation of the schema."""
    for error in sorted(_validator().iter_errors(value), key=lambda error: list(error.absolute_path)):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            for name in sorted(error.instance.keys() - known.keys()):
                yield (*path, name), _unknown(path, name, known)
            continue
        message = _pattern_message(error) if error.validator == "pattern" else error.message
        where = json_document.path_text(path)
        yield path, f"{where}: {message}" if where else message
    if isinstance(value, dict) and "failure" in value and "expect" in value:
        yield ("expect",), "a run that must fail has no outputs; remove either expect or failure"


def _pattern_message(error: Any) -> str:
    """Return a description of a text that does not match its pattern."""
    if error.path and error.path[-1] == "class":
        try:
            parse_class(error.instance)
        except UnknownClassError as unknown:
            return f"{unknown.message}. {unknown.hint}"
    return f"{shown(error.instance)} is not valid. {error.schema.get('description', error.message)}"


def _unknown(path: JsonPath, name: str, known: dict[str, Any]) -> str:
    near = get_close_matches(name, known, n=1)
    guess = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"{json_document.path_text((*path, name))}: unknown key; {guess}"


def _place(file: Path, document: Document, path: JsonPath) -> str:
    position = document.position(path)
    return f"{file}:{position.line}:{position.column}" if position else str(file)


@cache
def _validator() -> Any:
    """Return the validator of the schema. The import takes 0.1 s."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
